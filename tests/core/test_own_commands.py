"""A printed command line runs as printed, from a checkout and from an index, on PATH or not."""

from __future__ import annotations

import json
import sys
from importlib import metadata

import pytest

from tellapart.core.own_commands import install_command, own_command


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A working folder with an environment in it that is not on PATH, as `make setup` leaves it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    python = program(tmp_path / ".venv/bin/python")
    program(tmp_path / ".venv/bin/pip")
    monkeypatch.setattr(sys, "executable", str(python))
    return tmp_path


def comes_from(monkeypatch, origin):
    class Distribution:
        def read_text(self, name):
            assert name == "direct_url.json"
            return origin and json.dumps(origin)

    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())


def test_a_program_that_is_not_on_path_is_called_by_its_path(at, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(program(at / ".venv/bin/tellapart")), "demo"])
    assert own_command() == ".venv/bin/tellapart"
    monkeypatch.setenv("PATH", str(at / ".venv/bin"))
    assert own_command() == "tellapart"


def test_another_program_of_the_name_on_path_is_not_taken_for_it(at, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(program(at / "my env/bin/tellapart"))])
    monkeypatch.setenv("PATH", str(program(at / "other/tellapart").parent))
    assert own_command() == "'my env/bin/tellapart'"


def test_a_module_is_called_as_one_and_a_library_call_names_the_program(at, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(at / "site-packages/tellapart/__main__.py")])
    assert own_command() == ".venv/bin/python -m tellapart"
    monkeypatch.setattr(sys, "argv", ["notebook.py"])
    assert own_command() == "tellapart"


def test_an_extra_comes_from_where_the_package_came_from(at, monkeypatch):
    comes_from(monkeypatch, None)
    assert install_command("train") == '.venv/bin/python -m pip install "tellapart[train]"'
    monkeypatch.setenv("PATH", str(at / ".venv/bin"))
    assert install_command("train") == 'pip install "tellapart[train]"'
    checkout = at / "code"
    checkout.mkdir()
    (checkout / "constraints.txt").touch()
    comes_from(monkeypatch, {"url": checkout.as_uri(), "dir_info": {"editable": True}})
    assert install_command("tune") == 'pip install -c code/constraints.txt -e "code[tune]"'
    monkeypatch.chdir(checkout)
    assert install_command("tune") == 'pip install -c constraints.txt -e ".[tune]"'
