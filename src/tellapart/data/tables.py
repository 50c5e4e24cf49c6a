"""Tables that name images, and Parquet shards that hold them, become rows."""

from __future__ import annotations

import csv
import io
import json
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from tellapart.core.errors import CatalogError, join_some
from tellapart.core.storage import RemotePath, as_path, is_url

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
TABLE_NAMES = ("labels", "metadata", "annotations")
FILE_COLUMNS = ("file", "file_name", "filename", "image", "path", "image_path")
LABEL_COLUMNS = ("label", "text", "class", "target", "labels", "category", "fine_label")
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


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


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold file, label and group; by default the usual names."""

    file: str | None = None
    label: str | None = None
    group_by: str | None = None  # equal values never cross a split

    def choose(self, present: Sequence[str], table: Path) -> tuple[str, str]:
        """Which of a table's columns name the file and the label.

        Raises:
            CatalogError: a named column is not there, or no usual one is.

        >>> Columns().choose(["id", "Image", "text"], Path("labels.csv"))
        ('Image', 'text')
        """
        file = self._one(self.file, FILE_COLUMNS, present, table, "file", "--file-column")
        label = self._one(self.label, LABEL_COLUMNS, present, table, "label", "--label-column", taken=file)
        if self.group_by is not None and self.group_by not in present:
            raise CatalogError(f"{table}: no column {self.group_by!r} (group_by); it has: {', '.join(present)}")
        return file, label

    @staticmethod
    def _one(
        wanted: str | None,
        usual: Sequence[str],
        present: Sequence[str],
        table: Path,
        what: str,
        option: str,
        taken: str | None = None,
    ) -> str:
        if wanted is not None:
            if wanted not in present:
                raise CatalogError(f"{table}: no column {wanted!r}; it has: {', '.join(present)}")
            return wanted
        lower = {name.lower(): name for name in reversed(present) if name != taken}
        for name in usual:
            if name in lower:
                return lower[name]
        raise CatalogError(f"{table}: no {what} column; it has: {', '.join(present)}; name the right one with {option}")


def read_table(path: Path, columns: Columns) -> Listing:
    """The rows of a CSV, TSV, JSONL or Parquet table; a Parquet file that holds the images themselves is a shard.

    Raises:
        CatalogError: a damaged table, unknown columns, an empty cell, missing files, one file with two labels.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        with open_parquet(path) as file:
            if _image_column(file.schema_arrow) is not None:
                return read_shards([path], columns)
            present = file.schema_arrow.names
            wanted = {*columns.choose(present, path), "group", "split", columns.group_by}
            records = file.read(columns=[name for name in present if name in wanted]).to_pylist()
    else:
        records, present = (_read_jsonl if kind == ".jsonl" else _read_csv)(path)
    file_column, label_column = columns.choose(present, path)
    rows: dict[str, Row] = {}
    twice: list[str] = []
    missing: list[str] = []
    first = 2 if kind in (".csv", ".tsv") else 1  # a heading counts as a row
    for number, record in enumerate(records, start=first):
        name = _text(record.get(file_column))
        if not name:
            raise CatalogError(f"{path}: row {number} names no file; fill the {file_column!r} column or drop the row")
        label = _label(record.get(label_column), f"{path}: row {number} ({name})", label_column)
        row = Row(
            _posix(name),
            label,
            group=_text(record.get("group")) or None,
            split=_split_name(record.get("split"), path, number),
            together=_text(record.get(columns.group_by)) or None if columns.group_by else None,
        )
        known = rows.setdefault(posixpath.normpath(row.file), row)  # x/../a.png is a.png
        if known is not row:
            if known.label != row.label:
                raise CatalogError(
                    f"{path}: {name} is labelled both {known.label!r} and {row.label!r}; keep one of the rows"
                )
            twice.append(name)
        elif not _is_there(path, name):
            missing.append(name)
    if missing:
        raise CatalogError(
            f"{path}: {len(missing)} of {len(rows)} files are missing: {join_some(missing)}; paths are relative to "
            f"{path.parent}"
        )
    notes = [f"{len(twice)} rows of {path.name} repeat another row and count once: {join_some(twice)}"] if twice else []
    return Listing(
        path.parent, list(rows.values()), path.name, notes, f"the column {label_column!r} of {path.name}", label_column
    )


