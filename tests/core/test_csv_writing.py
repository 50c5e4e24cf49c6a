"""CSV that every reader takes back, and that a spreadsheet computes nothing of."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.csv_writing import csv_text, formula_safe


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))), max_size=5))
def test_what_is_written_is_read_back(rows):
    text = csv_text(["a", "b"], rows)
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read == [["a", "b"], *map(list, rows)]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "  =1+1"])
def test_formulas_are_text_on_request(cell):
    assert formula_safe(cell) == f"'{cell}"
    (_, row) = csv.reader(io.StringIO(csv_text(["a", "b"], [[cell, "x"]], safe=True), newline=""))
    assert row == [f"'{cell}", "x"]
    (_, row) = csv.reader(io.StringIO(csv_text(["a", "b"], [[cell, "x"]]), newline=""))
    assert row == [cell, "x"]


@pytest.mark.parametrize("cell", ["", "a=1", "0042", "'=1", "1-1", "a\tb"])
def test_other_cells_stay(cell):
    assert formula_safe(cell) == cell
