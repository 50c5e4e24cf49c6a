"""Parquet that holds the images themselves: which column they are in, and the rows of shards."""

from __future__ import annotations

import itertools
import json
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.types as kinds

from tellapart.core.errors import CatalogError, did_you_mean, join_some
from tellapart.core.image_io import is_image_name, looks_like_image
from tellapart.core.storage import RemotePath, as_path
from tellapart.data.columns import Columns
from tellapart.data.file_names import find_files
from tellapart.data.parquet import (
    bytes_column,
    bytes_in,
    default_image_column,
    holds_images,
    is_struct,
    open_parquet,
)
from tellapart.data.part_columns import PartColumns, find_part_columns
from tellapart.data.rows import Listing, Row, extra_cell, without_repeats
from tellapart.data.shard_sets import check_shard_names
from tellapart.data.split_names import parts_in_names

_SAMPLE = 8  # cells that tell what a column holds


# --- which column? -------------------------------------------------------------------------------------


def image_column(file: Any, path: Path, wanted: str | None = None) -> str | None:
    """The column of a Parquet file that holds images: as bytes, or as {"bytes", "path"} of Hugging Face's datasets.

    Args:
        file: the open file.
        path: its name, for messages.
        wanted: the column that is asked for.

    Returns:
        Its name; None where there is none, or where ``wanted`` names another kind of column.

    Raises:
        CatalogError: there is no column ``wanted``, or several hold images and none is asked for.
    """
    schema = file.schema_arrow
    if wanted is not None and wanted not in schema.names:
        raise CatalogError(
            f"{path}: no column {wanted!r}{did_you_mean(wanted, schema.names)}; it has: {_listed(schema)}"
        )
    found: list[str] = [field.name for field in schema if holds_images(field.type)]
    if twice := [name for name in found if schema.names.count(name) > 1 and wanted in (None, name)]:
        raise CatalogError(f"{path}: {schema.names.count(twice[0])} columns are called {twice[0]!r}; rename one")
    if wanted is not None:
        return wanted if wanted in found else None
    _refuse_lists(schema, path, found)
    if len(found) != 1 or not is_struct(schema.field(found[0]).type):
        found = _likely(file, found)
    if len(found) > 1:
        raise CatalogError(
            f"{path}: {len(found)} columns hold images: {join_some(found)}; name the right one with --file-column"
        )
    return found[0] if found else None


def _refuse_lists(schema: Any, path: Path, found: Sequence[str]) -> None:
    """Refuse a file whose images stand in lists alone."""
    lists = [field.name for field in schema if kinds.is_list(field.type) and holds_images(field.type.value_type)]
    if lists and not found:
        raise CatalogError(f"{path}: the column {lists[0]!r} holds several images a row; give each image its own row")


def _likely(file: Any, columns: Sequence[str]) -> list[str]:
    """Those of the columns that hold images, by what the first of their cells hold; one alone is taken as it is."""
    texts = {name for name in columns if _holds_names(file, name)}
    if not texts and len(columns) == 1:
        return list(columns)
    likely = [name for name in columns if name not in texts and _looks_like_images(file, name)]
    return likely or [name for name in columns if not texts]


def _first_bytes(file: Any, column: str) -> list[bytes]:
    """The bytes of the first cells of a column that hold any."""
    leaf = bytes_column(file.schema_arrow, column)
    if leaf is None:
        return []
    cells = (cell for batch in file.iter_batches(batch_size=_SAMPLE, columns=[leaf]) for cell in batch.column(0))
    found = (bytes_in(cell.as_py()) for cell in itertools.islice(cells, 10 * _SAMPLE))
    return list(itertools.islice(filter(None, found), _SAMPLE))


def _looks_like_images(file: Any, column: str) -> bool:
    return any(looks_like_image(data) for data in _first_bytes(file, column))


def _holds_names(file: Any, column: str) -> bool:
    """Whether a column of bytes holds the names of images: some programs write text so."""
    if is_struct(file.schema_arrow.field(column).type):
        return False
    sample = _first_bytes(file, column)
    return bool(sample) and all(is_image_name(os.fsdecode(data[:4096])) and len(data) < 4096 for data in sample)


def _listed(schema: Any) -> str:
    return join_some(schema.names, most=30)


def class_names(schema: Any, label_column: str) -> list[Any] | None:
    """The class names of a Hugging Face ClassLabel, or of a list of them; None where the column is none.

    It keeps them in the schema's metadata, and numbers in the column, -1 where there is none.
    """
    try:
        feature = json.loads(schema.metadata[b"huggingface"])["info"]["features"][label_column]
        feature = feature[0] if isinstance(feature, list) else feature.get("feature", feature)  # of a list of classes
        names = feature["names"]
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):  # another program's metadata, or none
        return None
    return names if isinstance(names, list) else None


