"""From a network's probabilities to answers: threshold, abstention, alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from tellapart.inference.ctc import Reading
from tellapart.inference.manifest import AbstainLevel, BundleManifest
from tellapart.inference.prediction import Prediction


def label_predictions(
    names: Sequence[str], probabilities: npt.NDArray[Any], manifest: BundleManifest
) -> list[Prediction]:
    """The answers of a classifier.

    The likeliest class is the answer. With a threshold, of two classes, the positive one is the answer where its
    probability reaches the threshold, and the other one elsewhere.

    Args:
        names: of the images; N.
        probabilities: N, K.
        manifest: with K labels.
    """
    labels, groups = manifest.labels or [], manifest.groups or {}
    calibration = manifest.calibration
    threshold, abstain = (calibration.threshold, calibration.abstain) if calibration else (None, None)
    predictions = []
    for name, row in zip(names, probabilities, strict=True):
        best = int(row.argmax())
        if threshold is not None:
            positive = labels.index(threshold.positive)
            best = positive if row[positive] >= threshold.at else 1 - positive
        predictions.append(
            Prediction(
                name,
                "classify",
                labels[best],
                float(row[best]),
                probabilities=dict(zip(labels, map(float, row), strict=True)),
                group=groups.get(labels[best]),
                accepted=_accepted(row[best], abstain),
            )
        )
    return predictions


def text_predictions(
    names: Sequence[str], readings: Sequence[Sequence[Reading]], manifest: BundleManifest
) -> list[Prediction]:
    """The answers of a reader: the first reading of each image, the others as its alternatives.

    Args:
        names: of the images; N.
        readings: of each image at least one, best first; N.
        manifest: of the reader.
    """
    abstain = manifest.calibration.abstain if manifest.calibration else None
    return [
        Prediction(
            name,
            "read",
            first.text,
            first.confidence,
            characters=first.characters,
            accepted=_accepted(first.confidence, abstain),
            alternatives=[(reading.text, reading.confidence) for reading in rest],
        )
        for name, (first, *rest) in zip(names, readings, strict=True)
    ]


def _accepted(confidence: float, abstain: AbstainLevel | None) -> bool | None:
    return None if abstain is None else bool(confidence >= abstain.below)
