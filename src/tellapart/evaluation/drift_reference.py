"""The images that drift compares: pixel statistics, confidences, answers and features of a sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.errors import BundleError, ImageError
from tellapart.core.files import atomic_file
from tellapart.core.parallel import map_threads
from tellapart.evaluation.bundle_tables import numbers, read_bundle_table, texts
from tellapart.inference.ctc import decode_ctc
from tellapart.inference.predictor import Predictor, batched_by_width
from tellapart.metrics.pca import PCA

MEASURES = ("light", "contrast", "sharpness", "colour", "width")
REFERENCE_SIZE = 500  # images
MAX_REFERENCE = 10_000  # images that a reference may have, whoever kept it
AXES = 12  # principal axes of the features

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """What is measured of N images.

    Args:
        measures: pixel statistics, N, M; the columns are `MEASURES`.
        confidence: of each answer, N.
        answers: N. Classifiers: the label. Readers: the length of the text.
        features: N, F.
        unreadable: how many more images could not be read.
    """

    measures: Floats
    confidence: Floats
    answers: list[str]
    features: Floats
    unreadable: int = 0

    def __len__(self) -> int:
        """Return N."""
        return len(self.answers)


def sample_images(predictor: Predictor, items: Iterable[tuple[str, bytes | Path]]) -> Sample:
    """Measure images.

    Args:
        predictor: the model.
        items: name and bytes, or name and file, of each image. Unreadable images are counted and left out.
    """
    spec = predictor.bundle.preprocess

    def load(item: tuple[str, bytes | Path]) -> Pixels | None:
        name, data = item
        try:
            return spec.load(data if isinstance(data, bytes) else data.read_bytes(), name)
        except (ImageError, OSError):
            return None

    unreadable = 0

    def readable() -> Iterator[tuple[int, Pixels]]:
        nonlocal unreadable
        for place, pixels in enumerate(map_threads(load, items)):
            if pixels is None:
                unreadable += 1
            else:
                yield place, pixels

    rows: dict[int, tuple[list[float], float, str, Floats]] = {}
    for places, pixels in batched_by_width(readable()):
        probabilities, features = predictor.both(pixels)
        for place, picture, answer, feature in zip(
            places, pixels, _answers(predictor, probabilities), features, strict=True
        ):
            rows[place] = pixel_statistics(picture), *answer, feature
    ordered = [rows[place] for place in sorted(rows)]
    return Sample(
        np.array([row[0] for row in ordered], np.float32).reshape(-1, len(MEASURES)),
        np.array([row[1] for row in ordered], np.float32),
        [row[2] for row in ordered],
        np.array([row[3] for row in ordered], np.float32),
        unreadable,
    )


def pixel_statistics(pixels: Pixels) -> list[float]:
    """Return the `MEASURES` of model pixels ``uint8`` H, W, C: means in 0..255, and the width in px.

    >>> pixel_statistics(np.full((8, 8, 3), 100, np.uint8))
    [100.0, 0.0, 0.0, 0.0, 8.0]
    """
    values = pixels.astype(np.float32)
    grey = values.mean(axis=2)
    edges = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    colour = (values.max(axis=2) - values.min(axis=2)).mean()
    return [float(grey.mean()), float(grey.std()), float(edges), float(colour), float(pixels.shape[1])]


@dataclass(frozen=True)
class Reference:
    """The images that a bundle keeps: a sample that did not train the model.

    Args:
        sample: the images; their features are reduced.
        reduction: the principal axes of the features.
    """

    sample: Sample
    reduction: PCA

    @classmethod
    def of(cls, sample: Sample) -> Reference:
        """Return the reference of a sample with full features."""
        reduction = PCA.of(sample.features, AXES)
        reduced = Sample(sample.measures, sample.confidence, sample.answers, _points(reduction, sample.features))
        return cls(reduced, reduction)

    def points(self, features: Floats) -> Floats:
        """Reduce features N, F as those of the sample are."""
        return _points(self.reduction, features)

    def write(self, path: Path) -> None:
        """Write a Parquet file in half precision, whole or not at all."""
        sample = self.sample
        columns: dict[str, Any] = {
            name: sample.measures[:, place].astype(np.float16) for place, name in enumerate(MEASURES)
        }
        columns |= {f"feature{place}": column.astype(np.float16) for place, column in enumerate(sample.features.T)}
        columns |= {"confidence": sample.confidence.astype(np.float32), "answer": sample.answers}
        about = self.reduction.to_json()
        table = pa.table(columns).replace_schema_metadata({b"tellapart reference": json.dumps(about)})
        with atomic_file(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def open(cls, path: Path) -> Reference:
        """Open a reference that `write` wrote.

        Raises:
            BundleError: an earlier version wrote it, or it is damaged.
        """
        table, about = read_bundle_table(path, b"tellapart reference", MAX_REFERENCE)
        try:
            reduction = PCA.from_json(about)
        except (LookupError, TypeError, ValueError) as error:
            raise BundleError(f"{path}: its reduction cannot be read; export the run again") from error
        features = [name for name in table.column_names if name.startswith("feature")]
        if reduction.axes.ndim != 2 or len(features) != reduction.axes.shape[1] + 1:
            raise BundleError(f"{path}: kept by an earlier version; export the run again")
        if reduction.mean.shape != reduction.axes.shape[:1] or not np.isfinite(reduction.axes).all():
            raise BundleError(f"{path}: its reduction cannot be read; export the run again")
        sample = Sample(
            np.stack([numbers(table, name, path) for name in MEASURES], axis=1).astype(np.float32),
            numbers(table, "confidence", path),
            texts(table, "answer", path),
            np.stack([numbers(table, name, path) for name in features], axis=1).astype(np.float32),
        )
        return cls(sample, reduction)


def _points(reduction: PCA, features: Floats) -> Floats:
    """Return the directions of features and the logarithm of their length. Unfamiliar images often differ in length."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.concatenate([reduction(features), np.log(np.maximum(length, 1e-12))], axis=1)


def _answers(predictor: Predictor, probabilities: Floats) -> list[tuple[float, str]]:
    """Return confidence and answer of each image. Readers: the length stands for the text, as all texts differ."""
    if predictor.bundle.task == "read":
        return [(each.confidence, str(len(each.text))) for each in decode_ctc(probabilities, predictor.bundle.charset)]
    return [(each.confidence, each.answer) for each in predictor.interpret([""] * len(probabilities), probabilities)]
