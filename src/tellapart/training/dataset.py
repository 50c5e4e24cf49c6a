"""Batches over a catalog: each image decoded once, kept as the very pixels the model will eat.

The cache is one memory-mapped file of uint8, so the second epoch decodes nothing and several readers
share the pages; it is bounded, and what does not fit is decoded again each epoch.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tellapart.core.errors import ConfigError
from tellapart.core.image_io import Pixels
from tellapart.core.parallel import map_threads
from tellapart.core.progress import log, track
from tellapart.data.catalog import Catalog
from tellapart.inference.preprocess import Preprocess

Batch = tuple[Tensor, Tensor]  # pixels: uint8 N, H, W, C; rows of the catalog: int64 N


class PixelCache:
    """Model pixels of catalog rows; ``uint8`` (height, canvas width, channels) each."""

    def __init__(self, catalog: Catalog, rows: Sequence[int], spec: Preprocess, *, limit_gb: float) -> None:
        self.catalog = catalog
        self.spec = spec
        widths, heights = catalog.column("width"), catalog.column("height")
        if spec.view.geometry.trims:  # how wide the rest is only the picture tells
            shapes = map_threads(self._load, catalog.read(rows))
            self.widths = {row: pixels.shape[1] for row, pixels in track(shapes, "trimming", len(rows))}
        else:
            self.widths = {row: spec.canvas_width(widths[row], heights[row]) for row in rows}
        self._start: dict[int, int] = {}
        total = 0
        for row in rows:
            size = spec.height * self.widths[row] * spec.channels
            if total + size > limit_gb * 1e9:
                break
            self._start[row] = total
            total += size
        if missing := len(rows) - len(self._start):
            log(
                f"cache: {len(self._start):,} of {len(rows):,} images fit into {limit_gb:g} GB; "
                f"{missing:,} are decoded each epoch (--cache-gb raises the limit)"
            )
        self._pixels = scratch(max(total, 1))
        self._fill()

    def _fill(self) -> None:
        rows = list(self._start)
        source = self.catalog.read(rows)
        for row, pixels in track(map_threads(self._load, source), "decoding", len(rows)):
            start = self._start[row]
            self._pixels[start : start + pixels.size] = pixels.ravel()

    def _load(self, item: tuple[int, bytes]) -> tuple[int, Pixels]:
        row, data = item
        return row, self.spec.load(data, self.catalog.column("file")[row])

    def __getitem__(self, row: int) -> Pixels:
        start = self._start.get(row)
        if start is None:
            return self._load(next(self.catalog.read([row])))[1]
        shape = (self.spec.height, self.widths[row], self.spec.channels)
        return self._pixels[start : start + int(np.prod(shape))].reshape(shape)


def scratch(size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
    """So many bytes in a file without a name: the space returns to the system however this process ends."""
    with tempfile.TemporaryFile(prefix="tellapart-") as file:
        try:
            if hasattr(os, "posix_fallocate"):  # a full disk is found now, not by a crash while writing
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
        except OSError as error:
            raise ConfigError(
                f"{tempfile.gettempdir()}: no room for {size / 1e9:.1f} GB of pixels or features ({error.strerror}); "
                "lower --cache-gb, or set TMPDIR to another disk"
            ) from error
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=(size,))


class CachedImages(Dataset[Batch]):
    """Whole batches out of a `PixelCache`; an index is a list of catalog rows."""

    def __init__(self, cache: PixelCache) -> None:
        self.cache = cache

    def __getitem__(self, rows: list[int]) -> Batch:
        return torch.from_numpy(np.stack([self.cache[row] for row in rows])), torch.tensor(rows)


class CachedFeatures(Dataset[Batch]):
    """What a frozen trunk made of pictures; an epoch sees one view of them, the next epoch the next view."""

    def __init__(self, features: npt.NDArray[Any], rows: Sequence[int], batches: WidthBatches) -> None:
        """``features``: views, N, ... in the order of ``rows``; the view follows the epoch of ``batches``."""
        self.features, self.batches = features, batches
        self.place = {row: at for at, row in enumerate(rows)}

    def __getitem__(self, rows: list[int]) -> Batch:
        view = self.features[self.batches.epoch % len(self.features)]
        return torch.from_numpy(view[[self.place[row] for row in rows]]).float(), torch.tensor(rows)


class WidthBatches(Sampler[list[int]]):
    """Batches of rows that share a canvas width, in an order that seed, stage and epoch alone decide."""

    def __init__(self, rows: Sequence[int], widths: dict[int, int], size: int, *, shuffle: bool, seed: int = 0) -> None:
        self.rows, self.widths, self.size, self.shuffle, self.seed = list(rows), widths, size, shuffle, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after a resume, of what a loader has as its ``sampler``."""
        self.epoch = epoch

    def __len__(self) -> int:
        counts: dict[int, int] = defaultdict(int)
        for row in self.rows:
            counts[self.widths[row]] += 1
        return sum(-(-count // self.size) for count in counts.values())

    def __iter__(self) -> Iterator[list[int]]:
        order = self.rows
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.shuffle:
            order = [self.rows[i] for i in torch.randperm(len(self.rows), generator=generator).tolist()]
        buckets: dict[int, list[int]] = defaultdict(list)
        for row in order:
            buckets[self.widths[row]].append(row)
        batches = [
            members[start : start + self.size]
            for _, members in sorted(buckets.items())
            for start in range(0, len(members), self.size)
        ]
        if self.shuffle:
            batches = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
        return iter(batches)
