"""Layouts of published sets and of people's own: each means what its owner meant, or is refused with what to do."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tellapart.core.errors import TellapartError
from tellapart.core.image_io import is_image_name
from tellapart.data.opening import open_catalog

CASES = yaml.safe_load((Path(__file__).parent / "published_layouts.yaml").read_text("utf-8"))


def expanded(name):
    """The names that a pattern stands for: ``{1..3}`` and ``{a,b}``."""
    found = re.search(r"\{([^{}]*)\}", name)
    if found is None:
        return [name]
    span = re.fullmatch(r"(\d+)\.\.(\d+)", found[1])
    numbers = range(int(span[1]), int(span[2]) + 1) if span else ()
    choices = [str(number).zfill(len(span[1])) for number in numbers] if span else found[1].split(",")
    return [each for choice in choices for each in expanded(name[: found.start()] + choice + name[found.end() :])]


@pytest.fixture
def made(tmp_path, fill):
    """Makes the files of a case; returns what is given as the data."""

    def make(case):
        root = tmp_path / "set"
        for entry in case["files"]:
            for name, content in (
                entry.items() if isinstance(entry, dict) else ((each, None) for each in expanded(entry))
            ):
                path = root / name
                if name.endswith("/"):
                    path.mkdir(parents=True)
                elif content is None and is_image_name(name):
                    fill(root, [name])
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes((content or "x").encode())
        return root / case.get("data", ".")

    return make


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_its_owner_means(case, made, capsys):
    data = made(case)
    if "refused" in case:
        with pytest.raises(TellapartError) as caught:
            open_catalog(data, **case.get("options", {}))
        assert re.search(case["refused"], str(caught.value)), str(caught.value)
        return
    catalog = open_catalog(data, **case.get("options", {}))
    labels = Counter(catalog.column("label"))
    assert (labels if isinstance(case["labels"], dict) else sorted(labels)) == case["labels"]
    if "parts" in case:
        assert {part: count for part, count in Counter(catalog.column("split")).items() if part} == case["parts"]
    assert catalog.task == case.get("task", catalog.task)
    groups = sorted({group for group in catalog.column("group") if group})
    assert groups == case.get("groups", groups)
    assert len(catalog.rows()) == case.get("kept", len(catalog))
    said = "\n".join([capsys.readouterr().err, *catalog.notes])
    for note in case.get("notes", ()):
        assert re.search(note, said), said
