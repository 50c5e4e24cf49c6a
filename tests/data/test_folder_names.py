"""Names of folders and files that are hardly labels are asked about, and an answer settles it."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source


def facts(listing):
    return sorted({(row.label, row.group, row.split) for row in listing.rows}, key=str)


@pytest.mark.parametrize(
    ("names", "said", "labels"),
    [
        (["images/1.png", "masks/1.png"], "the folder images beside masks is hardly a class", {"images", "masks"}),
        (["a/2023-01-05/1.png", "b/20230106/2.png"], "the classes may be a, b, and the folders in them dates",
         {"2023-01-05", "20230106"}),
        ([f"{n}/{n}/{n}_word{chr(97 + n)}x_{n + 9}.png" for n in range(6)], "the folders are numbers", set("012345")),
    ],
)  # fmt: skip
def test_folders_that_are_hardly_classes(tmp_path, fill, names, said, labels):
    fill(tmp_path, names)
    with pytest.raises(CatalogError, match=rf"^{said}.*--label-from folder"):
        read_source(tmp_path)
    assert {row.label for row in read_source(tmp_path, label_from="folder").rows} == labels


def test_classes_in_several_groups_are_classes_where_that_is_said(tmp_path, fill):
    fill(tmp_path, ["anna/happy/1.png", "anna/sad/2.png", "bert/happy/3.png"])
    assert facts(read_source(tmp_path, label_from="folder")) == [("happy", None, None), ("sad", None, None)]
    fill(tmp_path / "other", ["animal/cat/1.png", "object/cup/2.png"])
    assert facts(read_source(tmp_path / "other", label_from="folder")) == [
        ("cat", "animal", None),
        ("cup", "object", None),
    ]


def test_names_with_backslashes_are_folders_that_were_not_made(tmp_path, fill, refuses):
    fill(tmp_path, [r"set\cat\1.png", r"set\dog\2.png"])
    with refuses(
        CatalogError,
        f"{tmp_path}: 2 names hold a backslash, as where an archive from Windows was unpacked without making its "
        r"folders: set\cat\1.png, set\dog\2.png; unpack it with a program that makes them (unzip does), or say "
        "--label-from with a rule for these names",
    ):
        read_source(tmp_path)
    assert {row.label for row in read_source(tmp_path, label_from=r"set\\(.+)\\.*").rows} == {"cat", "dog"}
    assert {row.label for row in read_source(tmp_path, task="read").rows} == {r"set\cat\1", r"set\dog\2"}


def test_parts_in_the_names_of_files(tmp_path, fill):
    fill(tmp_path, ["train_cat_1.png", "train_dog_2.png", "test_cat_3.png"])
    listing = read_source(tmp_path)
    assert facts(listing) == [("cat", None, "test"), ("cat", None, "train"), ("dog", None, "train")]
    assert listing.notes == [
        "the names say the parts: 'test_cat' is 'cat' of the test part (--label-from prefix: it is a class)"
    ]
    assert {row.label for row in read_source(tmp_path, label_from="prefix").rows} == {
        "train_cat",
        "train_dog",
        "test_cat",
    }
