"""The levels of published folders mean what their owners meant."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.folder_scheme import find_scheme


def placed(*names, strict=False):
    """Part and folders of each image, in the order of the names."""
    parts = [tuple(name.split("/")) for name in names]
    scheme = find_scheme(parts, strict=strict)
    places = [scheme.place(each[:-1]) for each in parts]
    return [None if place is None else (place.part, "/".join(place.folders)) for place in places]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"), ("Train", "TEST"), ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set/training_set", "test_set/test_set"), ("x/train", "x/test"), ("x/y/train", "x/y/test"),
        ("images/train", "images/val"), ("train/images", "test/images"), ("train_data/train", "test_data/test"),
        ("archive/set/Train", "archive/set/Valid"), ("train/set 1", "test/set 1"),
    ],
)  # fmt: skip
def test_parts_above_classes(train, test):
    part = "val" if "al" in test.rpartition("/")[2] else "test"
    assert placed(f"{train}/cat/1.png", f"{train}/dog/2.png", f"{test}/cat/3.png", f"{test}/dog/4.png") == [
        ("train", "cat"), ("train", "dog"), (part, "cat"), (part, "dog"),
    ]  # fmt: skip


def test_parts_below_classes():
    assert placed("cat/train/1.png", "cat/test/2.png", "dog/train/3.png") == [
        ("train", "cat"), ("test", "cat"), ("train", "dog"),
    ]  # fmt: skip
    assert placed("a/cat/train/1.png", "a/cat/val/2.png", "b/dog/train/3.png")[1] == ("val", "a/cat")
    assert placed("vehicle/train/1.png", "exam/test/2.png") == [(None, "vehicle/train"), (None, "exam/test")]


def test_folders_around_the_set_are_passed_over():
    assert placed("x/cat/1.png", "x/dog/2.png") == [(None, "cat"), (None, "dog")]
    assert placed("x/y/z/cat/1.png", "x/y/z/dog/2.png") == [(None, "cat"), (None, "dog")]
    assert placed("x/a/cat/1.png", "x/b/dog/2.png") == [(None, "a/cat"), (None, "b/dog")]
    assert placed("train/cat/1.png", "train/dog/2.png") == [(None, "cat"), (None, "dog")]


def test_one_folder_of_images_is_a_class_if_its_name_says_something():
    assert placed("cat/1.png", "cat/2.png") == [(None, "cat")] * 2
    assert placed("images/1.png", "images/2.png") == [(None, "")] * 2
    assert placed("images/1.png", strict=True) == [(None, "images")]
    assert placed("a/b/c/1.png") == [(None, "a/b/c")]


def test_groups_stay():
    assert placed("animal/cat/1.png", "object/cup/2.png") == [(None, "animal/cat"), (None, "object/cup")]
    assert placed("train/a/cat/1.png", "train/b/cup/2.png", "test/a/cat/3.png") == [
        ("train", "a/cat"), ("train", "b/cup"), ("test", "a/cat"),
    ]  # fmt: skip


def test_classes_that_are_called_like_parts_are_classes():
    assert placed("train/1.png", "bus/2.png", "test/3.png") == [(None, "train"), (None, "bus"), (None, "test")]
    assert placed("bullet_train/1.png", "test_tube/2.png") == [(None, "bullet_train"), (None, "test_tube")]


def test_images_beside_the_classes_of_parts_are_unlabelled():
    names = ["seg_train/seg_train/sea/1.png", "seg_train/seg_train/ice/2.png", "seg_test/seg_test/sea/3.png",
             "seg_pred/seg_pred/4.png"]  # fmt: skip
    assert placed(*names) == [("train", "sea"), ("train", "ice"), ("test", "sea"), None]
    scheme = find_scheme([("train", "a", "1.png"), ("train", "b", "1.png"), ("test", "2.png"), ("single", "3.png")])
    assert scheme.unlabelled == {"test", "single"}
    assert scheme.place(("single",)) is None
    scheme = find_scheme([("train", "a", "1.png"), ("train", "b", "1.png"), ("pred", "3.png")])
    assert (scheme.place(("train", "a")), scheme.place(("pred",))) == ((None, ("a",)), None)


def test_a_folder_of_classes_beside_the_parts_is_named(refuses):
    with refuses(
        CatalogError,
        "test, train look like the parts of one set (its split), and chest does not, though it holds folders of "
        "images; give the one folder that holds the set, or move what is not of it",
    ):
        placed("train/a/1.png", "test/a/2.png", "chest/train/a/1.png")


@pytest.mark.parametrize(
    "names",
    [("train{}/1.png", "test{}/1.png"), ("train_{}/1.png", "test_{}/1.png"), ("{}-Train/1.png", "{} Test/1.png")],
)
def test_names_that_say_the_part_and_the_class(names):
    found = placed(*(name.format(label) for label in ("A", "B") for name in names))
    assert found == [("train", "A"), ("test", "A"), ("train", "B"), ("test", "B")]
    assert placed(names[0].format("A"), names[1].format("B"), names[0].format("C")) == [
        (None, names[0].format("A")[:-6]), (None, names[1].format("B")[:-6]), (None, names[0].format("C")[:-6]),
    ]  # fmt: skip


def test_folders_below_the_classes_that_say_nothing_are_passed_over():
    assert placed("cat/images/1.png", "dog/images/2.png") == [(None, "cat"), (None, "dog")]
    assert placed("train/cat/images/1.png", "train/dog/imgs/2.png", "test/cat/images/3.png") == [
        ("train", "cat"), ("train", "dog"), ("test", "cat"),
    ]  # fmt: skip
    assert placed("a/images/1.png", "b/other/2.png") == [(None, "a/images"), (None, "b/other")]
    assert placed("a/images/1.png", "b/images/2.png", strict=True) == [(None, "a/images"), (None, "b/images")]


def test_the_one_folder_of_a_part_whose_classes_are_not_known_is_unlabelled():
    names = ["train/cat/1.png", "train/dog/2.png", "test/unknown/3.png"]
    assert placed(*names) == [("train", "cat"), ("train", "dog"), None]
    assert placed(*names, "test/cat/4.png")[2:] == [("test", "unknown"), ("test", "cat")]
    assert placed("train/cat/1.png", "test/dog/2.png") == [("train", "cat"), ("test", "dog")]
