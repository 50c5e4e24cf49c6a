"""Active learning: which unlabelled images to label next, by the margin of their answers and how unlike they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tellapart.inference.manifest import DecisionThreshold
from tellapart.inference.prediction import Prediction

SHORTLIST = 3  # unsure images for each one that is chosen

Floats = npt.NDArray[np.floating]


def margin(prediction: Prediction, threshold: DecisionThreshold | None = None) -> float:
    """How far an answer is from another one, 0..1: the smaller, the less the model knows.

    Classifiers: the probability of the likeliest class less that of the second (Scheffer et al. 2001); with a threshold
    the distance of the positive class's probability from it. Readers: the confidence of the text.

    Args:
        prediction: an answer without an error.
        threshold: of two classes, where the bundle has one.

    >>> margin(Prediction("a.png", "classify", "cat", 0.6, {"cat": 0.6, "dog": 0.4}))
    0.2
    """
    if not prediction.probabilities:
        return round(prediction.confidence, 6)
    if threshold is not None:
        return round(abs(prediction.probabilities[threshold.positive] - threshold.at), 6)
    chances = sorted(prediction.probabilities.values(), reverse=True)
    return round(chances[0] - chances[1] if len(chances) > 1 else 1.0, 6)


def unsure_first(margins: Sequence[float], clusters: Sequence[Sequence[int]]) -> list[int]:
    """Rank images by their margin, and of copies of each other leave the least sure one alone.

    Args:
        margins: of N images.
        clusters: numbers of images that are copies of each other; each number is in one list.

    Returns:
        Numbers of images, the least sure first.

    >>> unsure_first([0.5, 0.1, 0.2], [[0], [1, 2]])
    [1, 0]
    """
    first = [min(cluster, key=lambda number: (margins[number], number)) for cluster in clusters]
    return sorted(first, key=lambda number: (margins[number], number))


def farthest_first(features: Floats, n: int) -> list[int]:
    """Choose images that are unlike each other: each is the farthest from all that were chosen before it.

    Distances are of the angle between features. Each image is then at most twice as far from a chosen one as it would
    be with the best choice (Gonzalez 1985). For labels: Sener & Savarese, "Active learning for convolutional neural
    networks: a core-set approach" (2018); among images of small margin: Citovsky et al., "Batch active learning at
    scale" (2021).

    Args:
        features: N, F; the first is chosen first.
        n: how many are chosen; N at most.

    Returns:
        Rows of ``features``, in the order of the choice.

    >>> farthest_first(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), 2)
    [0, 2]
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    chosen: list[int] = []
    away = np.full(len(unit), np.inf)
    for _ in range(min(n, len(unit))):
        row = int(away.argmax())
        chosen.append(row)
        away = np.minimum(away, 1 - unit @ unit[row])
        away[chosen] = -np.inf
    return chosen
