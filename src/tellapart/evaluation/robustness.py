"""How much of its accuracy a model keeps on pictures that are worse: a sample, seven corruptions, five severities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.errors import ConfigError
from tellapart.core.image_io import Pixels, decode
from tellapart.core.parallel import map_threads
from tellapart.core.progress import track
from tellapart.data.catalog import Catalog
from tellapart.evaluation.corruptions import KINDS, SEVERITIES, corrupt
from tellapart.inference.picture_view import AS_IS
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess
from tellapart.metrics.intervals import Figure, Floats, Ints, bootstrap_figure, proportion, safe_ratio

SAMPLE = 200  # images

Right = npt.NDArray[np.float64]  # of N images, whether the answer is right, or the share of right answers


def measure_robustness(predictor: Predictor, catalog: Catalog, rows: Sequence[int], limit: int) -> dict[str, Any]:
    """Score a sample of images as they are, and in each way that makes them worse.

    Each picture is first shrunk to what the model sees of it, so that a severity means the same for large and small
    ones. A reader reads each picture alone.

    Args:
        predictor: the model.
        catalog: the data.
        rows: of the images that are scored.
        limit: how many of them are taken, see `sample_rows`.

    Returns:
        ``n``; ``clean``, the share of right answers (classes, or whole texts); ``kinds``: of each the ``severities``, a
        figure each, their ``mean``, and ``relative``, the mean as a share of ``clean``; ``mean`` and ``relative`` of
        all kinds. Shares have Wilson's interval, means and ratios that of the bootstrap over images.

    Raises:
        ImageError: an image can no longer be decoded.
    """
    chosen = sample_rows(rows, limit)
    labels = catalog.column("label")
    pictures = list(sample_pictures(catalog, chosen, predictor.bundle.preprocess))

    def right(change: Callable[[int, Pixels], Pixels]) -> Right:
        made = ((str(row), change(row, pixels)) for row, pixels in pictures)
        answers = predictor.stream(made)
        return np.array([each.answer == labels[row] for (row, _), each in zip(pictures, answers, strict=True)], float)

    clean = right(lambda _row, pixels: pixels)
    result: dict[str, Any] = {"n": len(pictures), "clean": _share(clean), "kinds": {}}
    runs = track([(kind, level) for kind in KINDS for level in SEVERITIES], "corrupting", len(KINDS) * len(SEVERITIES))
    scores: dict[str, list[Right]] = {kind: [] for kind in KINDS}
    for kind, level in runs:
        scores[kind].append(right(lambda row, pixels, kind=kind, level=level: corrupt(pixels, kind, level, row)))  # type: ignore[misc]
    for kind, by_level in scores.items():
        each = [_share(values) for values in by_level]
        result["kinds"][kind] = {"severities": each, **_of_clean(np.mean(by_level, axis=0), clean)}
    return result | _of_clean(np.mean([values for each in scores.values() for values in each], axis=0), clean)


def check_limit(limit: int) -> None:
    """Check the number of images of a sample.

    Raises:
        ConfigError: it is below 1.
    """
    if limit < 1:
        raise ConfigError(f"corruption_sample {limit}: give 1 or more images")


def sample_rows(rows: Sequence[int], limit: int) -> list[int]:
    """So many of some rows, drawn evenly by a fixed seed; all of them where there are fewer.

    >>> sample_rows([4, 5, 6], 9)
    [4, 5, 6]
    """
    if limit >= len(rows):
        return list(rows)
    return sorted(np.random.default_rng(0).permutation(np.array(rows))[:limit].tolist())


def sample_pictures(catalog: Catalog, rows: Sequence[int], spec: Preprocess) -> Iterator[tuple[int, Pixels]]:
    """Pictures no larger than what a model sees of them, RGB ``uint8`` H, W, 3, each with its row.

    Args:
        catalog: the data.
        rows: which pictures.
        spec: the model's preprocessing.

    Raises:
        ImageError: an image can no longer be decoded.
    """
    files = catalog.column("file")

    def shrink(item: tuple[int, bytes]) -> tuple[int, Pixels]:
        row, data = item
        pixels = decode(data, files[row], decoding=spec.decoding)
        height, width = pixels.shape[:2]
        size = spec.fitted(width, height)
        if size[0] < width and spec.view == AS_IS:  # another view may look closer
            return row, np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        return row, pixels

    return map_threads(shrink, catalog.read(rows))


def _share(right: Right) -> Figure:
    return proportion(int(right.sum()), len(right))


def _of_clean(right: Right, clean: Right) -> dict[str, Figure]:
    """The mean, and its ratio to that of the pictures as they are."""
    ones = np.ones(len(right), np.int64)

    def mean(drawn: Ints) -> Floats:
        result: Floats = drawn @ right / len(right)
        return result

    def ratio(drawn: Ints) -> Floats:
        return safe_ratio(drawn @ right, drawn @ clean)

    return {
        "mean": bootstrap_figure(float(mean(ones[None])[0]), mean, ones),
        "relative": bootstrap_figure(float(ratio(ones[None])[0]), ratio, ones),
    }
