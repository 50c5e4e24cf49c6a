"""Scores of a classifier at every threshold: ROC, precision and recall, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError

Floats = npt.NDArray[np.float64]
_AT_ONCE = 2_000_000  # drawn answers in memory


class Curve(NamedTuple):
    """A curve over thresholds: ``x`` and ``y`` (M,), and the threshold of each point."""

    x: Floats
    y: Floats
    at: Floats


class Reliability(NamedTuple):
    """Bins of equal width: mean confidence, share right, and how many answers; empty bins are left out."""

    confidence: Floats
    right: Floats
    n: npt.NDArray[np.int64]


def roc(truth: npt.ArrayLike, score: npt.ArrayLike) -> Curve:
    """The receiver operating characteristic: false against true positive rate, from (0, 0) to (1, 1).

    Args:
        truth: whether each of N images is positive.
        score: of the positive class, N; an image is called positive from the threshold on.

    Raises:
        InputError: not both kinds occur.

    >>> curve = roc([True, True, False, False], [0.9, 0.4, 0.6, 0.1])
    >>> curve.x.tolist(), curve.y.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    hits, alarms, at = _counted(truth, score)
    return Curve(np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1]), np.append(np.inf, at))


def precision_recall(truth: npt.ArrayLike, score: npt.ArrayLike) -> Curve:
    """Recall (x) against precision (y), from the highest threshold to the lowest; see `roc`.

    Raises:
        InputError: not both kinds occur.

    >>> curve = precision_recall([True, True, False, False], [0.9, 0.4, 0.6, 0.1])
    >>> curve.x.tolist(), curve.y.round(2).tolist()
    ([0.5, 0.5, 1.0, 1.0], [1.0, 0.5, 0.67, 0.5])
    """
    hits, alarms, at = _counted(truth, score)
    return Curve(hits / hits[-1], hits / (hits + alarms), at)


def reliability(confidence: npt.ArrayLike, right: npt.ArrayLike, bins: int = 15) -> Reliability:
    """Confidence against accuracy, in the bins of the expected calibration error (Guo et al. 2017).

    Args:
        confidence: of each answer, N, in 0..1.
        right: whether each answer is right, N.
        bins: of equal width.

    >>> curve = reliability([0.95, 0.95, 0.4], [True, False, False], bins=2)
    >>> curve.confidence.tolist(), curve.right.tolist(), curve.n.tolist()
    ([0.4, 0.95], [0.0, 0.5], [1, 2])
    """
    sure, hit = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    where = _bin(sure, bins)
    n = np.bincount(where, minlength=bins)
    full = n > 0
    mean_sure, mean_hit = (np.bincount(where, weights=of, minlength=bins)[full] / n[full] for of in (sure, hit))
    return Reliability(mean_sure, mean_hit, n[full])


def calibration_by_chance(
    confidence: npt.ArrayLike, bins: int = 15, *, draws: int = 500, seed: int = 0
) -> tuple[float, float]:
    """The calibration error that perfectly calibrated answers would have by chance: its mean and its 95 % quantile.

    On few answers it is far from 0, as the accuracy of each bin varies by chance. Whether an answer is right is drawn
    with the probability that it states (consistency resampling, Bröcker & Smith 2007).

    Args:
        confidence: of each answer, N, in 0..1.
        bins: of equal width, as in the measured error.
        draws: how often the answers are drawn.
        seed: of the draws.

    >>> few, many = (calibration_by_chance(np.full(n, 0.8))[0] for n in (100, 10_000))
    >>> round(few, 2), round(many, 3)
    (0.03, 0.003)
    """
    sure = np.asarray(confidence, np.float64)
    where = _bin(sure, bins)
    order = np.argsort(where, kind="stable")
    sure, starts = sure[order], np.flatnonzero(np.diff(where[order], prepend=-1))
    dice = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(sure))
    errors = np.concatenate([
        np.abs(np.add.reduceat((dice.random((min(step, draws - done), len(sure))) < sure) - sure, starts, axis=1))
        .sum(axis=1) / len(sure)
        for done in range(0, draws, step)
    ])  # fmt: skip
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def _bin(sure: Floats, bins: int) -> npt.NDArray[np.intp]:
    """Which bin of equal width each falls into, open below and closed above."""
    return np.digitize(sure, np.arange(1, bins) / bins, right=True)


def _counted(truth: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """True and false positives at each distinct threshold, the highest first, and the thresholds."""
    positive, values = np.asarray(truth, bool), np.asarray(score, np.float64)
    if positive.all() or not positive.any():
        raise InputError("a curve over thresholds needs images of both classes")
    order = np.argsort(-values, kind="stable")
    last = np.append(np.diff(values[order]) != 0, True)  # of equal scores only the last is a threshold's end
    hits, alarms = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    return hits.astype(np.float64), alarms.astype(np.float64), values[order][last]
