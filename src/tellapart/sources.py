"""Where labelled images come from: every layout people keep them in becomes the same rows."""

from __future__ import annotations

import csv
import glob
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tellapart.errors import CatalogError, some
from tellapart.images import is_image_name

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
TABLE_NAMES = ("labels", "metadata", "annotations")
FILE_COLUMNS = ("file", "file_name", "filename", "image", "path", "image_path")
LABEL_COLUMNS = ("label", "text", "class", "target", "labels", "category", "fine_label")
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip

LABEL_RULES = {
    # dog_01.jpg -> dog, 2_10067.png -> 2, cat.12.jpg -> cat, "cup (3).png" -> cup
    "prefix": re.compile(r"(?P<label>.+?)[ _.\-]+\(?\d+\)?"),
    # ab3kz.png -> ab3kz; a copy's counter is not text: 0042.1.png and "0042 (1).png" -> 0042
    "text": re.compile(r"(?P<label>.+?)(?:\.\d+| \(\d+\))?"),
}


@dataclass(frozen=True)
class Row:
    """One labelled image before it has been looked at."""

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


def read_source(
    data: str | Path,
    *,
    label_from: str = "auto",
    file_column: str | None = None,
    label_column: str | None = None,
    together: str | None = None,
    task: str | None = None,
) -> Listing:
    """List the labelled images of a folder, a table, or Parquet shards (one, a glob, or a folder of them).

    Args:
        label_from: ``auto``, ``folder`` (class folders), ``prefix`` (dog_01.jpg is a dog), ``text`` (ab3kz.png
            reads ab3kz), or a regular expression over the file name without its ending, with one group.
        file_column, label_column: for tables whose columns are not named file and label.
        together: a table's column whose equal values never cross a split (one person, one site).

    Raises:
        CatalogError: nothing there, no labels, an empty label, unknown columns, missing files.
    """
    path = Path(data)
    columns = _Columns(file_column, label_column, together)
    if any(sign in str(data) for sign in "*?[") and not path.exists():
        shards = sorted(Path(name) for name in glob.glob(str(data), recursive=True))  # noqa: PTH207
        if not shards:
            raise CatalogError(f"{data}: no file matches this pattern")
        listing = _shards(shards, columns)
    elif path.is_dir():
        listing = _folder(path, label_from, columns, task)
    elif path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
        listing = _table(path, columns)
    elif path.exists():
        raise CatalogError(
            f"{data}: not a data set; give a folder of images, a table ({', '.join(TABLE_SUFFIXES)}) or Parquet shards"
        )
    else:
        raise CatalogError(f"{data}: there is no such file or folder")
    if not listing.rows:
        raise CatalogError(f"{data}: no images found")
    return listing


# --- folders ---------------------------------------------------------------------------------------


def _folder(root: Path, label_from: str, columns: _Columns, task: str | None) -> Listing:
    if label_from == "auto":
        tables = [
            path for name in TABLE_NAMES for suffix in TABLE_SUFFIXES if (path := root / f"{name}{suffix}").is_file()
        ]
        if tables:
            return _unlisted(_table(tables[0], columns), root)
    found, others = _images_below(root)
    shards = sorted(path for path in root.rglob("*.parquet") if not path.name.startswith("."))
    if shards and not found:
        return _shards(shards, columns, root)
    notes = []
    if others:
        kinds = Counter(path.suffix.lower() or path.name for path in others)
        notes.append(
            f"{len(others)} files are not images by name and were left out: "
            + some(f"{count} {kind}" for kind, count in kinds.most_common())
        )
    depths = Counter(len(path.relative_to(root).parts) - 1 for path in found)
    splits = _split_folders(root, found)
    if not found:
        return Listing(root, [], "folder", notes)
    if label_from == "auto":
        label_from = "folder" if max(depths) > splits else ("text" if task == "read" else "prefix")
    if label_from == "folder":
        return Listing(root, _class_folders(root, found, depths, splits), "class folders", notes)
    rows = []
    for path in found:
        inside = path.relative_to(root)
        split = SPLIT_NAMES.get(inside.parts[0].lower()) if splits else None
        rows.append(Row(inside.as_posix(), label_in_name(path, label_from), split=split))
    return Listing(root, rows, "file names", notes)


