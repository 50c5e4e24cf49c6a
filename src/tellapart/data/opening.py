"""Opening a catalog: from a source of any layout, by decoding each image once, or from a written catalog."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tellapart.core.errors import CatalogError, ImageError, join_some
from tellapart.core.files import check_target
from tellapart.core.parallel import map_threads
from tellapart.core.progress import track
from tellapart.data.catalog import FORMAT, SCHEMA, SPLITS, TASKS, Catalog, encoded
from tellapart.data.coarse_labels import apply_coarse_labels, check_coarse_labels
from tellapart.data.image_facts import FACTS, Facts, image_facts
from tellapart.data.layouts import read_source
from tellapart.data.tables import Row, open_parquet

Look = Callable[[Catalog], Mapping[int, Facts]]


def catalog(
    data: str | Path,
    *,
    out: str | Path,
    task: str | None = None,
    coarse_labels: str | Path | None = None,
    **options: Any,
) -> Catalog:
    """Look at every image of a data set once and write the catalog: one row an image.

    See `open_catalog` for the options.
    """
    check_target(out, ".parquet")
    result = open_catalog(data, task=task, coarse_labels=coarse_labels, progress=True, **options)
    result.write(out)
    return result


def open_catalog(
    data: str | Path | Catalog,
    *,
    task: str | None = None,
    coarse_labels: str | Path | Mapping[str, Sequence[str]] | None = None,
    progress: bool = False,
    look: Look | None = None,
    **options: Any,
) -> Catalog:
    """A catalog from any source: class folders, group/class folders, names, a table, shards, a catalog.

    An image that cannot be decoded keeps its row with ``keep`` false and the reason in ``why``.

    Args:
        task: ``classify`` or ``read``; by default ``read`` where most labels occur once or twice.
        coarse_labels: YAML file or mapping, group → list of classes; every class in exactly one group.
        look: how the images of a raw source are looked at; by default each is decoded once, here.
        options: see `tellapart.data.layouts.read_source`.

    Raises:
        CatalogError: the source cannot be used; the message names the file, row or class.
    """
    if task not in (None, *TASKS):
        raise CatalogError(f"task {task!r}: known are {', '.join(TASKS)}")
    if isinstance(data, Catalog):
        result = data
    elif (about := _about(Path(data))) is not None:
        result = _reopen(Path(data), about)
    else:
        result = _look(data, task, progress, look, options)
        if coarse_labels is None and result.task == "classify":
            check_coarse_labels(result)
    if coarse_labels is not None:
        result = apply_coarse_labels(result, coarse_labels)
    if task is not None and task != result.task:
        result = replace(result, task=task)
    return result


def _about(path: Path) -> dict[str, Any] | None:
    if path.suffix != ".parquet" or not path.is_file():
        return None
    with open_parquet(path) as file:
        meta = file.schema_arrow.metadata or {}
    if b"tellapart" not in meta:
        return None
    try:
        about = json.loads(meta[b"tellapart"])
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise CatalogError(f"{path}: its metadata 'tellapart' is no JSON object; catalog again")
    return about


def _reopen(path: Path, about: Mapping[str, Any]) -> Catalog:
    if about.get("format") != FORMAT:
        raise CatalogError(f"{path}: in format {about.get('format')}; this version reads {FORMAT}: catalog again")
    usable = {
        "task": about.get("task") in TASKS,
        "root": isinstance(about.get("root"), str),
        "root_from_here": isinstance(about.get("root_from_here"), str | None),
        "notes": isinstance(about.get("notes"), list),
        "meta": isinstance(about.get("meta"), dict),
    }
    if broken := [name for name, fine in usable.items() if not fine]:
        raise CatalogError(f"{path}: its metadata 'tellapart' has no usable {', '.join(broken)}; catalog again")
    here = path.parent / about["root_from_here"] if about.get("root_from_here") else None
    root = here if here is not None and here.is_dir() else Path(about["root"])
    if not root.is_dir():
        raise CatalogError(f"{path}: its images were in {about['root']}, which is gone; catalog them again")
    with open_parquet(path) as file:
        table = file.read()
        table.validate(full=True)  # a damaged page may pass for a whole one, with texts that are none
    return Catalog(
        _checked(table, path), root, about["task"], str(path), tuple(map(str, about["notes"])), about["meta"]
    )


def _checked(table: pa.Table, path: Path) -> pa.Table:
    """The table of a catalog that people may have edited by hand; rows are counted from 0, as `Catalog.rows` does."""
    ours, theirs = Counter(SCHEMA.names), Counter(table.schema.names)
    if missing := list(ours - theirs):
        raise CatalogError(f"{path}: no column {', '.join(missing)}; put it back as it was, or catalog again")
    if more := list(theirs - ours):
        raise CatalogError(f"{path}: a column too many: {', '.join(more)}; drop it")
    for field in SCHEMA:
        if (kind := table.schema.field(field.name).type) != field.type:
            raise CatalogError(
                f"{path}: column {field.name} holds {kind}, not {field.type}; cast it to that, or catalog again"
            )
    table = table.select(SCHEMA.names).cast(SCHEMA)
    said = dict(zip(SCHEMA.names, table.columns, strict=True))
    if not len(table):
        raise CatalogError(f"{path}: a catalog without a row; catalog the images again")
    none = {name: pc.is_null(column) for name, column in said.items()}
    kept = pc.fill_null(said["keep"], False)
    wrong = [  # a column, where it cannot be as it is, and what to do
        ("file", pc.equal(pc.fill_null(said["file"], ""), ""), "name the image or drop the row"),
        ("label", pc.equal(pc.fill_null(said["label"], ""), ""), "fill it or drop the row"),
        ("split", pc.invert(pc.is_in(said["split"], pa.array([*SPLITS, None]))), "write train, val, test or null"),
        ("keep", none["keep"], "write true or false"),
        ("times", pc.less(said["times"], 0), "write 0 or more, or null for once"),
        ("row", pc.xor(none["row"], none["shard"]), "fill shard and row, or neither"),
        *(
            (name, pc.and_(kept, none[name]), "nobody saw this image: set keep to false, or catalog again")
            for name in FACTS[:5]
        ),
    ]
    files = said["file"].to_pylist()
    for name, where, remedy in wrong:
        if len(rows := pc.indices_nonzero(where)):
            row = rows[0].as_py()
            whose = f" ({files[row]})" if files[row] else ""
            raise CatalogError(f"{path}: row {row}{whose}: {name} is {said[name][row].as_py()!r}; {remedy}")
    first: dict[str, int] = {}
    for row, file in enumerate(files):
        if first.setdefault(file, row) != row:
            raise CatalogError(f"{path}: rows {first[file]} and {row} have the same file {file!r}; drop one of them")
    return table


def _look(data: str | Path, task: str | None, progress: bool, look: Look | None, options: Mapping[str, Any]) -> Catalog:
    listing = read_source(data, task=task, **options)
    rows = listing.rows
    task = task or _guess_task([row.label for row in rows])
    draft = Catalog(_table(rows), listing.root, task, str(data))
    seen = look(draft) if look is not None else _facts_of_all(draft, progress)
    columns = zip(*(seen[row] for row in range(len(rows))), strict=True)
    for name, values in zip(FACTS, columns, strict=True):
        draft = draft.with_column(name, values)
    return draft.with_notes([*listing.notes, *_remarks(draft)])


def _facts_of_all(draft: Catalog, progress: bool) -> dict[int, Facts]:
    files = draft.column("file")

    def look(item: tuple[int, bytes | ImageError]) -> tuple[int, Facts]:
        row, data = item
        return row, image_facts(data, files[row])[0]

    return dict(
        track(map_threads(look, encoded(draft, range(len(draft)))), "looking at images", len(draft), show=progress)
    )


def _table(rows: Sequence[Row]) -> pa.Table:
    empty: list[Any] = [None] * len(rows)
    values = {name: [getattr(row, name, None) for row in rows] for name in SCHEMA.names}
    values |= {"keep": [True] * len(rows), "why": empty, "sha256": empty}
    try:
        return pa.table(values, schema=SCHEMA)
    except UnicodeEncodeError as error:
        raise CatalogError(f"{error.object!r}: not valid Unicode; rename the file or mend the table") from error


def _guess_task(labels: Sequence[str]) -> str:
    """Texts are mostly different from each other and short of spaces; classes repeat."""
    return "read" if len(labels) >= 20 and len(set(labels)) > 0.2 * len(labels) else "classify"


def _remarks(draft: Catalog) -> list[str]:
    """What a person should know: counted and named, never dropped silently."""
    notes = []
    bad = [f"{file} ({why})" for file, why in zip(draft.column("file"), draft.column("why"), strict=True) if why]
    if bad:
        notes.append(f"{len(bad)} images cannot be used and are left out: {join_some(bad)}")
    if draft.task == "classify":
        folded: dict[str, set[str]] = {}
        for label in draft.labels:
            folded.setdefault(label.casefold(), set()).add(label)
        twins = ["/".join(sorted(names)) for names in folded.values() if len(names) > 1]
        if twins:
            notes.append(f"{len(twins)} labels differ from another only in case: {join_some(sorted(twins))}")
    return notes