def name_classes(names: Sequence[Any] | None) -> Callable[[Any], Any]:
    """What makes a class name of a number; the value itself where there are no names.

    >>> name_classes(["cat", "dog"])(1), name_classes(None)(1)
    ('dog', 1)
    """
    if names is None:
        return lambda value: value
    known = dict(enumerate(names))
    return lambda value: known.get(value) if isinstance(value, int) else value


# --- rows ----------------------------------------------------------------------------------------------


def read_shards(paths: Sequence[Path], columns: Columns, root: Path | None = None) -> Listing:
    """The rows of Parquet files that hold the images themselves, or their paths in the place of bytes.

    Args:
        paths: the shards.
        columns: which columns name the image, the label and the group.
        root: the folder that shards are named from; by default the one that all of them lie in.

    Raises:
        CatalogError: a damaged shard, one without images, unknown columns, an empty label, missing files.
    """
    root = root or common_folder(paths)
    listing = Listing(root, [], "Parquet shards")
    names = {path: path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path) for path in paths}
    listing.notes += check_shard_names(list(names.values()), root)
    hidden = _without_labels(names, columns)
    if hidden:
        shown = join_some(names[path] for path in hidden)
        listing.notes.append(f"shards whose images have no labels were left out: {shown}")
    declared: dict[bool, str] = {}
    for path, name in names.items():
        if path in hidden:
            continue
        with open_parquet(path) as shard:
            _add_shard(listing, shard, path, name, columns)
        declared.setdefault(listing.class_names, name)
    if len(declared) == 2:
        raise CatalogError(
            f"{root}: {declared[True]} declares the names of its classes, and {declared[False]} does not, so that one "
            "class would be two; give shards that were written alike"
        )
    return listing


def _without_labels(names: Mapping[Path, str], columns: Columns) -> set[Path]:
    """The shards of a val or test part in which no image has a label, as where those of a contest are kept secret.

    Such have no column of labels, or nothing or -1 in it. There are none where every shard is so.
    """
    said = parts_in_names(names.values())
    suspects = [path for path, name in names.items() if said[name] in ("val", "test")]
    others = [path for path in names if path not in suspects]
    if not suspects or not others:
        return set()
    with open_parquet(others[0]) as shard:
        try:
            label = columns.choose_label(
                shard.schema_arrow.names, others[0], image_column(shard, others[0], columns.file)
            )
        except CatalogError:
            return set()
    hidden = set()
    for path in suspects:
        with open_parquet(path) as shard:
            if label not in shard.schema_arrow.names or _holds_none(shard, label):
                hidden.add(path)
    return hidden


def _holds_none(shard: Any, label: str) -> bool:
    """Whether a column has rows, and nothing or -1 in each of them."""
    if not shard.metadata.num_rows or shard.schema_arrow.names.count(label) > 1:
        return False
    kind = shard.schema_arrow.field(label).type
    if kinds.is_nested(kind):
        return False
    batches = shard.iter_batches(columns=[label])
    return all(value in (None, "", -1, "-1") for batch in batches for value in batch.column(0).to_pylist())


def common_folder(paths: Sequence[Path]) -> Path:
    """The folder, or the folder's URL, that all of some files lie in."""
    folders = [path.parent for path in paths]
    if not isinstance(folders[0], RemotePath):
        return Path(os.path.commonpath(folders))
    key = posixpath.commonpath([folder.key for folder in folders if isinstance(folder, RemotePath)])
    return as_path(RemotePath(folders[0].scheme, key, folders[0].query).url)


def _add_shard(listing: Listing, shard: Any, path: Path, name: str, columns: Columns) -> None:
    schema = shard.schema_arrow
    column = image_column(shard, path, columns.file)
    if column is None:
        what = "no column with image bytes" if columns.file is None else f"the column {columns.file!r} holds no images"
        raise CatalogError(f"{path}: {what}; it has: {_listed(schema)}")
    if column != default_image_column(schema):
        listing.image_columns[name] = column
    label = columns.choose_label(schema.names, path, column, numbers_in(shard))
    part = find_part_columns(schema.names, lambda other: values_in(shard, other), path)
    rows = list(_shard_rows(shard, path, columns, _Chosen(name, column, label, part)))
    without = _rows_without_bytes(shard, column)
    inside = {row: rows[row].file[len(f"{name}#{row}/") :] for row in sorted(without)}
    found = find_files(path.parent, [file for file in inside.values() if file])
    if found.missing:
        raise CatalogError(f"{path}: {found.complaint(path.parent)}")
    folder = posixpath.dirname(name)
    for row, file in inside.items():
        if file:
            rows[row] = replace(rows[row], file=posixpath.join(folder, found.paths[file]), shard=None, row=None)
    rows, twice = without_repeats(rows, path)
    listing.rows += rows
    notes = [*found.notes(path.name), *twice, columns.others(schema.names, label), part.note]
    listing.notes += [note for note in notes if note and note not in listing.notes]
    listing.label_column, listing.labelled_by = label, f"the column {label!r} of Parquet shards"
    listing.class_names = bool(class_names(schema, label))


