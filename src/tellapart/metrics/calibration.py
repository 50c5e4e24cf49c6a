"""Calibration: temperature, decision threshold and abstention level, and the expected calibration error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError, InputError, join_some
from tellapart.metrics.checks import check_one_dimensional, check_same_length

COOLEST, HOTTEST = 0.01, 1000.0
NEVER = 2.0  # a confidence that no answer has
GOLDEN = (np.sqrt(5) - 1) / 2

Array = npt.NDArray[Any]


def temperature(logits: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """By how much to divide logits so that their probabilities fit the targets best; no answer changes by it.

    Source: Guo et al., "On calibration of modern neural networks" (2017). The likelihood has one peak along 1/T
    (it is concave there), so a golden-section search finds it. Targets are softened by the rule of succession, as
    Platt, "Probabilistic outputs for support vector machines" (1999), does: that n of n were right does not prove
    certainty.

    Args:
        logits: N, K.
        target: class numbers, N.

    >>> dice = np.random.default_rng(0)
    >>> target = dice.integers(0, 3, 3000)
    >>> honest = np.log(np.full((3000, 3), 0.1) + 0.7 * np.eye(3)[np.where(dice.random(3000) < 0.7 / 0.9, target, 0)])
    >>> round(temperature(honest * 4, target) / temperature(honest, target), 3)
    4.0
    """
    values = np.asarray(logits, np.float64)
    values = values - values.max(axis=1, keepdims=True)
    soft = 1 / (len(values) + 2)
    own = (1 - soft) * values[np.arange(len(values)), np.asarray(target)] + soft * values.mean(axis=1)

    def loss(log_t: float) -> float:
        scale = np.exp(-log_t)
        return float((np.log(np.exp(values * scale).sum(axis=1)) - own * scale).mean())

    return _best_temperature(loss, COOLEST, HOTTEST)


def tag_temperature(logits: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """By how much to divide the logits of several labels an image so that their probabilities fit; see `temperature`.

    Each label is a decision of its own, and the probability of each a logistic function of its logit.

    Args:
        logits: N, K.
        truth: whether each image has each label, N, K.

    >>> dice = np.random.default_rng(0)
    >>> logits = dice.normal(size=(4000, 2))
    >>> 2.8 < tag_temperature(3 * logits, dice.random((4000, 2)) < 1 / (1 + np.exp(-logits))) < 3.2
    True
    """
    values, has = np.asarray(logits, np.float64), np.asarray(truth, bool)
    soft = 1 / (len(values) + 2)
    target = np.where(has, 1 - soft, soft)

    def loss(log_t: float) -> float:
        scaled = values * np.exp(-log_t)
        return float((np.logaddexp(0, scaled) - target * scaled).mean())

    return _best_temperature(loss, COOLEST, HOTTEST)


def text_temperature(confidence: Callable[[float], npt.ArrayLike], correct: npt.ArrayLike) -> float:
    """The temperature of a reader: by how much to divide its logits so that the confidences of whole texts fit.

    The likelihood is that of right and wrong texts, softened as in `temperature`.

    Args:
        confidence: of each text, N, at a temperature.
        correct: whether each text is right, N.

    >>> chances = np.linspace(0.5, 1.0, 2000)
    >>> right = np.random.default_rng(0).random(2000) < chances
    >>> 1.7 < text_temperature(lambda t: chances ** (2 / t), right) < 2.3
    True
    """
    right = np.asarray(correct, bool)
    soft = 1 / (len(right) + 2)
    target = np.where(right, 1 - soft, soft)

    def loss(log_t: float) -> float:
        chance = np.clip(np.asarray(confidence(float(np.exp(log_t))), np.float64), 1e-7, 1 - 1e-7)
        return float(-(target * np.log(chance) + (1 - target) * np.log(1 - chance)).mean())

    return _best_temperature(loss, 0.2, 20.0, 0.005)


def _best_temperature(loss: Callable[[float], float], low: float, high: float, width: float = 1e-4) -> float:
    """The temperature between two ends whose logarithm has the lowest loss; ``width`` is of the logarithm."""
    return float(np.exp(_lowest(loss, float(np.log(low)), float(np.log(high)), width)))


def _lowest(loss: Callable[[float], float], low: float, high: float, width: float) -> float:
    """Where a function with one valley is lowest (golden-section search; Kiefer 1953)."""
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    losses = [loss(at) for at in inner]
    while high - low > width:
        if losses[0] <= losses[1]:
            high, inner[1], losses[1] = inner[1], inner[0], losses[0]
            inner[0] = high - GOLDEN * (high - low)
            losses[0] = loss(inner[0])
        else:
            low, inner[0], losses[0] = inner[0], inner[1], losses[1]
            inner[1] = low + GOLDEN * (high - low)
            losses[1] = loss(inner[1])
    return (low + high) / 2


def parse_threshold_goal(text: str) -> tuple[str, float]:
    """What a threshold is chosen for: ``f1``, ``precision:0.9`` or ``recall:0.9``.

    Raises:
        ConfigError: it is none of these.

    >>> parse_threshold_goal("precision:0.95")
    ('precision', 0.95)
    """
    if text == "f1":
        return "f1", 0.0
    match = re.fullmatch(r"(precision|recall):(0?\.\d+|1(?:\.0*)?)", text)
    if match is None or not 0 < float(match[2]) <= 1:
        raise ConfigError(f"threshold {text!r}: give f1, precision:P or recall:R with a share such as precision:0.95")
    return match[1], float(match[2])


def threshold(scores: npt.ArrayLike, positive: npt.ArrayLike, aim: str) -> float:
    """The probability from which on an image counts as positive, chosen for an aim on images that taught nothing.

    ``f1`` takes the threshold of the best F1. ``precision:P`` takes the lowest threshold of at least that precision;
    where none reaches it, the most precise one. ``recall:R`` takes the highest threshold of at least that recall.
    Thresholds stand half-way between scores that occur.

    Args:
        scores: probability of the positive class, N.
        positive: whether each image is of it, N.
        aim: ``f1``, ``precision:P`` or ``recall:R``, see `parse_threshold_goal`.

    Raises:
        ConfigError: the aim is not understood, or no image is positive.

    >>> threshold([0.1, 0.4, 0.6, 0.9], [False, True, False, True], "precision:0.9")
    0.75
    >>> threshold([0.1, 0.4, 0.6, 0.9], [False, True, False, True], "recall:1")
    0.25
    """
    kind, required = parse_threshold_goal(aim)
    values, truth = np.asarray(scores, np.float64), np.asarray(positive, bool)
    if not truth.any():
        raise ConfigError(f"threshold {aim!r}: the validation part holds no positive image to choose it on")
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    hits = np.cumsum(truth)
    taken = np.arange(1, len(truth) + 1)
    # A threshold can only part images whose scores differ.
    ends = np.flatnonzero(np.append(values[:-1] > values[1:], True))
    hits, taken, values = hits[ends], taken[ends], values[ends]
    precision, recall = hits / taken, hits / truth.sum()
    if kind == "f1":
        best = int(np.argmax(2 * hits / (taken + truth.sum())))
    elif kind == "recall":
        best = int(np.flatnonzero(recall >= required)[0])
    else:
        enough = np.flatnonzero(precision >= required)
        best = int(enough[-1]) if len(enough) else int(np.argmax(precision))
    below = values[best + 1] if best + 1 < len(values) else 0.0
    return float((values[best] + below) / 2)


def abstain_level(confidence: npt.ArrayLike, correct: npt.ArrayLike, precision: float) -> float:
    """The lowest confidence from which on answers reach a precision; below it a model had better abstain.

    `NEVER`, a confidence that no answer has, where no level reaches the precision.

    Args:
        confidence: of each answer, N.
        correct: whether each answer is right, N.
        precision: the share of answers that must be right, 0..1.

    >>> abstain_level([0.5, 0.6, 0.8, 0.9], [False, True, True, True], 1.0)
    0.55
    >>> abstain_level([0.8, 0.9], [True, False], 0.9)
    2.0
    """
    values, right = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    if not right.any():
        return NEVER
    level = threshold(values, right, f"precision:{precision}")
    return level if right[values >= level].mean() >= precision else NEVER


def expected_calibration_error(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15) -> float:
    """How far confidence and accuracy lie apart, averaged over images (Guo et al. 2017): 0 is best.

    ``confidence`` (n,) in 0..1 falls into ``bins`` of equal width, each open below and closed above
    (0 belongs to the first); ``correct`` (n,) is true where the answer was right.

    Raises:
        InputError: the lists differ in length or are empty, a confidence is outside 0..1, something in
            ``correct`` is neither true nor false, or ``bins`` is below 1.

    >>> round(expected_calibration_error([0.9, 0.9, 0.6, 0.6], [True, True, True, False]), 4)
    0.1
    """
    sure, right = np.asarray(confidence), np.asarray(correct)
    check_one_dimensional(confidence=sure, correct=right)
    check_same_length(sure, right, ("confidences", "outcomes"))
    if bins < 1:
        raise InputError(f"{bins} bins: give at least one")
    outside = sure[~((sure >= 0) & (sure <= 1))]  # also catches NaN
    if len(outside):
        raise InputError(f"confidences outside 0..1: {join_some(outside.tolist())}; give probabilities")
    invalid = right[(right != 0) & (right != 1)]
    if len(invalid):
        raise InputError(f"outcomes that are neither true nor false: {join_some(invalid.tolist())}; give booleans")
    where = np.digitize(sure, np.arange(1, bins) / bins, right=True)
    gaps = np.bincount(where, weights=sure - right.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))
