"""JSON Lines become records: one object a line, its names the headings."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, join_some
from tellapart.data.delimited import read_text
from tellapart.data.rows import Record, Records


class TwiceError(ValueError):
    """An object that gives a name twice."""


def read_json_lines(path: Path) -> Records:
    """The rows of a JSON Lines table, numbered by their lines; empty lines count for nothing.

    Raises:
        CatalogError: no text, or a line that is no JSON object, or one that gives a name twice.
    """
    text, notes = read_text(path)
    records = []
    present: dict[str, None] = {}
    # Not splitlines(): it also cuts at U+2028 and its like, which JSON allows within a text.
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=unique_names)
        except TwiceError as error:
            raise CatalogError(f"{path}: line {number} gives {error} twice; keep one") from error
        except (ValueError, RecursionError) as error:  # not only of JSON: thousands of digits, of brackets
            reason = getattr(error, "msg", error)
            raise CatalogError(f"{path}: line {number} is not JSON: {reason}; mend or drop it") from error
        if not isinstance(record, dict):
            hint = "; a list is a table too, in a file that ends in .json" if isinstance(record, list) else ""
            raise CatalogError(f"{path}: line {number} is not a JSON object{hint}")
        records.append(Record(number, record))
        present.update(dict.fromkeys(record))
    return Records(list(present), records, notes)


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with its names without the blanks around them, each of them once.

    Raises:
        TwiceError: it gives a name twice.

    >>> unique_names([(" file ", "a.png")])
    {'file': 'a.png'}
    """
    names = Counter(name.strip() for name, _ in pairs)
    if twice := [name for name, count in names.items() if count > 1]:
        raise TwiceError(join_some(map(repr, twice)))
    return {name.strip(): value for name, value in pairs}
