"""Parquet files: opening them, and the bytes of the images that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from tellapart.core.errors import CatalogError
from tellapart.core.foreign_content import HEAD, stand_in
from tellapart.core.regular_files import open_regular
from tellapart.core.storage import RemotePath


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
        if (instead := _stand_in(path)) is not None:
            raise CatalogError(f"{path}: {instead}") from error
        reason = " ".join(str(error).split())  # on one line
        raise CatalogError(f"{path}: cannot be read as Parquet: {reason}; write or fetch it again") from error


def _stand_in(path: Path) -> str | None:
    """What lies in the place of a Parquet file that was never fetched, in words."""
    if isinstance(path, RemotePath):
        return None
    try:
        with open_regular(path) as stream:
            return stand_in(stream.read(HEAD), "shard")
    except (OSError, ValueError):
        return None


def iter_shard(path: Path, rows: Sequence[int], column: str | None = None) -> Iterator[tuple[int, bytes]]:
    """The image bytes of some rows of a shard, in ascending order, a small batch in memory at a time.

    Args:
        path: the shard.
        rows: their numbers, from 0.
        column: where the images are; by default as `default_image_column` says.

    Raises:
        CatalogError: the shard has gone, is damaged, or has fewer rows than it had.
    """
    with open_parquet(path) as shard:
        column = column or default_image_column(shard.schema_arrow)
        if column is None or column not in shard.schema_arrow.names:
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
                        yield target, bytes_in(values[target - position].as_py())
                        target = next(wanted, None)
                    position += len(values)
            start += length
    if target is not None:
        raise CatalogError(f"{path}: no row {target}; the shard has changed since it was catalogued")


def default_image_column(schema: Any) -> str | None:
    """The column that holds images where nothing else is known: the first of structs, or else of bytes."""
    named = {field.name: field.type for field in schema if holds_images(field.type)}
    return next((name for name, kind in named.items() if is_struct(kind)), next(iter(named), None))


def holds_images(kind: Any) -> bool:
    """Whether a type of Arrow may be that of images: bytes, or a struct of Hugging Face's datasets."""
    return is_struct(kind) or is_bytes(kind)


def is_struct(kind: Any) -> bool:
    """Whether a type is that of an image of Hugging Face: bytes, a path, or both."""
    if not kinds.is_struct(kind):
        return False
    inside = {kind.field(place).name: kind.field(place).type for place in range(kind.num_fields)}
    if "bytes" in inside:
        return is_bytes(inside["bytes"]) or kinds.is_null(inside["bytes"])
    return inside.keys() == {"path"}


def is_bytes(kind: Any) -> bool:
    """Whether a type of Arrow is one of bytes, in whatever form.

    >>> is_bytes(pa.binary_view()), is_bytes(pa.dictionary(pa.int8(), pa.binary())), is_bytes(pa.string())
    (True, True, False)
    """
    if kinds.is_dictionary(kind):
        return is_bytes(kind.value_type)
    tests = (kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary, kinds.is_binary_view)
    return any(test(kind) for test in tests)


def bytes_column(schema: Any, column: str) -> str | None:
    """The leaf of a column that holds the bytes; None where it has none."""
    kind = schema.field(column).type
    if not kinds.is_struct(kind):
        return column
    place = kind.get_field_index("bytes")
    return None if place < 0 or kinds.is_null(kind.field(place).type) else f"{column}.bytes"


def bytes_in(value: Any) -> bytes:
    """The bytes that a cell of images holds; none where it is empty."""
    return (value.get("bytes") if isinstance(value, dict) else value) or b""