def label_in_name(path: str | Path, rule: str) -> str:
    """The label that a file name carries, by a named rule or a regular expression with one group.

    Raises:
        CatalogError: the name does not follow the rule, or the rule is no usable expression.

    >>> label_in_name("dog_01.jpg", "prefix"), label_in_name("2_10067.png", "prefix")
    ('dog', '2')
    >>> label_in_name("0042.1.png", "text"), label_in_name("x-red-7.png", "x-([a-z]+)-.*")
    ('0042', 'red')
    """
    stem = Path(path).stem
    expression = LABEL_RULES.get(rule)
    if expression is None:
        try:
            expression = re.compile(rule)
        except re.error as error:
            raise CatalogError(f"label rule {rule!r}: not a regular expression: {error}") from error
        if expression.groups != 1:
            raise CatalogError(
                f"label rule {rule!r}: give folder, prefix, text, or a regular expression with exactly one group"
            )
    match = expression.fullmatch(stem)
    if match is None or not match[1]:
        raise CatalogError(
            f"{path}: the name holds no label by the rule {rule!r}; "
            "sort the images into class folders, or give a rule that fits (--label-from)"
        )
    return str(match[1])


def _images_below(root: Path) -> tuple[list[Path], list[Path]]:
    found, others = [], []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts) or not path.is_file():
            continue
        if is_image_name(path):
            found.append(path)
        elif path.name not in ("Thumbs.db", "desktop.ini"):
            others.append(path)
    return found, others


def _split_folders(root: Path, found: Sequence[Path]) -> bool:
    """Whether the first level is train/val/test, as many published sets have it."""
    tops = {path.relative_to(root).parts[0].lower() for path in found if path.parent != root}
    return len(tops) > 1 and "train" in {SPLIT_NAMES.get(top) for top in tops} and tops <= set(SPLIT_NAMES)


def _class_folders(root: Path, found: Sequence[Path], depths: Counter[int], splits: bool) -> list[Row]:
    levels = {depth - splits for depth in depths}
    if len(levels) > 1 or not levels <= {1, 2}:
        usual = depths.most_common(1)[0][0]
        odd = next(
            path for path in found if len(path.relative_to(root).parts) - 1 != usual or usual - splits not in (1, 2)
        )
        raise CatalogError(
            f"{odd.relative_to(root).as_posix()}: images must all lie in class folders (class/image) or all in "
            "group/class folders (group/class/image); move this one, or label by name (--label-from prefix)"
        )
    rows = []
    for path in found:
        inside = path.relative_to(root)
        split = SPLIT_NAMES[inside.parts[0].lower()] if splits else None
        folders = inside.parts[splits:-1]
        group = folders[0] if len(folders) == 2 else None
        rows.append(Row(inside.as_posix(), folders[-1], group, split))
    return rows


def _unlisted(listing: Listing, root: Path) -> Listing:
    named = {row.file for row in listing.rows}
    rest = [path.relative_to(root).as_posix() for path in _images_below(root)[0]]
    rest = [name for name in rest if name not in named]
    if rest and listing.rows and listing.rows[0].shard is None:
        listing.notes.append(f"{len(rest)} images are not named in {listing.layout} and were left out: {some(rest)}")
    return listing


# --- tables ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    file: str | None
    label: str | None
    together: str | None

    def choose(self, present: Sequence[str], table: Path) -> tuple[str, str]:
        file = self._one(self.file, FILE_COLUMNS, present, table, "file", "--file-column")
        label = self._one(self.label, LABEL_COLUMNS, present, table, "label", "--label-column", taken=file)
        if self.together is not None and self.together not in present:
            raise CatalogError(f"{table}: no column {self.together!r} (together); it has: {', '.join(present)}")
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


def _table(path: Path, columns: _Columns) -> Listing:
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        if _image_column(pq.read_schema(path)) is not None:
            return _shards([path], columns)
        records: Iterable[dict[str, Any]] = pq.read_table(path).to_pylist()
        present = list(pq.read_schema(path).names)
    else:
        try:
            records, present = (_read_jsonl if path.suffix.lower() == ".jsonl" else _read_csv)(path)
        except UnicodeDecodeError as error:
            raise CatalogError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8") from error
        except csv.Error as error:
            raise CatalogError(f"{path}: not a readable table: {error}") from error
    file_column, label_column = columns.choose(present, path)
    rows: dict[str, Row] = {}
    twice: list[str] = []
    missing: list[str] = []
    first = 2 if path.suffix.lower() in (".csv", ".tsv") else 1  # a heading counts as a row
    for number, record in enumerate(records, start=first):
        name = _text(record.get(file_column))
        if not name:
            raise CatalogError(f"{path}: row {number} names no file; fill the {file_column!r} column or drop the row")
        label = _label(record.get(label_column), f"{path}: row {number} ({name})", label_column)
        row = Row(
            Path(name).as_posix(),
            label,
            group=_text(record.get("group")) or None,
            split=_split_name(record.get("split"), path, number),
            together=_text(record.get(columns.together)) or None if columns.together else None,
        )
        known = rows.setdefault(row.file, row)
        if known is not row:
            if known.label != row.label:
                raise CatalogError(
                    f"{path}: {name} is labelled both {known.label!r} and {row.label!r}; keep one of the rows"
                )
            twice.append(name)
        elif not os.path.isfile(path.parent / name):  # noqa: PTH113  (false, not an error, for a name too long)
            missing.append(name)
    if missing:
        raise CatalogError(
            f"{path}: {len(missing)} of {len(rows)} files are missing: {some(missing)}; paths are relative to "
            f"{path.parent}"
        )
    notes = [f"{len(twice)} rows of {path.name} repeat another row and count once: {some(twice)}"] if twice else []
    return Listing(path.parent, list(rows.values()), path.name, notes)


