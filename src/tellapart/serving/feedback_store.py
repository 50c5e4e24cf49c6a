"""Rows of images kept as Parquet, a shard at a time: whole at every moment, and never more than was agreed."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.files import atomic_file, private_folder

SHARD = 64  # rows, and
SHARD_BYTES = 16 * 2**20  # of a shard: the last is written again with each flush, so it must stay small
FLUSH = 5.0  # seconds that a sample may wait to be written


class StoreFullError(Exception):
    """There is no room left for what must not be thrown away."""


class FeedbackStore:
    """A folder of shards: the image's bytes, the label or text, and what else is known of the row.

    People's pictures lie in it: nobody but its owner may read it.

    Args:
        column: ``label`` or ``text``: what makes the folder a labelled source.
        most_bytes: of the whole folder.
        rotate: throw the oldest shard away when it is full, instead of refusing.
        wait: rows may wait for others before they are written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> FeedbackStore(folder, "label").put(b"...", "a.png", "cat", confidence=0.5)
    >>> pq.read_table(folder).column("label").to_pylist()
    ['cat']
    """

    def __init__(
        self, folder: Path, column: str, *, most_bytes: int = 2**30, rotate: bool = False, wait: bool = False
    ) -> None:
        self.folder, self.column = folder, column
        self._most_bytes, self._rotate, self._wait = most_bytes, rotate, wait
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._file: Path | None = None
        self._held = 0  # bytes of images in the last shard
        self._unwritten = 0  # rows of it that are not on disk
        self._timer: threading.Timer | None = None

    def put(self, image: bytes, name: str, value: str, **more: Any) -> None:
        """Keep one row.

        Raises:
            StoreFullError: there is no room left.
        """
        with self._lock:
            self._make_room(len(image))
            row = {"image": {"bytes": image, "path": name}, self.column: value, **more, "time": time.time()}
            self._rows.append(row)
            self._held += len(image)
            self._unwritten += 1
            if self._wait and len(self._rows) < SHARD and self._held < SHARD_BYTES:
                self._later()
                return
            try:
                self._write()
            except BaseException:  # this row cannot be kept; those before it must not go with it
                self._rows.pop()
                self._held -= len(image)
                self._unwritten -= 1
                raise

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._unwritten:
                self._write()

    def _later(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(FLUSH, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def _write(self) -> None:
        private_folder(self.folder)
        if self._file is None:
            self._file = self.folder / f"{time.time_ns():020d}-{os.getpid()}.parquet"
        with atomic_file(self._file, private=True) as temporary:
            pq.write_table(pa.Table.from_pylist(self._rows), temporary)
        self._unwritten = 0
        if len(self._rows) >= SHARD or self._held >= SHARD_BYTES:
            self._rows, self._file, self._held = [], None, 0

    def _make_room(self, more: int) -> None:
        shards = sorted(self.folder.glob("*.parquet")) if self.folder.is_dir() else []
        sizes = {}
        for shard in shards:
            try:
                sizes[shard] = shard.stat().st_size
            except OSError:
                continue  # another process has just thrown it away
        if self._file is not None:
            sizes.pop(self._file, None)
        total = sum(sizes.values()) + self._held + more
        for shard, size in sizes.items():
            if total <= self._most_bytes:
                return
            if not self._rotate:
                break
            shard.unlink(missing_ok=True)
            total -= size
        if total > self._most_bytes:
            raise StoreFullError(f"{self.folder} holds {total - more:,} bytes, {self._most_bytes:,} at most")
