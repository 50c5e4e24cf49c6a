"""The parts that a table's columns say are kept, whatever the columns are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.part_columns import PartColumns, find_part_columns


def test_the_column_of_the_parts():
    values = {"split": ["x"], "data set": ["train", "Test", None], "set": ["box", "bag"], "usage": [""]}
    assert find_part_columns(["file", "Split", "data set"], values.get) == PartColumns("Split")
    assert find_part_columns(["set", "usage", "data set"], values.get) == PartColumns("data set")
    assert find_part_columns(["set", "usage"], values.get) == PartColumns()


@pytest.mark.parametrize("heading", ["phase", "ML_USE", "train_test", "type", "Data Type", "mode"])
def test_other_headings_count_where_all_values_are_parts(heading):
    found = find_part_columns(["file", heading], {heading: ["Train", "valid", ""]}.get)
    assert found.part({heading: " VALID "}, "t") == "val"
    assert found.note == f"read as: train, val and test parts from the column {heading!r}"


def test_a_vague_heading_with_other_values_says_nothing():
    assert find_part_columns(["type"], {"type": ["train", "bus", "car"]}.get) == PartColumns()


def test_a_value_that_is_no_part_is_named(refuses):
    with refuses(
        CatalogError,
        "t.csv: the column 'Usage' says the part of each image, and 'privatetest', 'publictest' is none of train, val "
        "and test; write the right part there, or give the column another heading",
    ):
        find_part_columns(["Usage"], {"Usage": ["Training", "PublicTest", "PrivateTest"]}.get, Path("t.csv"))


@pytest.mark.parametrize(
    ("headings", "cells", "parts"),
    [
        (["is_valid"], [["True"], ["False"], [None]], ["val", "train", "train"]),
        (["is_test"], [[1], [0]], ["test", "train"]),
        (["is_training_image"], [[True], [False]], ["train", "test"]),
        (["is_valid", "is_test"], [["1", "0"], ["0", "1"], ["0", "0"]], ["val", "test", "train"]),
        (["is_train", "is_test"], [["yes", "no"], ["no", "yes"], ["no", "no"]], ["train", "test", "val"]),
    ],
)
def test_flags(headings, cells, parts):
    rows = [dict(zip(headings, row, strict=True)) for row in cells]
    found = find_part_columns(headings, lambda name: [row[name] for row in rows])
    assert sorted(found.names) == sorted(headings)
    assert [found.part(row, "t") for row in rows] == parts


def test_flags_that_say_nothing_or_too_much(refuses):
    assert find_part_columns(["is_valid"], {"is_valid": ["0", "0"]}.get) == PartColumns()
    assert find_part_columns(["is_valid"], {"is_valid": ["yes", "perhaps", "no"]}.get) == PartColumns()
    both = {"is_valid": ["1", "0"], "is_test": ["1", "0"]}
    found = find_part_columns(["is_valid", "is_test"], both.get)
    assert found.note == "read as: the part val from 'is_valid' and test from 'is_test'; train where that is not true"
    with refuses(CatalogError, "t: row 2 is of several parts by 'is_valid', 'is_test'; leave one true"):
        found.part({"is_valid": "1", "is_test": "1"}, "t: row 2")
