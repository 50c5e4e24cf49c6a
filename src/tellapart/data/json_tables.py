"""A JSON file as a table: a list of objects, name → label, class → names, or columns as pandas writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError
from tellapart.core.image_io import is_image_name
from tellapart.data.delimited import read_text
from tellapart.data.json_lines import TwiceError, unique_names
from tellapart.data.rows import Record, Records

_FORMS = 'a list of objects ([{"file": "a.png", "label": "cat"}, …]), or name → label ({"a.png": "cat", …})'


def read_json_table(path: Path, file_heading: Callable[[Sequence[str]], str | None]) -> Records:
    """The rows of a JSON file, numbered from 1.

    Args:
        path: the file.
        file_heading: of headings, the one that names the file; None where what is looked for is not among them.

    Raises:
        CatalogError: no JSON, or of a form that is no table.
    """
    text, notes = read_text(path)
    try:
        value = json.loads(text, object_pairs_hook=unique_names)
    except TwiceError as error:
        raise CatalogError(f"{path}: an object gives {error} twice; keep one") from error
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{path}: not JSON: {error}; mend it, or write a table as CSV") from error
    rows, note = _rows(value, file_heading)
    if rows is None:
        raise CatalogError(f"{path}: no table of images; give {_FORMS}")
    if note:
        notes.append(f"read as: {note} ({path.name})")
    present = list(dict.fromkeys(name for row in rows for name in row))
    return Records(present, [Record(number, dict(row)) for number, row in enumerate(rows, start=1)], notes)


Rows = Sequence[Mapping[str, Any]]


def _rows(value: Any, file_heading: Callable[[Sequence[str]], str | None]) -> tuple[Rows | None, str | None]:
    """The rows of a JSON value, and what it was read as; None where it is no table."""
    if isinstance(value, list):
        return (value, None) if value and all(isinstance(each, dict) for each in value) else (None, None)
    if not isinstance(value, dict) or not value:
        return None, None
    if value.keys() == {"classes", "labels"} and isinstance(value["labels"], dict):
        return _of_names(value["labels"], value["classes"]), "name → number of a class"
    if file_heading(list(value)) is not None and (columns := _columns(value)) is not None:
        return columns, None
    lists = [name for name, each in value.items() if isinstance(each, list) and each and isinstance(each[0], dict)]
    if len(lists) == 1:
        return _rows(value[lists[0]], file_heading)[0], f"the list {lists[0]!r}"
    return _of_mapping(value)


def _of_mapping(value: Mapping[str, Any]) -> tuple[Rows | None, str | None]:
    """The rows of a mapping whose names are those of images or of classes, and what it was read as."""
    inside = list(value.values())
    if all(not isinstance(each, list | dict) for each in inside):
        return _of_names(value, None), "name → label"
    if all(isinstance(each, dict) for each in inside):
        return [{"file": name, **each} for name, each in value.items()], "name → object"
    if all(isinstance(each, list) and all(_is_name(name) for name in each) for each in inside):
        return [{"file": name, "label": label} for label, names in value.items() for name in names], "class → names"
    return None, None


def _of_names(labels: Mapping[str, Any], classes: Any) -> Rows:
    """Rows of a mapping of names to labels, or to the places of class names in a list."""

    def named(label: Any) -> Any:
        return (
            classes[label] if isinstance(classes, list) and type(label) is int and 0 <= label < len(classes) else label
        )

    return [{"file": name, "label": named(label)} for name, label in labels.items()]


def _columns(value: Mapping[str, Any]) -> Rows | None:
    """Rows of columns, each a list, or a mapping of row to cell as pandas writes them; None where they do not fit."""
    if all(isinstance(each, list) for each in value.values()):
        columns = {name: dict(enumerate(cells)) for name, cells in value.items()}
    elif all(isinstance(each, dict) for each in value.values()):
        columns = dict(value)
    else:
        return None
    keys = [list(cells) for cells in columns.values()]
    if any(each != keys[0] for each in keys):
        return None
    return [dict(_cells(columns, key)) for key in keys[0]]


def _cells(columns: Mapping[str, Any], key: Any) -> Iterator[tuple[str, Any]]:
    return ((name, cells[key]) for name, cells in columns.items())


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and is_image_name(value.replace("\\", "/"))
