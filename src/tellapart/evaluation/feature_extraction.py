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
    """A network that turns pixels into features.

    Args:
        name: identifies the network; maps of another one do not fit.
        task: what a bundle was trained to, classify or read; None for a backbone, which was trained to neither.
        spec: how images become the network's pixels.
        features: pixels ``uint8`` N, H, W, C → features ``float32`` N, F.
    """

    name: str
    task: str | None
    spec: Preprocess
    features: Callable[[npt.NDArray[np.uint8]], Floats]


def extract_features(extractor: FeatureExtractor, catalog: Catalog, rows: list[int]) -> Floats:
    """Return the features of some rows of a catalog, N, F, in their order.

    Args:
        extractor: the network.
        catalog: the images.
        rows: N rows, at least one.

    Raises:
        ImageError: an image can no longer be decoded.
    """
    files = catalog.column("file")

    def load(item: tuple[int, bytes]) -> tuple[int, npt.NDArray[np.uint8]]:
        row, data = item
        return row, extractor.spec.load(data, files[row])

    row_to_features: dict[int, Floats] = {}
    for keys, pixels in batched_by_width(track(map_threads(load, catalog.read(rows)), "looking", len(rows))):
        row_to_features.update(zip(keys, extractor.features(pixels), strict=True))
    return np.stack([row_to_features[row] for row in rows])
