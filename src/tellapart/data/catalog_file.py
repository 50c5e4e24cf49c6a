"""A catalog's file: reading it back, and checking what people may have edited by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tellapart.core.errors import CatalogError
from tellapart.core.storage import as_path
from tellapart.core.tag_sets import join_tags, split_tags
from tellapart.core.tasks import TASKS
from tellapart.core.terminal import excerpt
from tellapart.data.catalog import FORMAT, SCHEMA, SPLITS, Catalog
from tellapart.data.image_facts import FACTS
from tellapart.data.parquet import open_parquet


def read_catalog(path: Path) -> Catalog:
    """Read a catalog that `Catalog.write` wrote.

    Raises:
        CatalogError: there is no such file, it is no catalog, or it is damaged.
    """
    if (metadata := catalog_metadata(path)) is None:
        why = "not a catalog; write one with tellapart catalog" if path.exists() else "there is no such file or folder"
        raise CatalogError(f"{path}: {why}")
    return load_catalog(path, metadata)


def catalog_metadata(path: Path) -> dict[str, Any] | None:
    """What a catalog's file says of itself; None where the path is no catalog.

    Raises:
        CatalogError: the file is damaged.
    """
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


def load_catalog(path: Path, about: Mapping[str, Any]) -> Catalog:
    """The catalog of a file whose metadata `catalog_metadata` has read.

    Images are looked for where they lie relative to the file, then where they lay when it was written.

    Raises:
        CatalogError: another format, a column or value that no catalog holds, or the images are gone.
    """
    if about.get("format") != FORMAT:
        raise CatalogError(
            f"{path}: in format {excerpt(about.get('format'))}; this version reads {FORMAT}: catalog again"
        )
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
    root = here if here is not None and _is_folder(here) else as_path(about["root"])
    if not _is_folder(root):
        raise CatalogError(f"{path}: its images were in {excerpt(about['root'])}, which is gone; catalog them again")
    with open_parquet(path) as file:
        table = file.read()
        table.validate(full=True)  # a damaged page may pass for a whole one, with texts that are none
    notes = tuple(map(str, about["notes"]))
    result = Catalog(_checked(table, path), root, about["task"], str(path), notes, about["meta"])
    if result.task == "tag":  # people may have written them in another order
        return result.with_column("label", [join_tags(split_tags(label)) for label in result.column("label")])
    return result


def _is_folder(path: Path) -> bool:
    """Whether there is a folder; not where the system takes no such name."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


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
    columns = dict(zip(SCHEMA.names, table.columns, strict=True))
    if not len(table):
        raise CatalogError(f"{path}: a catalog without a row; catalog the images again")
    none = {name: pc.is_null(column) for name, column in columns.items()}
    kept = pc.fill_null(columns["keep"], False)
    wrong = [  # a column, where it cannot be as it is, and what to do
        ("file", pc.equal(pc.fill_null(columns["file"], ""), ""), "name the image or drop the row"),
        ("label", pc.equal(pc.fill_null(columns["label"], ""), ""), "fill it or drop the row"),
        ("split", pc.invert(pc.is_in(columns["split"], pa.array([*SPLITS, None]))), "write train, val, test or null"),
        ("keep", none["keep"], "write true or false"),
        ("times", pc.less(columns["times"], 0), "write 0 or more, or null for once"),
        ("row", pc.xor(none["row"], none["shard"]), "fill shard and row, or neither"),
        *(
            (name, pc.and_(kept, none[name]), "nobody saw this image: set keep to false, or catalog again")
            for name in FACTS[:5]
        ),
    ]
    files = columns["file"].to_pylist()
    for name, where, remedy in wrong:
        if len(rows := pc.indices_nonzero(where)):
            row = rows[0].as_py()
            whose = f" ({files[row]})" if files[row] else ""
            raise CatalogError(f"{path}: row {row}{whose}: {name} is {columns[name][row].as_py()!r}; {remedy}")
    first: dict[str, int] = {}
    for row, file in enumerate(files):
        if first.setdefault(file, row) != row:
            raise CatalogError(f"{path}: rows {first[file]} and {row} have the same file {file!r}; drop one of them")
    return table
