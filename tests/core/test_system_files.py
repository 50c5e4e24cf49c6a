"""What systems leave behind is known by its name; a person's files are not."""

from __future__ import annotations

import pytest

from tellapart.core.system_files import is_system_name, system_kind


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "__MACOSX", ".DS_Store", "._cat.jpg", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", ".git",
     "$RECYCLE.BIN", "#recycle", "System Volume Information", "lost+found", "Icon\r", ".ipynb_checkpoints", "@Recycle",
     "ehthumbs.db", "__pycache__", ".@__thumb"],
)  # fmt: skip
def test_what_is_a_systems(name):
    assert is_system_name(name)


@pytest.mark.parametrize(
    "name", ["cat", "eaDir", "macosx", "Icon", "icons", "thumbs", "recycle", "@home", "a.b", "#1", "_x"]
)
def test_what_is_a_persons(name):
    assert not is_system_name(name)


def test_resource_forks_are_one_kind():
    assert {system_kind(name) for name in ("._a.png", "._b.png")} == {"._ (AppleDouble)"}
    assert system_kind("Thumbs.db") == "Thumbs.db"
