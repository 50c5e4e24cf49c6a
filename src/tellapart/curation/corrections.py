"""The corrections of a person: a CSV file with the columns file, keep and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tellapart.core.errors import CatalogError, did_you_mean, join_some
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.data.delimited import read_delimited
from tellapart.data.rows import Records

KEEP = {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Correction = tuple[bool | None, str | None]  # keep or not, and a label; None: undecided


def read_corrections(path: str | Path, catalog: Catalog) -> dict[int, Correction]:
    """Return what a person decided of each row of a catalog.

    Args:
        path: a CSV file, see `tellapart.data.delimited.read_delimited`. ``keep`` and ``label`` may be absent or empty.
        catalog: the images that the file speaks of.

    Returns:
        Row → keep (True, False or None) and label (or None). Rows without a line are absent.

    Raises:
        CatalogError: the file cannot be read, a row names no image of the data, or two rows disagree.
            Then nothing is applied.
    """
    rows = {file: row for row, file in enumerate(catalog.column("file"))}
    result: dict[int, Correction] = {}
    unknown: list[str] = []
    table = _read(path)
    _check_columns(path, table.present)
    for record in table.records:
        _read_record(f"{path}: row {record.number}", record.cells, rows, result, unknown)
    for note in table.notes:
        log(f"note: {note}")
    if unknown:
        count = "1 row names" if len(unknown) == 1 else f"{len(unknown):,} rows name"
        raise CatalogError(
            f"{path}: {count} no image of the data: {join_some(map(repr, unknown))}{_hint(unknown[0], rows)}"
        )
    return result


def check_corrections(path: str | Path) -> None:
    """Check that a file of corrections is there and has the columns of one, before anything that takes long.

    Raises:
        CatalogError: it is not, or has not.
    """
    _check_columns(path, _read(path).present)


def _read(path: str | Path) -> Records:
    return read_delimited(Path(path), lambda present: "file" if "file" in present else None)


def _check_columns(path: str | Path, names: Sequence[str]) -> None:
    if "file" not in names:
        raise CatalogError(f"{path}: no column `file`; corrections have file,keep,label")
    for name in names:
        if hint := did_you_mean(name, {"keep", "label"} - set(names)):
            raise CatalogError(f"{path}: column {name!r}{hint}; corrections have file,keep,label")
        if names.count(name) > 1:
            raise CatalogError(f"{path}: {names.count(name)} columns are called {name!r}; rename one")


def _hint(unknown: str, rows: Mapping[str, int]) -> str:
    """What an unknown file is near to: the same path with other slashes or in other case, or the same name."""
    plain = unknown.strip().replace("\\", "/").casefold()
    name = plain.rpartition("/")[2]
    same = [file for file in rows if file.casefold() == plain]
    near = same or [file for file in rows if file.casefold().rpartition("/")[2] == name]
    return f" (did you mean {near[0]!r}?)" if near else ""


def _read_record(
    place: str,
    cells: Mapping[str, str],
    rows: Mapping[str, int],
    result: dict[int, Correction],
    unknown: list[str],
) -> None:
    """Add a row to the result, or its file to the unknown ones. ``place`` names file and row in errors."""
    file, keep = cells["file"], (cells.get("keep") or "").strip().lower()
    file = file if file in rows else file.strip()
    if file not in rows:
        unknown.append(file)
        return
    if keep not in KEEP:
        raise CatalogError(f"{place}: keep is {keep!r}; write true or false")
    correction = (KEEP[keep], (cells.get("label") or "").strip() or None)
    if result.setdefault(rows[file], correction) != correction:
        raise CatalogError(f"{place}: {file!r} again, decided otherwise; drop one row")
