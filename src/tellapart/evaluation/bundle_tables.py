"""The Parquet files in a bundle, which anybody may have written: read whole, of a bounded size, or refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.documents import load_json
from tellapart.core.errors import BundleError
from tellapart.core.terminal import excerpt


def read_bundle_table(path: Path, key: bytes, most: int) -> tuple[pa.Table, dict[str, Any]]:
    """Read a table and the JSON object that its metadata has under a key.

    Args:
        path: the file.
        key: of the metadata.
        most: rows that the table may have.

    Raises:
        BundleError: the file is damaged, has more rows, or no such object.
    """
    try:
        with pq.ParquetFile(path) as file:
            if (rows := file.metadata.num_rows) > most:
                raise BundleError(f"{path}: {rows:,} rows, more than {most:,}; export the run again")
            table = file.read()
            table.validate(full=True)
        about = load_json((table.schema.metadata or {}).get(key, b""))
    except (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException) as error:
        reason = excerpt(" ".join(str(error).split()))
        raise BundleError(f"{path}: cannot be read: {reason}; export the run again") from error
    if not isinstance(about, dict) or len(set(table.column_names)) < len(table.column_names):
        raise BundleError(f"{path}: not a table of a bundle; export the run again")
    return table, about


def numbers(table: pa.Table, name: str, path: Path) -> npt.NDArray[Any]:
    """Return a column of finite numbers.

    Raises:
        BundleError: there is no such column, or it holds something else.
    """
    column = _column(table, name, path)
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    values: npt.NDArray[Any] = column.to_numpy() if is_number and not column.null_count else np.array([np.nan])
    if not np.isfinite(values).all():
        raise BundleError(f"{path}: column {excerpt(name)} holds something else than numbers; export the run again")
    return values


def texts(table: pa.Table, name: str, path: Path) -> list[str]:
    """Return a column of texts.

    Raises:
        BundleError: there is no such column, or it holds something else.
    """
    column = _column(table, name, path)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        raise BundleError(f"{path}: column {excerpt(name)} holds something else than texts; export the run again")
    values: list[str] = column.to_pylist()
    return values


def _column(table: pa.Table, name: str, path: Path) -> Any:
    if name not in table.column_names:
        raise BundleError(f"{path}: no column {excerpt(name)}; export the run again")
    return table[name]
