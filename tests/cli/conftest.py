"""Command lines as functions."""

from __future__ import annotations

import json

import pytest
import yaml

from tellapart.cli import main


@pytest.fixture
def said(capsys):
    """Run a command line: its status, stdout and stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def answered(said):
    """The one JSON object of a command line that succeeds."""

    def run(*words):
        status, out, err = said(*words, "--json")
        assert status == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def options_file(shape_options, tmp_path_factory):
    path = tmp_path_factory.mktemp("options") / "options.yaml"
    path.write_text(yaml.safe_dump(shape_options), encoding="utf-8")
    return path
