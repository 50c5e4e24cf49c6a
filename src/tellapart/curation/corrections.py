"""The corrections of a person: a CSV file with the columns file, keep and label."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, did_you_mean, join_some
from tellapart.data.catalog import Catalog

KEEP = {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Correction = tuple[bool | None, str | None]  # keep or not, and a label; None: undecided


def read_corrections(path: str | Path, catalog: Catalog) -> dict[int, Correction]:
    """Return what a person decided of each row of a catalog.

    Args:
        path: a CSV file in UTF-8. ``keep`` and ``label`` may be absent or empty.
        catalog: the images that the file speaks of.

    Returns:
        Row → keep (True, False or None) and label (or None). Rows without a line are absent.

    Raises:
        CatalogError: the file cannot be read, a line names no image of the data, or two lines disagree.
            Then nothing is applied.
    """
    rows = {file: row for row, file in enumerate(catalog.column("file"))}
    result: dict[int, Correction] = {}
    unknown: list[str] = []
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream)
            _check_columns(path, table)
            for line in table:
                _read_line(f"{path}: line {table.line_num}", line, rows, result, unknown)
    except OSError as error:
        raise CatalogError(f"{path}: the corrections cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: not a CSV: {error}") from error
    if unknown:
        count = "1 line names" if len(unknown) == 1 else f"{len(unknown):,} lines name"
        raise CatalogError(f"{path}: {count} no image of the data: {join_some(map(repr, unknown))}")
    return result


def _check_columns(path: str | Path, table: csv.DictReader[str]) -> None:
    names = table.fieldnames or []
    if "file" not in names:
        raise CatalogError(f"{path}: no column `file`; corrections have file,keep,label")
    for name in names:
        if hint := did_you_mean(name, {"keep", "label"} - set(names)):
            raise CatalogError(f"{path}: column {name!r}{hint}; corrections have file,keep,label")


def _read_line(
    place: str,
    line: dict[str | Any, str | Any],
    rows: Mapping[str, int],
    result: dict[int, Correction],
    unknown: list[str],
) -> None:
    """Add a line to the result, or its file to the unknown ones. ``place`` names file and line in errors."""
    if None in line:
        raise CatalogError(f"{place}: more cells than columns; quote a value that holds a comma")
    file, keep = line["file"], (line.get("keep") or "").strip().lower()
    if file not in rows:
        unknown.append(file)
        return
    if keep not in KEEP:
        raise CatalogError(f"{place}: keep is {keep!r}; write true or false")
    correction = (KEEP[keep], (line.get("label") or "").strip() or None)
    if result.setdefault(rows[file], correction) != correction:
        raise CatalogError(f"{place}: {file!r} again, decided otherwise; drop one line")
