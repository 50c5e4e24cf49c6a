"""What is no row is counted by kind and named; so is a class that has no image."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source
from tellapart.data.left_out import hint_of_kind, other_files


def test_kinds_are_counted_and_some_have_a_remedy():
    files = [("a.heic",), ("b.HEIC",), ("c.zip",), ("README",), ("LICENSE",), ("x", "data.arrow")]
    assert other_files(files) == [
        "6 files are not images by name and were left out: 2 .heic, 2 without an ending, 1 .zip, 1 .arrow",
        "2 .heic: pictures of kinds that are not read: convert them to JPEG or PNG",
        "1 .zip: archives: unpack them",
        "1 .arrow: Arrow files of a saved dataset: write it as Parquet (to_parquet)",
    ]
    assert other_files([]) == []
    assert other_files([("a.txt",)]) == ["1 file is no image by name and was left out: 1 .txt"]
    assert other_files([("drawn", "scheme.yaml")]) == []  # as `tellapart generate` writes it


def made(root, fill, *, files=(), folders=()):
    fill(root, [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(2)])
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    for name in folders:
        (root / name).mkdir(parents=True)
    return read_source(root)


def test_classes_without_an_image_are_named(tmp_path, fill):
    listing = made(tmp_path, fill, files=["bird/1.heic", "bird/2.heic", "owl/owl.zip"], folders=["fish", "hen/.cache"])
    assert listing.lost_classes == {"bird": "2 .heic", "fish": "empty", "owl": "1 .zip", "hen": "empty"}
    assert (
        "4 class folders without a usable image: bird (2 .heic), fish (empty), hen (empty), owl (1 .zip)"
        in listing.notes
    )


@pytest.mark.parametrize("name", ["docs/README.md", "labels/1.txt", "annotations/a/1.xml", "cat/notes/1.txt"])
def test_folders_of_texts_are_no_classes(tmp_path, fill, name):
    assert made(tmp_path, fill, files=[name]).lost_classes == {}


def test_a_class_that_is_missing_in_one_part_is_named_and_not_lost(tmp_path, fill):
    fill(tmp_path, ["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"])
    for name in ("test/dog", "test/owl", "val"):
        (tmp_path / name).mkdir()
    listing = read_source(tmp_path)
    assert listing.lost_classes == {"owl": "empty"}
    assert listing.notes == [
        "1 class folder without a usable image: owl (empty)",
        "2 folders of parts without an image: test/dog, val",
    ]


def test_classes_below_groups(tmp_path, fill):
    fill(tmp_path, ["animal/cat/1.png", "thing/cup/1.png"])
    (tmp_path / "animal" / "dog").mkdir()
    assert read_source(tmp_path).lost_classes == {"dog": "empty"}


def test_an_empty_part_beside_the_one_that_has_images_is_named(tmp_path, fill):
    fill(tmp_path, ["train/cat/1.png", "train/dog/2.png"])
    (tmp_path / "test").mkdir()
    assert read_source(tmp_path).notes == ["1 folder of parts without an image: test"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.tar.gz", "a.zip", "a.dcm", "a.npz", "a.mp4", "a.arrow"])
def test_a_file_of_another_kind_that_is_given_has_a_hint(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(CatalogError, match=rf"not a data set \({hint_of_kind(name)[:9]}.*\); give a folder of images"):
        read_source(tmp_path / name)
