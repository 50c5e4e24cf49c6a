"""Images → features, by whatever network the caller hands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tellapart.core.parallel import map_threads
from tellapart.core.progress import track
from tellapart.data.catalog import Catalog
from tellapart.inference.predictor import batched_by_width
from tellapart.inference.preprocess import Preprocess

Floats = npt.NDArray[np.float32]


class FeatureExtractor(NamedTuple):
    """What turns model pixels into features, and what names it: maps of another one do not fit."""

    name: str
    task: str | None  # what a bundle was trained to; a backbone was to neither
    spec: Preprocess
    features: Callable[[npt.NDArray[np.uint8]], Floats]


def extract_features(look: FeatureExtractor, catalog: Catalog, rows: list[int]) -> Floats:
    """N, F features of these rows, in their order."""
    files = catalog.column("file")

    def load(item: tuple[int, bytes]) -> tuple[int, npt.NDArray[np.uint8]]:
        row, data = item
        return row, look.spec.load(data, files[row])

    found: dict[int, Floats] = {}
    for keys, pixels in batched_by_width(track(map_threads(load, catalog.read(rows)), "looking", len(rows))):
        found.update(zip(keys, look.features(pixels), strict=True))
    return np.stack([found[row] for row in rows])