def _read_csv(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
        stream.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" or head.count("\t") else ","
        if delimiter == "," and "," not in head and ";" in head:
            delimiter = ";"
        reader = csv.DictReader(stream, delimiter=delimiter)
        present = list(reader.fieldnames or [])
        if not present:
            raise CatalogError(f"{path}: the table is empty; its first row names the columns, as file,label")
        records = list(reader)
    return records, present


def _read_jsonl(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    records = []
    present: dict[str, None] = {}
    # Not splitlines(): it also cuts at U+2028 and its like, which JSON allows within a text.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise CatalogError(f"{path}: line {number} is not JSON: {error.msg}") from error
        if not isinstance(record, dict):
            raise CatalogError(f"{path}: line {number} is not a JSON object")
        records.append(record)
        present.update(dict.fromkeys(record))
    return records, list(present)


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


def _image_column(schema: Any) -> str | None:
    """The name of the column that holds image bytes: {"bytes", "path"} structs, or plain binary."""
    import pyarrow.types as kinds

    for item in schema:
        if kinds.is_struct(item.type) and item.type.get_field_index("bytes") >= 0:
            return str(item.name)
    for item in schema:
        if kinds.is_binary(item.type) or kinds.is_large_binary(item.type):
            return str(item.name)
    return None


def _shards(paths: Sequence[Path], columns: _Columns, root: Path | None = None) -> Listing:
    import pyarrow.parquet as pq

    root = root or Path(os.path.commonpath([path.parent for path in paths]))
    rows: list[Row] = []
    for path in paths:
        try:
            shard = pq.ParquetFile(path)
        except (OSError, ValueError) as error:
            raise CatalogError(f"{path}: not a Parquet file: {error}") from error
        schema = shard.schema_arrow
        image_column = _image_column(schema)
        if image_column is None:
            raise CatalogError(f"{path}: no column with image bytes; it has: {', '.join(schema.names)}")
        columns = _Columns(image_column, columns.label, columns.together)
        _, label_column = columns.choose(schema.names, path)
        named = _class_names(schema, label_column)
        wanted = [
            label_column,
            *(name for name in ("group", "split", columns.together) if name in schema.names),
        ]
        if (paths_in := _path_column(schema, image_column)) is not None:
            wanted.append(paths_in)
        shard_name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        position = 0
        for batch in shard.iter_batches(batch_size=4096, columns=list(dict.fromkeys(wanted))):
            for record in batch.to_pylist():
                label = _label(named(record[label_column]), f"{path}: row {position}", label_column)
                inside = (record.get(image_column) or {}).get("path") if paths_in else None
                rows.append(
                    Row(
                        f"{shard_name}#{position}" + (f"/{inside}" if inside else ""),
                        label,
                        group=_text(record.get("group")) or None,
                        split=_split_name(record.get("split"), path, position),
                        together=_text(record.get(columns.together)) or None if columns.together else None,
                        shard=shard_name,
                        row=position,
                    )
                )
                position += 1
    return Listing(root, rows, "Parquet shards")


def _path_column(schema: Any, image_column: str) -> str | None:
    import pyarrow.types as kinds

    kind = schema.field(image_column).type
    return f"{image_column}.path" if kinds.is_struct(kind) and kind.get_field_index("path") >= 0 else None


def _class_names(schema: Any, label_column: str) -> Callable[[Any], Any]:
    """Hugging Face keeps class names in the schema's metadata and numbers in the column, -1 where there is none."""
    meta = (schema.metadata or {}).get(b"huggingface")
    features = json.loads(meta).get("info", {}).get("features", {}) if meta else {}
    names = (features.get(label_column) or {}).get("names")
    if not isinstance(names, list):
        return lambda value: value
    known = dict(enumerate(names))
    return lambda value: known.get(value) if isinstance(value, int) else value


def iter_shard(path: Path, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The image bytes of some rows of a shard, in ascending order, a small batch in memory at a time.

    Raises:
        CatalogError: the shard has gone or has fewer rows than it had.
    """
    import pyarrow.parquet as pq

    try:
        shard = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: the shard cannot be read: {error}") from error
    column = _image_column(shard.schema_arrow)
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