def numbers_in(file: Any, most: int = 1000) -> list[dict[str, Any]]:
    """The first rows of a Parquet file, with its numbers alone."""
    tests = (kinds.is_boolean, kinds.is_integer, kinds.is_floating)
    plain = [field.name for field in file.schema_arrow if any(test(field.type) for test in tests)]
    if not plain:
        return []
    return next((batch.to_pylist() for batch in file.iter_batches(batch_size=most, columns=plain)), [])


def values_in(file: Any, column: str) -> list[Any]:
    """The different values of a column of texts, of truth values or of whole numbers; of another kind none."""
    if file.schema_arrow.names.count(column) > 1:
        return []
    kind = file.schema_arrow.field(column).type
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    tests = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_boolean, kinds.is_integer)
    if not any(test(kind) for test in tests):
        return []
    batches = file.iter_batches(columns=[column])
    return list({value for batch in batches for value in batch.column(0).to_pylist()})


@dataclass(frozen=True)
class _Chosen:
    """A shard's name, and its columns that are read."""

    name: str
    image: str
    label: str
    part: PartColumns


def _shard_rows(shard: Any, path: Path, columns: Columns, chosen: _Chosen) -> Iterator[Row]:
    schema, name, label = shard.schema_arrow, chosen.name, chosen.label
    class_of = name_classes(class_names(schema, label))
    paths_in = _path_column(schema, chosen.image)
    wanted = {label, *chosen.part.names, columns.group_by, "group"}
    present = [*(other for other in schema.names if other in wanted), *([paths_in] if paths_in else [])]
    batches = shard.iter_batches(batch_size=4096, columns=present)
    for position, record in enumerate(record for batch in batches for record in batch.to_pylist()):
        inside = (record.get(chosen.image) or {}).get("path") if paths_in else None
        where = f"{path}: row {position}"
        yield Row(
            f"{name}#{position}" + (f"/{inside}" if inside else ""),
            columns.label_of(record[label], where, label, class_of),
            group=extra_cell(record.get("group"), where, "group"),
            split=chosen.part.part(record, where),
            together=extra_cell(record.get(columns.group_by), where, columns.group_by) if columns.group_by else None,
            shard=name,
            row=position,
        )


def shard_names(path: Path, name: str) -> tuple[str, list[str]]:
    """The column of a shard's images, and what they are called, whatever else it holds and whatever its labels.

    Raises:
        CatalogError: a damaged shard, or one without images.
    """
    with open_parquet(path) as shard:
        column = image_column(shard, path)
        if column is None:
            raise CatalogError(f"{path}: no column with image bytes; it has: {_listed(shard.schema_arrow)}")
        paths_in = _path_column(shard.schema_arrow, column)
        if paths_in is None:
            return column, [f"{name}#{position}" for position in range(shard.metadata.num_rows)]
        records = shard.read(columns=[paths_in]).column(0).to_pylist()
        inside = [(record or {}).get("path") for record in records]
        return column, [f"{name}#{row}" + (f"/{each}" if each else "") for row, each in enumerate(inside)]


def _path_column(schema: Any, column: str) -> str | None:
    kind = schema.field(column).type
    return f"{column}.path" if kinds.is_struct(kind) and kind.get_field_index("path") >= 0 else None


def _rows_without_bytes(shard: Any, column: str) -> set[int]:
    """The rows whose image has a path and no bytes, by the counts that Parquet keeps, or by looking."""
    if _path_column(shard.schema_arrow, column) is None:
        return set()
    leaf = bytes_column(shard.schema_arrow, column)
    if leaf is None:
        return set(range(shard.metadata.num_rows))
    without: set[int] = set()
    start = 0
    for group in range(shard.num_row_groups):
        meta = shard.metadata.row_group(group)
        chunks = (meta.column(place) for place in range(meta.num_columns))
        statistics = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == leaf), None)
        none = statistics.null_count if statistics is not None and statistics.has_null_count else None
        if none == meta.num_rows:
            without.update(range(start, start + meta.num_rows))
        elif none != 0:
            position = start
            for batch in shard.iter_batches(batch_size=128, row_groups=[group], columns=[leaf]):
                without.update(
                    position + row for row, value in enumerate(batch.column(0)) if not bytes_in(value.as_py())
                )
                position += len(batch)
        start += meta.num_rows
    return without
