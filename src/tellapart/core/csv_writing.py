"""Writing CSV that every reader of CSV takes back, and that a spreadsheet computes nothing of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet computes what follows


def csv_text(columns: Sequence[str], records: Iterable[Sequence[str]], *, safe: bool = False) -> str:
    r"""A table as CSV text, its first row the names of its columns.

    Args:
        columns: the names of the columns.
        records: the rows.
        safe: put a ' before a cell that a spreadsheet would take for a formula. Such a cell is not what it was.

    >>> csv_text(["file", "text"], [["a.png", "=1+1"]], safe=True)
    "file,text\na.png,'=1+1\n"
    """
    rows = [[formula_safe(cell) if safe else cell for cell in record] for record in records]
    # Python before 3.13 does not quote a bare carriage return, and then cannot read it back.
    odd = any("\r" in cell for row in rows for cell in row)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()


def formula_safe(cell: str) -> str:
    """The cell, with a ' before it where a spreadsheet would take it for a formula.

    >>> formula_safe("=1+1"), formula_safe("a=1")
    ("'=1+1", 'a=1')
    """
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) or cell.lstrip().startswith(FORMULA_SIGNS) else cell
