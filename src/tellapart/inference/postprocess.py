"""From a network's probabilities to answers: threshold, abstention, alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.tag_sets import join_tags
from tellapart.inference.ctc import Reading
from tellapart.inference.manifest import AbstainLevel, BundleManifest
from tellapart.inference.prediction import Prediction
from tellapart.metrics.tagging import joint_probability

EVEN = 0.5  # from where on a tag is likelier than not


def label_predictions(
    names: Sequence[str], probabilities: npt.NDArray[Any], manifest: BundleManifest
) -> list[Prediction]:
    """The answers of a classifier.

    The likeliest class is the answer. With a threshold, of two classes, the positive one is the answer where its
    probability reaches the threshold, and the other one elsewhere. The group is the one whose probability, the sum
    over its classes, is the highest; it need not be that of the answer.

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
        # Where a threshold decides, the group is that of the answer.
        chosen = groups if threshold is None else {labels[best]: groups[labels[best]]} if labels[best] in groups else {}
        group, group_confidence = _likeliest_group(labels, row, groups, chosen) if chosen else (None, None)
        predictions.append(
            Prediction(
                name,
                "classify",
                labels[best],
                float(row[best]),
                probabilities=dict(zip(labels, map(float, row), strict=True)),
                group=group,
                accepted=_accepted(row[best], abstain),
                group_confidence=group_confidence,
            )
        )
    return predictions


def tag_predictions(
    names: Sequence[str], probabilities: npt.NDArray[Any], manifest: BundleManifest
) -> list[Prediction]:
    """The answers of a tagger: each tag whose probability reaches its own threshold, of an uncalibrated one a half.

    The confidence is the probability that all decisions are right, as if they did not depend on each other.

    Args:
        names: of the images; N.
        probabilities: N, K.
        manifest: with K tags as its labels.
    """
    labels, calibration = manifest.labels or [], manifest.calibration
    thresholds, abstain = (calibration.thresholds, calibration.abstain) if calibration else (None, None)
    at = np.array([EVEN if thresholds is None else thresholds.at[label] for label in labels])
    said = probabilities >= at
    confidence = joint_probability(probabilities, said)
    return [
        Prediction(
            name,
            "tag",
            join_tags(label for label, has in zip(labels, each, strict=True) if has),
            min(max(float(sure), 0.0), 1.0),
            probabilities=dict(zip(labels, map(float, row), strict=True)),
            accepted=_accepted(float(sure), abstain),
        )
        for name, row, each, sure in zip(names, probabilities, said, confidence, strict=True)
    ]


def text_predictions(
    names: Sequence[str], readings: Sequence[Sequence[Reading]], manifest: BundleManifest
) -> list[Prediction]:
    """The answers of a reader: the first reading of each image, the others as its alternatives.

    An empty text has no confidence, however sure the network is that there is none: nothing was read.

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
            confidence,
            characters=first.characters,
            accepted=_accepted(confidence, abstain),
            alternatives=[(reading.text, reading.confidence) for reading in rest],
        )
        for name, (first, *rest) in zip(names, readings, strict=True)
        for confidence in (first.confidence if first.text else 0.0,)
    ]


def _likeliest_group(
    labels: Sequence[str], probabilities: npt.NDArray[Any], groups: Mapping[str, str], chosen: Mapping[str, str]
) -> tuple[str | None, float | None]:
    """The group whose classes are the likeliest together, and the sum of their probabilities; of equals the first.

    Both are None where a class without a group is likelier. Only groups of the ``chosen`` classes come into question.
    """
    sums: dict[str, float] = {}
    alone = 0.0
    for label, probability in zip(labels, map(float, probabilities), strict=True):
        if label in groups:
            sums[groups[label]] = sums.get(groups[label], 0.0) + probability
        else:
            alone = max(alone, probability)
    best = max(dict.fromkeys(chosen.values()), key=lambda name: sums[name])
    return (best, min(sums[best], 1.0)) if sums[best] >= alone or len(chosen) < len(groups) else (None, None)


def _accepted(confidence: float, abstain: AbstainLevel | None) -> bool | None:
    return None if abstain is None else bool(confidence >= abstain.below)
