"""Cells become text, or a sentence that says what they hold; rows that repeat count once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.rows import (
    CellError,
    Row,
    cell_text,
    extra_cell,
    file_cell,
    label_cell,
    split_cell,
    without_repeats,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" 0042 ", "0042"), ("\u00a0x\u3000", "x"), (None, ""), (float("nan"), ""), (np.float64("nan"), ""), (7, "7"),
        (1.5, "1.5"), (True, "True"), (Decimal("1.10"), "1.10"), (datetime.date(2020, 1, 2), "2020-01-02"),
        (b" cat ", "cat"), (bytearray("고양이".encode()), "고양이"), ("a\nb", "a\nb"),
    ],
)  # fmt: skip
def test_cells_as_text(value, text):
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (["a"], "a list"), ((1,), "a list"), ({"a": 1}, "an object"), (b"\x89PNG\r\n", "6 bytes that are no text"),
        (b"\0" * 2000, "2,000 bytes that are no text"), (b"\xff", "1 bytes that are no text"),
    ],
)  # fmt: skip
def test_cells_that_hold_no_text(value, what, refuses):
    with refuses(CellError, what):
        cell_text(value)
    with refuses(CatalogError, f"t: row 1: its 'g' holds {what}, not a text"):
        extra_cell(value, "t: row 1", "g")
    with pytest.raises(CatalogError, match=f"^t: row 1: its 'f' holds {what}, not the name of a file; name the right"):
        file_cell(value, "t: row 1", "f")
    with pytest.raises(CatalogError, match=f"^t: row 1: its 'l' holds {what}"):
        label_cell(value, "t: row 1", "l")


def test_empty_cells(refuses):
    with refuses(CatalogError, "t: row 1 names no file; fill the 'f' column or drop the row"):
        file_cell(" ", "t: row 1", "f")
    with refuses(CatalogError, "t: row 1 has an empty label; fill the 'l' column or drop the row"):
        label_cell(float("nan"), "t: row 1", "l")
    assert extra_cell("", "t: row 1", "g") is None
    assert split_cell(None, "t: row 1", "s") is None


def test_parts_by_their_usual_names(refuses):
    assert [split_cell(name, "t", "s") for name in ("Training", "valid", "dev", "TEST")] == [
        "train",
        "val",
        "val",
        "test",
    ]
    with refuses(CatalogError, "t: row 1 has the split 'held out'; known: train, val, test"):
        split_cell("Held out", "t: row 1", "s")


def test_rows_that_repeat_count_once(refuses):
    rows = [Row("a.png", "x"), Row("b/../a.png", "x"), Row("b.png", "y")]
    kept, notes = without_repeats(rows, Path("t.csv"))
    assert [row.file for row in kept] == ["a.png", "b.png"]
    assert notes == ["1 row of t.csv repeats another row and counts once: b/../a.png"]
    assert without_repeats(rows, Path("t.csv"), ["A", "B", "C"])[1] == [
        "1 row of t.csv repeats another row and counts once: B"
    ]
    with refuses(CatalogError, "t.csv: a.png is labelled both 'x' and 'y'; keep one of the rows"):
        without_repeats([Row("a.png", "x"), Row("a.png", "y")], Path("t.csv"))
