"""The layouts of docs/layouts.md are read as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.name_rules import LABEL_RULES, label_in_name
from tellapart.data.opening import open_catalog

TEXT = (Path(__file__).parents[2] / "docs" / "layouts.md").read_text(encoding="utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)]


def build(root, lines, fill):
    for line in lines:
        name, colon, text = line.partition(":")
        if name.endswith("/"):
            (root / name).mkdir(parents=True)
        elif colon:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text.strip().replace("|", "\n") + "\n", encoding="utf-8")
        else:
            fill(root, [name], 8, 8)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[0])
def test_a_layout_is_read_as_the_page_says(block, tmp_path, fill, capsys, monkeypatch):
    build(tmp_path, [line for line in block if line.startswith("set/")], fill)
    said = [line.removeprefix("=> ") for line in block if line.startswith("=> ")]
    task = "read" if "--task read" in block else None
    monkeypatch.chdir(tmp_path)
    if said[0].startswith("error: "):
        with pytest.raises(CatalogError, match=re.escape(said[0].removeprefix("error: "))):
            open_catalog("set", task=task)
        return
    opened = open_catalog("set", task=task)
    assert capsys.readouterr().err.splitlines() == [said[0]]
    assert [f"note: {note}" for note in opened.notes] == said[1:]


def test_there_are_layouts_to_check():
    assert len(BLOCKS) >= 10


def test_the_rules_of_names_are_as_the_table_says():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", TEXT, re.MULTILINE)
    assert [rule for rule, *_ in rows] == list(LABEL_RULES)
    for rule, names, labels in rows:
        pairs = zip(re.findall("`(.+?)`", names), re.findall("`(.+?)`", labels), strict=True)
        assert all(label_in_name(name, rule) == label for name, label in pairs)
