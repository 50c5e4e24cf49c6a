"""Find labels that contradict a model trained on the other images.

Source: Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels" (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.metrics import calibration, lda
from tellapart.metrics.ridge import fit_platt, fit_ridge_path

FOLDS = 5
DIMENSIONS = 128
SHRINK = 0.3
SMALLEST_CLASS = 5  # images; labels of smaller classes are not judged
LEAST_DISCRIMINATION = 0.5  # of a tag's model; below it none of the tag's labels is called wrong

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LabelErrors:
    """How each of N labels compares with the best other one.

    Args:
        margin: probability of the label minus that of the best other, -1..1, N; nan where not judged.
        other: the best other label, N; None where not judged.
        flags: whether confident learning calls the label wrong, N.
        accuracy: of the out-of-sample predictions against the observed labels.
    """

    margin: Array
    other: list[str | None]
    flags: Array
    accuracy: float


def find_label_errors(features: Array, labels: Sequence[str], groups: Sequence[int]) -> LabelErrors:
    """Judge labels by out-of-sample predictions.

    Args:
        features: N, F.
        labels: N class names.
        groups: N numbers. Images of one number share a fold, so that no label is judged by a model that learnt a
            copy.
    """
    names, target, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
    judged = counts[target] >= SMALLEST_CLASS
    margin = np.full(len(target), np.nan, np.float32)
    other: list[str | None] = [None] * len(target)
    flags = np.zeros(len(target), bool)
    if len(np.unique(target[judged])) < 2:
        return LabelErrors(margin, other, flags, float("nan"))
    axes = _reduced(features[judged])
    observed = target[judged]
    fold = _folds(observed, np.asarray(groups)[judged])
    odds = np.zeros((len(observed), len(names)))
    for number in range(FOLDS):
        learn, judge = fold != number, fold == number
        if judge.any() and learn.any():
            slopes, offsets = lda.fit_lda(axes[learn], observed[learn], len(names), shrink=SHRINK)
            odds[judge] = axes[judge] @ slopes + offsets
    chance = lda.softmax(odds / calibration.temperature(odds, observed))
    own = chance[np.arange(len(observed)), observed]
    rest = chance.copy()
    rest[np.arange(len(observed)), observed] = -1
    best = rest.argmax(axis=1)
    # A class's own level: the mean probability that its images get for it. Who reaches another class's is one of it.
    level = np.array([own[observed == k].mean() if (observed == k).any() else np.inf for k in range(len(names))])
    confident = (rest >= level).any(axis=1) & (rest.max(axis=1) > own)
    rows = np.flatnonzero(judged)
    margin[rows] = own - rest.max(axis=1)
    flags[rows] = confident
    for row, place in zip(rows.tolist(), best.tolist(), strict=True):
        other[row] = str(names[place])
    return LabelErrors(margin, other, flags, float((chance.argmax(axis=1) == observed).mean()))


@dataclass(frozen=True)
class TagErrors:
    """How each of K tags that N images have, or lack, compares with the contrary.

    Args:
        doubt: probability of the contrary, 0..1, N, K; nan where not judged.
        flags: whether confident learning calls it wrong, N, K.
        discrimination: how much higher the out-of-sample probability of a tag is on the mean of the images that have it
            than of those that lack it, K; nan where not judged. Source: Tjur, "Coefficients of determination in
            logistic regression models" (2009).
    """

    doubt: Array
    flags: Array
    discrimination: Array


def find_tag_errors(features: Array, tags: Array, groups: Sequence[int]) -> TagErrors:
    """Judge tags, each alone, by out-of-sample predictions.

    Confident learning of two classes a tag: an image that lacks it, and gets for it the mean probability of the images
    that have it, should have it; and the other way round. A tag whose model discriminates too little flags nothing.

    Args:
        features: N, F.
        tags: whether each image has each tag, N, K.
        groups: as of `find_label_errors`.
    """
    has = np.asarray(tags, bool)
    doubt = np.full(has.shape, np.nan, np.float32)
    flags, discrimination = np.zeros(has.shape, bool), np.full(has.shape[1], np.nan)
    judged = np.flatnonzero(np.minimum(has.sum(axis=0), (~has).sum(axis=0)) >= SMALLEST_CLASS)
    if not len(judged):
        return TagErrors(doubt, flags, discrimination)
    axes, fold = _reduced(features), _folds(np.zeros(len(has), np.int64), np.asarray(groups))
    scores = np.zeros((len(has), len(judged)))
    for number in range(FOLDS):
        learn, judge = fold != number, fold == number
        if judge.any() and learn.any():
            slopes, offsets = next(fit_ridge_path(axes[learn], has[learn][:, judged], shrinks=[SHRINK]))
            scores[judge] = axes[judge] @ slopes + offsets
    for place, tag in enumerate(judged.tolist()):
        observed = has[:, tag]
        slope, offset = fit_platt(scores[:, place], observed)
        chance = 1 / (1 + np.exp(-np.clip(slope * scores[:, place] + offset, -30, 30)))
        own = np.where(observed, chance, 1 - chance)
        with_it, without = own[observed].mean(), own[~observed].mean()
        doubt[:, tag] = 1 - own
        discrimination[tag] = with_it + without - 1
        if discrimination[tag] >= LEAST_DISCRIMINATION:
            flags[:, tag] = (1 - own >= np.where(observed, without, with_it)) & (own < 0.5)
    return TagErrors(doubt, flags, discrimination)


def _reduced(features: Array) -> Array:
    """Return standardised principal components of one common scale."""
    values = features.astype(np.float32)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    _, directions = np.linalg.eigh(values.T @ values)
    axes = values @ directions[:, ::-1][:, :DIMENSIONS]
    result: Array = axes / max(float(axes.std()), 1e-9)
    return result


def _folds(target: Array, groups: Array) -> Array:
    """Return a fold for each image: even over the classes, the same for images of one group."""
    generator = np.random.default_rng(0)
    fold = np.zeros(len(target), np.int64)
    for kind in np.unique(target):
        members = np.flatnonzero(target == kind)
        fold[members] = generator.permutation(len(members)) % FOLDS
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    return fold[first][group]


def gradients(thumbs: Array) -> Array:
    """Return features without a network, N, 336: histograms of oriented gradients and the colours of a grid.

    Source: Dalal & Triggs, "Histograms of oriented gradients for human detection" (2005).

    Args:
        thumbs: ``uint8`` N, 48, 48, 3.
    """
    n, side = len(thumbs), thumbs.shape[1]
    cells = side // 8
    grey = (thumbs[..., 0].astype(np.float32) + thumbs[..., 1] + thumbs[..., 2]) / 3 / 255
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1], right[:, :, 1:-1] = grey[:, 2:] - grey[:, :-2], grey[:, :, 2:] - grey[:, :, :-2]
    angle = np.arctan2(down, right)
    angle[angle < 0] += np.pi  # a light edge on dark is a dark one on light
    turn = (angle / np.pi * 8).astype(np.int64) % 8
    # Each pixel's place among all the sums of all pictures, so that one count makes them.
    cell = np.repeat(np.arange(cells), 8)
    place = (np.arange(n)[:, None, None] * 8 + turn) * cells**2 + (cell[:, None] * cells + cell)
    sums = np.bincount(place.ravel(), np.sqrt(down**2 + right**2).ravel(), n * 8 * cells**2)
    boxes = sums.reshape(n, 8, cells**2)
    boxes = boxes / (np.linalg.norm(boxes, axis=1, keepdims=True) + 0.1)
    bands = thumbs.reshape(n, 4, 12, side * 3).sum(axis=2, dtype=np.uint16)
    colours = bands.reshape(n, 4, 4, 12, 3).sum(axis=3) / (144 * 255)
    return np.concatenate([boxes.reshape(n, 8 * cells**2), colours.reshape(n, 48)], axis=1).astype(np.float32)
