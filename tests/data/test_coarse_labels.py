"""Coarse labels: each class in exactly one group, from a mapping, a file, folders or a table."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.opening import open_catalog

GROUPS = {"animal": ["cat", "dog"], "object": ["cup"]}


def test_groups_from_a_mapping_or_a_file(class_folders, tmp_path, table):
    path = table(tmp_path, "animal: [cat, dog]\nobject:\n  - cup\n", "groups.yaml")
    for groups in (GROUPS, path, str(path)):
        opened = open_catalog(class_folders, coarse_labels=groups)
        assert opened.groups == {"cat": "animal", "dog": "animal", "cup": "object"}
        assert opened.column("group") == ["animal"] * 4 + ["object"] * 4 + ["animal"] * 4
        assert opened.notes == ()


def test_a_class_in_no_group_is_named(class_folders, tmp_path, refuses, table):
    path = table(tmp_path, "animal: [cat]\n", "groups.yaml")
    with refuses(
        CatalogError,
        f"{path}: in no group: cup, dog; every class belongs to exactly one (quote names like '0042')",
    ):
        open_catalog(class_folders, coarse_labels=path)


def test_a_class_in_two_groups_is_named(class_folders, refuses):
    with refuses(CatalogError, "groups: in more than one group: cat; every class belongs to exactly one"):
        open_catalog(class_folders, coarse_labels={"animal": ["cat", "dog"], "pet": ["cat"], "object": ["cup"]})
    with refuses(CatalogError, "groups: in more than one group: cup; every class belongs to exactly one"):
        open_catalog(class_folders, coarse_labels={"animal": ["cat", "dog"], "object": ["cup", "cup"]})


def test_a_class_without_images_is_noted(class_folders, tmp_path, table):
    path = table(tmp_path, "animal: [cat, dog, owl]\nobject: [cup, hat]\n", "groups.yaml")
    assert open_catalog(class_folders, coarse_labels=path).notes == (f"2 classes of {path} have no image: hat, owl",)


def test_numbers_in_a_groups_file_must_be_quoted(tmp_path, fill, refuses, table):
    fill(tmp_path / "set", ["0042/1.png", "7/1.png"])
    path = table(tmp_path, "all: [0042, 7]\n", "groups.yaml")
    with refuses(
        CatalogError, f"{path}: in no group: 0042; every class belongs to exactly one (quote names like '0042')"
    ):
        open_catalog(tmp_path / "set", coarse_labels=path)
    table(tmp_path, "all: ['0042', 7]\n", "groups.yaml")
    assert open_catalog(tmp_path / "set", coarse_labels=path).groups == {"0042": "all", "7": "all"}


def test_groups_files_that_cannot_be_used(class_folders, tmp_path, refuses):
    path = tmp_path / "groups.yaml"
    with refuses(CatalogError, f"{path}: the groups file cannot be read: No such file or directory"):
        open_catalog(class_folders, coarse_labels=path)
    for data in (b"a: [", b"a: [\xff]"):
        path.write_bytes(data)
        with pytest.raises(CatalogError, match=r"groups\.yaml: not (YAML|UTF-8 text)"):
            open_catalog(class_folders, coarse_labels=path)
    for text in ("", "- cat\n", "animal: cat\n", "animal: {cat: 1}\n"):
        path.write_text(text)
        with refuses(CatalogError, f"{path}: write one line a group: its name, then its classes in brackets"):
            open_catalog(class_folders, coarse_labels=path)


def test_groups_from_folders_and_tables(tmp_path, fill, refuses, table):
    root = fill(tmp_path / "set", ["animal/cat/1.png", "animal/dog/1.png", "object/cup/1.png"])
    assert open_catalog(root).groups == {"cat": "animal", "dog": "animal", "cup": "object"}
    fill(root, ["object/cat/1.png"])
    with refuses(
        CatalogError,
        f"{root}: in more than one group (animal, object): cat; every class belongs to exactly one; if the outer "
        "folders are no groups of classes, say --label-from folder",
    ):
        open_catalog(root)
    assert set(open_catalog(root, coarse_labels=GROUPS).groups) == {"cat", "dog", "cup"}, "the file decides"
    head = "file,label,group\nanimal/cat/1.png,cat,animal\n"
    path = table(root, head + "object/cup/1.png,cup,\n")
    with refuses(CatalogError, f"{path}: in no group: cup; every class belongs to exactly one"):
        open_catalog(path)
    path = table(root, head + "object/cup/1.png,cup,object\n")
    assert open_catalog(path).groups == {"cat": "animal", "cup": "object"}