def _posix(name: str) -> str:
    return name if is_url(name) else Path(name).as_posix()


def _is_there(table: Path, name: str) -> bool:
    """Whether a file that a local table names is there; asking storage for each would take hours."""
    if is_url(name) or is_url(table):
        return True
    return os.path.isfile(os.path.join(table.parent, name))  # noqa: PTH113, PTH118  (quick; no name is an error)


def _read_csv(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    stream = io.StringIO(_decoded(path), newline="")
    head = stream.readline()
    stream.seek(0)
    delimiter = "\t" if path.suffix.lower() == ".tsv" or head.count("\t") else ","
    if delimiter == "," and "," not in head and ";" in head:
        delimiter = ";"
    reader = csv.DictReader(stream, delimiter=delimiter)
    try:
        present = list(reader.fieldnames or [])
        records = list(reader)
    except csv.Error as error:
        raise CatalogError(f"{path}: not a readable table: {error}") from error
    if not present:
        raise CatalogError(f"{path}: the table is empty; its first row names the columns, as file,label")
    return records, present


def _read_jsonl(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    records = []
    present: dict[str, None] = {}
    # Not splitlines(): it also cuts at U+2028 and its like, which JSON allows within a text.
    for number, line in enumerate(io.StringIO(_decoded(path), newline=None), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:  # not only of JSON: thousands of digits, of brackets
            reason = getattr(error, "msg", error)
            raise CatalogError(f"{path}: line {number} is not JSON: {reason}; mend or drop it") from error
        if not isinstance(record, dict):
            raise CatalogError(f"{path}: line {number} is not a JSON object")
        records.append(record)
        present.update(dict.fromkeys(record))
    return records, list(present)


def _decoded(path: Path) -> str:
    """A table's text, with its line ends as they are."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8") from error
    if "\0" in text.partition("\n")[0]:  # without its mark UTF-16 passes for UTF-8
        raise CatalogError(f"{path}: its first line holds NULs, as UTF-16 does; save the table as UTF-8")
    return text.removeprefix("\ufeff")


def _text(value: object) -> str:
    """A cell as text: 0042 stays 0042 because nothing here ever reads a cell as a number."""
    return "" if value is None else str(value).strip()


def _label(value: object, where: str, column: str) -> str:
    label = _text(value)
    if not label:
        raise CatalogError(f"{where} has an empty label; fill the {column!r} column or drop the row")
    return label


def _split_name(value: object, path: Path, number: int) -> str | None:
    name = _text(value).lower()
    if name and name not in SPLIT_NAMES:
        raise CatalogError(f"{path}: row {number} has the split {name!r}; known: train, val, test")
    return SPLIT_NAMES.get(name)


# --- Parquet shards with embedded bytes --------------------------------------------------------------


@contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
    """A Parquet file to read from.

    Raises:
        CatalogError: there is no such file, or it is damaged, which shows at its opening or at any page.
    """
    try:
        with pq.ParquetFile(path.open_input() if isinstance(path, RemotePath) else path) as file:
            yield file
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())  # on one line
        raise CatalogError(f"{path}: cannot be read as Parquet: {reason}; write or fetch it again") from error


def _image_column(schema: Any) -> str | None:
    """The name of the column that holds image bytes: {"bytes", "path"} structs, or plain binary."""
    for item in schema:
        if kinds.is_struct(item.type) and item.type.get_field_index("bytes") >= 0:
            return str(item.name)
    for item in schema:
        if kinds.is_binary(item.type) or kinds.is_large_binary(item.type):
            return str(item.name)
    return None


def read_shards(paths: Sequence[Path], columns: Columns, root: Path | None = None) -> Listing:
    """The rows of Parquet files that hold the images themselves.

    Args:
        paths: the shards.
        columns: which columns name the label and the group.
        root: the folder that shards are named from; by default the one that all of them lie in.

    Raises:
        CatalogError: a damaged shard, one without images, unknown columns, an empty label.
    """
    root = root or as_path(_common_folder([path.parent for path in paths]))
    listing = Listing(root, [], "Parquet shards")
    for path in paths:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        with open_parquet(path) as shard:
            _, label_column = _shard_columns(shard.schema_arrow, path, columns)
            listing.rows += _shard_rows(shard, path, name, columns)
            listing.label_column, listing.labelled_by = label_column, f"the column {label_column!r} of Parquet shards"
            listing.class_names = bool(_declared_names(shard.schema_arrow, label_column))
    return listing


def _shard_columns(schema: Any, path: Path, columns: Columns) -> tuple[str, str]:
    """The columns of a shard that hold images and labels."""
    image_column = _image_column(schema)
    if image_column is None:
        raise CatalogError(f"{path}: no column with image bytes; it has: {', '.join(schema.names)}")
    return Columns(image_column, columns.label, columns.group_by).choose(schema.names, path)


def _common_folder(folders: Sequence[Path]) -> Path | str:
    if not isinstance(folders[0], RemotePath):
        return os.path.commonpath(folders)
    key = posixpath.commonpath([folder.key for folder in folders if isinstance(folder, RemotePath)])
    return RemotePath(folders[0].scheme, key, folders[0].query).url


def _shard_rows(shard: Any, path: Path, name: str, columns: Columns) -> Iterator[Row]:
    schema = shard.schema_arrow
    image_column, label_column = _shard_columns(schema, path, columns)
    class_of = _class_names(schema, label_column)
    wanted = [label_column, *(name for name in ("group", "split", columns.group_by) if name in schema.names)]
    if (paths_in := _path_column(schema, image_column)) is not None:
        wanted.append(paths_in)
    batches = shard.iter_batches(batch_size=4096, columns=list(dict.fromkeys(wanted)))
    for position, record in enumerate(record for batch in batches for record in batch.to_pylist()):
        inside = (record.get(image_column) or {}).get("path") if paths_in else None
        yield Row(
            f"{name}#{position}" + (f"/{inside}" if inside else ""),
            _label(class_of(record[label_column]), f"{path}: row {position}", label_column),
            group=_text(record.get("group")) or None,
            split=_split_name(record.get("split"), path, position),
            together=_text(record.get(columns.group_by)) or None if columns.group_by else None,
            shard=name,
            row=position,
        )


def _path_column(schema: Any, image_column: str) -> str | None:
    kind = schema.field(image_column).type
    return f"{image_column}.path" if kinds.is_struct(kind) and kind.get_field_index("path") >= 0 else None


def _class_names(schema: Any, label_column: str) -> Callable[[Any], Any]:
    """Hugging Face keeps class names in the schema's metadata and numbers in the column, -1 where there is none."""
    names = _declared_names(schema, label_column)
    if names is None:
        return lambda value: value
    known = dict(enumerate(names))
    return lambda value: known.get(value) if isinstance(value, int) else value


def _declared_names(schema: Any, label_column: str) -> list[Any] | None:
    """The class names of a Hugging Face ClassLabel; None where the column is none."""
    try:
        names = json.loads(schema.metadata[b"huggingface"])["info"]["features"][label_column]["names"]
    except (LookupError, TypeError, ValueError, RecursionError):  # another program's metadata, or none
        return None
    return names if isinstance(names, list) else None


def iter_shard(path: Path, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The image bytes of some rows of a shard, in ascending order, a small batch in memory at a time.

    Raises:
        CatalogError: the shard has gone, is damaged, or has fewer rows than it had.
    """
    with open_parquet(path) as shard:
        column = _image_column(shard.schema_arrow)
        if column is None:
            raise CatalogError(f"{path}: no column with image bytes; the shard has changed since it was catalogued")
        wanted = iter(sorted(rows))
        target = next(wanted, None)
        start = 0
        for group in range(shard.num_row_groups):
            length = shard.metadata.row_group(group).num_rows
            if target is not None and target < start + length:
                position = start
                for batch in shard.iter_batches(batch_size=128, row_groups=[group], columns=[column]):
                    values = batch.column(0)
                    while target is not None and target < position + len(values):
                        value = values[target - position].as_py()
                        yield target, (value.get("bytes") if isinstance(value, dict) else value) or b""
                        target = next(wanted, None)
                    position += len(values)
            start += length
    if target is not None:
        raise CatalogError(f"{path}: no row {target}; the shard has changed since it was catalogued")
