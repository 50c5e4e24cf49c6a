"""Names of parts as published sets spell them, and names that only look like parts."""

from __future__ import annotations

import pytest

from tellapart.data.rows import Row
from tellapart.data.split_names import is_generic, part_in_name, part_rows, same_set


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("train", ["train", "Train", "TRAIN", "training", "training_set", "TrainSet", "trainset", "train_images",
                   "train2017", "Training Data", "01_train", "train-images", "dataset_train", "images-train"]),
        ("val", ["val", "valid", "Validation", "dev", "val2017", "validation_set", "ValidImages"]),
        ("test", ["test", "Testing", "test_set", "test1", "TestData", "test-images"]),
    ],
)  # fmt: skip
def test_spellings_of_parts(part, names):
    assert {part_in_name(name) for name in names} == {(part, ())}


@pytest.mark.parametrize("name", ["cat", "bus", "trains", "testament", "validity", "traintest", "train_val", "", "7"])
def test_names_that_say_no_part(name):
    assert part_in_name(name) is None


def test_what_stands_beside_the_part_must_be_alike():
    assert part_in_name("seg_train") == ("train", ("seg",))
    assert same_set([part_in_name("seg_train"), part_in_name("seg_test")])
    assert not same_set([part_in_name("bullet_train"), part_in_name("test_tube")])
    assert not same_set([part_in_name("train"), part_in_name("training_set")])
    assert not same_set([part_in_name("val"), part_in_name("test")])


@pytest.mark.parametrize("name", ["images", "JPEGImages", "data", "Dataset", "train_images", "img", "Photos"])
def test_names_that_say_nothing(name):
    assert is_generic(name)


@pytest.mark.parametrize("name", ["cats", "image_of_cats", "1", "", "mydata2 cats"])
def test_names_that_say_something(name):
    assert not is_generic(name)


@pytest.mark.parametrize(
    "names",
    [
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"],
        ["train/0000.parquet", "train/0001.parquet", "test/0000.parquet"],
        ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"],
        ["default/partial-train/0000.parquet", "default/partial-train/0001.parquet", "default/test/0000.parquet"],
        ["train.parquet", "train.parquet", "test.parquet"],
        ["mnist/train-00000-of-00001-ab12cd.parquet", "mnist/train-00000-of-00001-ab12cd.parquet",
         "mnist/test-00000-of-00001-ef34.parquet"],
        ["set_train.parquet", "set_train.parquet", "set_test.parquet"],
    ],
)  # fmt: skip
def test_shards_say_their_part(names):
    rows, notes = part_rows([Row(str(n), "x") for n in range(3)], names)
    assert ([row.split for row in rows], notes) == (["train", "train", "test"], [])


@pytest.mark.parametrize(
    "names",
    [["a.parquet", "b.parquet"], ["train-0.parquet", "train-1.parquet"], ["val.parquet", "test.parquet"],
     ["bullet_train.parquet", "test_tube.parquet"]],
)  # fmt: skip
def test_one_part_or_none_is_no_split(names):
    rows, notes = part_rows([Row("a", "x"), Row("b", "x")], names)
    assert ([row.split for row in rows], notes) == ([None, None], [])


def test_a_column_of_the_data_comes_first():
    rows = [Row("a", "x", split="val"), Row("b", "x"), Row("c", "x")]
    found, notes = part_rows(rows, ["train.parquet", "train.parquet", "test.parquet"])
    assert ([row.split for row in found], notes) == (["val", None, "test"], [])


def test_what_has_no_part_is_named():
    names = ["train.parquet", "test.parquet", "unsupervised.parquet"]
    rows, notes = part_rows([Row(str(n), "x") for n in range(3)], names)
    assert [row.split for row in rows] == ["train", "test", None]
    assert notes == ["1 image has no part, as no train, val or test stands in the names of unsupervised.parquet"]
