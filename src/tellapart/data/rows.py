"""Rows of a source: what a table, a shard or a folder says of one image before it is decoded, and cells as text."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, join_some, pluralize

SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
SEVERAL = "several labels an image"


@dataclass(frozen=True)
class Row:
    """One labelled image of a source, before it has been decoded."""

    file: str  # as a person would name it within the data, with forward slashes
    label: str
    group: str | None = None
    split: str | None = None
    together: str | None = None
    shard: str | None = None  # for bytes embedded in Parquet: which file, relative to the root
    row: int | None = None  # and which of its rows


@dataclass
class Listing:
    """What a source holds: rows, the folder its names are relative to, and what a person should know."""

    root: Path
    rows: list[Row]
    layout: str
    notes: list[str] = field(default_factory=list)
    labelled_by: str = ""  # what the labels were taken from, in words
    label_column: str | None = None  # of a table or of shards
    class_names: bool = False  # the source declares its labels to be classes
    lost_classes: dict[str, str] = field(default_factory=dict)  # class without an image → what it holds instead
    waiting: frozenset[str] = frozenset()  # images that a table names, and that nobody has labelled yet
    image_columns: dict[str, str] = field(default_factory=dict)  # shard → its column of images, where it was chosen


@dataclass(frozen=True)
class Record:
    """One row of a table: its number as a person counts, and its cells by heading."""

    number: int
    cells: dict[str, Any]


@dataclass
class Records:
    """The rows of a table, its headings, and what a person should know."""

    present: list[str]
    records: list[Record]
    notes: list[str] = field(default_factory=list)


class CellError(ValueError):
    """A cell that holds no text; the message says what it holds."""


def cell_text(value: object) -> str:
    """A cell as text: 0042 stays 0042 because nothing here ever reads a cell as a number.

    Raises:
        CellError: the cell holds bytes that are no text, a list, or an object.

    >>> cell_text(" 0042 "), cell_text(None), cell_text(float("nan")), cell_text(b"cat")
    ('0042', '', '', 'cat')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:
        return ""
    if isinstance(value, bytes | bytearray):
        try:
            text = bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if not text.isprintable():
            raise CellError(f"{len(value):,} bytes that are no text")
        return text.strip()
    if isinstance(value, list | tuple | set):
        raise CellError("a list")
    if isinstance(value, dict):
        raise CellError("an object")
    return str(value).strip()


def file_cell(value: object, where: str, column: str) -> str:
    """The name of a file that a cell holds.

    Raises:
        CatalogError: it holds none; ``where`` names the table and the row.
    """
    try:
        name = cell_text(value)
    except CellError as error:
        raise CatalogError(
            f"{where}: its {column!r} holds {error}, not the name of a file; name the right column with --file-column"
        ) from None
    if not name:
        raise CatalogError(f"{where} names no file; fill the {column!r} column or drop the row")
    return name


def label_cell(value: object, where: str, column: str) -> str:
    """The label that a cell holds.

    Raises:
        CatalogError: it holds none, or several; ``where`` names the table and the row.
    """
    try:
        label = cell_text(value)
    except CellError as error:
        what = (
            f"{error}: {SEVERAL}; say --task tag, give each image one"
            if str(error) == "a list"
            else f"{error}, not a label"
        )
        raise CatalogError(
            f"{where}: its {column!r} holds {what}, or name another column with --label-column"
        ) from None
    if not label:
        raise CatalogError(f"{where} has an empty label; fill the {column!r} column or drop the row")
    return label


def extra_cell(value: object, where: str, column: str) -> str | None:
    """What a cell of another column holds, such as the group; None where it is empty.

    Raises:
        CatalogError: it holds no text; ``where`` names the table and the row.
    """
    try:
        return cell_text(value) or None
    except CellError as error:
        raise CatalogError(f"{where}: its {column!r} holds {error}, not a text") from None


def split_cell(value: object, where: str, column: str) -> str | None:
    """The part of the data that a cell names: train, val, test, or None where it is empty.

    Raises:
        CatalogError: it names another; ``where`` names the table and the row.
    """
    name = (extra_cell(value, where, column) or "").lower()
    if name and name not in SPLIT_NAMES:
        raise CatalogError(f"{where} has the split {name!r}; known: train, val, test")
    return SPLIT_NAMES.get(name)


def without_repeats(
    rows: Sequence[Row], source: Path, names: Sequence[str] | None = None
) -> tuple[list[Row], list[str]]:
    """The rows without those that repeat another, and a note on these.

    Args:
        rows: of one source.
        source: its name, for messages.
        names: what the source calls the files of these rows; by default what the rows do.

    Raises:
        CatalogError: two rows give one image two labels.
    """
    first: dict[str, Row] = {}
    twice: list[str] = []
    for row, name in zip(rows, names or [row.file for row in rows], strict=True):
        known = first.setdefault(posixpath.normpath(row.file), row)  # x/../a.png is a.png
        if known is row:
            continue
        if known.label != row.label:
            raise CatalogError(
                f"{source}: {name} is labelled both {known.label!r} and {row.label!r}; keep one of the rows"
            )
        twice.append(name)
    notes = [
        f"{pluralize(len(twice), 'row')} of {source.name} "
        f"{'repeats another row and counts' if len(twice) == 1 else 'repeat another row and count'} once: "
        f"{join_some(twice)}"
    ]
    return list(first.values()), notes if twice else []
