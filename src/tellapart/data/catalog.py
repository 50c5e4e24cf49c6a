"""The catalog: one row an image, one column a decision. Images themselves are only read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core import image_io
from tellapart.core.errors import ImageError
from tellapart.core.files import atomic_file
from tellapart.core.notebook import data_frame, html_table
from tellapart.core.parallel import in_order
from tellapart.core.storage import READERS, RemotePath, as_path, is_url, locate
from tellapart.core.tag_sets import split_tags
from tellapart.data.parquet import iter_shard

SPLITS = ("train", "val", "test")
FORMAT = 2
SHOWN, PICTURES = 12, 8  # labels, and pictures, that a notebook shows

SCHEMA = pa.schema(
    {
        "file": pa.string(),  # as in the data, relative, forward slashes
        "label": pa.string(),  # the class, the text, or the tags as one text, see `tellapart.core.tag_sets`
        "group": pa.string(),  # the coarse label, where there is one
        "split": pa.string(),  # train, val, test, or null
        "keep": pa.bool_(),
        "why": pa.string(),  # why not, in a sentence; of a kept image how it was read, where that was a guess
        "times": pa.int32(),  # how often an epoch shows it, where `balance` decided; null: once
        "width": pa.int32(),  # px, as decoded
        "height": pa.int32(),
        "sha256": pa.string(),  # of the encoded bytes
        "pixels": pa.string(),  # digest of the decoded picture: equal for exact copies in any encoding
        "hash": pa.binary(16),  # see `tellapart.data.duplicates.hashing.picture_hash`: close for near-copies
        "together": pa.string(),  # equal values never cross a split
        "shard": pa.string(),  # bytes embedded in Parquet: the file, and its row
        "row": pa.int64(),
    }
)


@dataclass(frozen=True)
class Catalog:
    """The rows of a data set and where its images lie; it is changed only by copies.

    Made by `tellapart.data.opening.open_catalog`.

    Args:
        table: one row an image, in the columns of `SCHEMA`.
        root: the folder that the names of files are relative to.
        task: ``classify``, ``read`` or ``tag``.
        source: what it was made from, for messages.
        notes: what a person should know.
        meta: how columns were made, such as the seed of the split.
    """

    table: pa.Table
    root: Path
    task: str
    source: str
    notes: tuple[str, ...] = ()
    meta: Mapping[str, Any] | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        """One line: a table of pyarrow prints all that it holds."""
        return f"Catalog({self.source}: {len(self):,} images, {len(self.labels):,} labels, {self.task})"

    def to_pandas(self) -> Any:
        """The table as a DataFrame, a row an image.

        Raises:
            ConfigError: pandas is not installed.
        """
        return data_frame(self.table)

    def _repr_html_(self) -> str:
        """The labels with their images, and a few of these, as a notebook shows it."""
        parts = [part for part in (*SPLITS, None) if part in set(self.column("split"))]
        rows = zip(*(self.column(name) for name in ("label", "split", "keep")), strict=True)
        kept = Counter((each, part, keep) for label, part, keep in rows for each in self.labels_in(label))
        counts = [(label, *(kept[label, part, True] for part in parts)) for label in self.labels[:SHOWN]]
        more = len(self.labels) - len(counts)
        lines: list[tuple[object, ...]] = [*counts, *([(f"and {more:,} more",)] if more else [])]
        counted = f"{len(self.rows()):,} of {len(self):,} images, {len(self.labels):,} labels"
        title = f"{self.source}: {counted} ({self.task})"
        head = ("label", *(part or "images" for part in parts))
        return html_table(title, lines, head=head, pictures=self._samples())

    def _samples(self) -> Iterator[image_io.Pixels]:
        """The first kept images of some labels, of those that can be decoded."""
        labels, first = self.column("label"), dict[str, int]()
        for row in self.rows():
            if len(first) < PICTURES:
                first.setdefault(labels[row], row)
        for _, data in encoded(self, first.values()):
            with contextlib.suppress(ImageError):
                if isinstance(data, bytes):
                    yield image_io.decode(data)

    def column(self, name: str) -> list[Any]:
        """A column as a list."""
        return self._columns[name]

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        return {name: self.table.column(name).to_pylist() for name in self.table.column_names}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels of kept rows, sorted; where an image has several, each of them."""
        found = {label for label, keep in zip(self.column("label"), self.column("keep"), strict=True) if keep}
        return tuple(sorted({tag for label in found for tag in self.labels_in(label)}))

    def labels_in(self, label: str) -> tuple[str, ...]:
        """The labels that a value of the label column stands for: itself, or where an image has several, each."""
        return split_tags(label) if self.task == "tag" else (label,)

    @cached_property
    def groups(self) -> dict[str, str]:
        """Label → group for kept rows; empty where there are no groups."""
        return {
            label: group
            for label, group, keep in zip(self.column("label"), self.column("group"), self.column("keep"), strict=True)
            if keep and group is not None
        }

    def rows(self, split: str | None = None) -> list[int]:
        """Indices of kept rows, of one split or of all."""
        parts = self.column("split")
        return [row for row, keep in enumerate(self.column("keep")) if keep and split in (None, parts[row])]

    def training_rows(self) -> list[int]:
        """Rows of the train part, each as often as an epoch shows it."""
        times = self.column("times")
        return [row for row in self.rows("train") for _ in range(1 if times[row] is None else times[row])]

    def read(self, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Read images: pairs of row and encoded bytes.

        Files come in the order of ``rows``; rows of shards come last, in the order of each shard.

        Raises:
            ImageError: a file has gone.
            CatalogError: a shard has gone or has changed.
        """
        shards, numbers, files = self.column("shard"), self.column("row"), self.column("file")
        embedded: dict[str, dict[int, int]] = defaultdict(dict)

        def single() -> Iterator[int]:
            for row in rows:
                if shards[row] is None:
                    yield row
                else:
                    embedded[shards[row]][numbers[row]] = row

        for row, data in read_files(self.root, files, single()):
            if isinstance(data, ImageError):
                raise data
            yield row, data
        for shard, wanted in embedded.items():
            for number, data in self.read_shard(shard, list(wanted)):
                yield wanted[number], data

    def read_shard(self, shard: str, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Read images of a shard: pairs of its row's number and encoded bytes, see `tellapart.data.parquet.iter_shard`.

        Raises:
            CatalogError: the shard has gone or has changed.
        """
        column = ((self.meta or {}).get("image_columns") or {}).get(shard)
        return iter_shard(locate(self.root, shard), numbers, column)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of what training depends on, independent of the order of rows and the names of files.

        That is: image, label, group, split, keep, times and the extra characters.
        """
        names = ["sha256", "label", "group", "split", "keep"]
        if any(times is not None for times in self.column("times")):
            names.append("times")
        fields = [self.column(name) for name in names]
        lines = sorted("\0".join(map(str, row)) for row in zip(*fields, strict=True))
        if self.characters:
            lines.append(f"characters\0{self.characters}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def with_column(self, name: str, values: Sequence[Any]) -> Catalog:
        """A copy with one column replaced."""
        position = SCHEMA.get_field_index(name)
        column = pa.array(values, type=SCHEMA.field(name).type)
        return replace(self, table=self.table.set_column(position, SCHEMA.field(name), column))

    def with_notes(self, notes: Iterable[str]) -> Catalog:
        """A copy with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_meta(self, **meta: Any) -> Catalog:
        """A copy with more metadata on how its columns were made."""
        return replace(self, meta={**(self.meta or {}), **meta})

    @property
    def characters(self) -> str:
        """Extra characters that texts may hold beside those of the labels; empty by default."""
        return str((self.meta or {}).get("characters") or "")

    def write(self, path: str | Path) -> Path:
        """Write the catalog as Parquet, whole or not at all."""
        path = as_path(path)
        about = {
            "format": FORMAT,
            "task": self.task,
            "source": self.source,
            "root": self.root.url if isinstance(self.root, RemotePath) else str(self.root.resolve()),
            "root_from_here": _relative(self.root, path.parent),
            "notes": list(self.notes),
            "meta": dict(self.meta or {}),
        }
        with atomic_file(path) as temporary:
            pq.write_table(self.table.replace_schema_metadata({"tellapart": json.dumps(about)}), temporary)
        return path


def encoded(catalog: Catalog, rows: Iterable[int]) -> Iterator[tuple[int, bytes | ImageError]]:
    """Read images like `Catalog.read`, with the error in place of the bytes where a file has gone.

    Raises:
        CatalogError: a shard has gone or has changed.
    """
    shards = catalog.column("shard")
    embedded: list[int] = []

    def single() -> Iterator[int]:
        for row in rows:
            if shards[row] is None:
                yield row
            else:
                embedded.append(row)

    yield from read_files(catalog.root, catalog.column("file"), single())
    yield from catalog.read(embedded)


def read_files(root: Path, files: Sequence[str], rows: Iterable[int]) -> Iterator[tuple[int, bytes | ImageError]]:
    """Read files by their rows; those of storage many at once, as each waits for the network."""

    def read(row: int) -> tuple[int, bytes | ImageError]:
        try:
            return row, image_io.read_bytes(locate(root, files[row]))
        except ImageError as error:
            return row, error

    if is_url(root):
        with ThreadPoolExecutor(READERS) as pool:
            yield from in_order(pool, read, rows, 4 * READERS)
    else:
        yield from map(read, rows)


def _relative(root: Path, start: Path) -> str | None:
    if is_url(root) or is_url(start):
        return None
    try:
        return Path(os.path.relpath(root.resolve(), start.resolve())).as_posix()
    except ValueError:  # another drive
        return None
