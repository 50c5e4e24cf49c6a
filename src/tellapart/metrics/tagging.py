"""Scores of several labels an image: F1 on the mean and over all, average precision, and each label's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError
from tellapart.metrics.intervals import Figure, Floats, Ints, bootstrap_figure, proportion, safe_ratio

Flags = npt.NDArray[np.bool_]
RANKED = 1000  # resamples of the mean average precision, whose every resample is ranked anew
# Kinds of images, from where a resampled mean is no longer skewed enough to pay for leaving each image out.
SKEWED = 1000


class LabelScores(TypedDict):
    """One label; ``support`` images have it. ``average_precision`` is None where none has."""

    precision: float
    recall: float
    f1: float
    average_precision: float | None
    support: int


class TagScores(TypedDict):
    """What `tag_scores` returns."""

    subset_accuracy: Figure
    macro_f1: Figure
    micro_f1: Figure
    mean_average_precision: Figure
    per_label: dict[str, LabelScores]


def tag_scores(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, chances: npt.ArrayLike, labels: Sequence[str]
) -> TagScores:
    """Every figure of a model that gives an image several labels, each with its interval by the bootstrap over images.

    ``subset_accuracy``: the share of images whose labels are all right and none is missing (Wilson's interval).
    ``macro_f1``: the mean of F1 over the labels that occur in the truth or in the answers; ``micro_f1``: F1 over all
    decisions; 0/0 is 0. ``mean_average_precision``: the mean over the labels that an image has of `average_precision`,
    which no threshold changes.

    Args:
        truth: whether each image has each label, N, K.
        predicted: whether each label was answered, N, K.
        chances: the probability of each label, N, K.
        labels: the names of the K labels.

    Raises:
        InputError: the shapes differ, or there is no image.

    >>> scores = tag_scores([[1, 0], [1, 1]], [[1, 0], [1, 0]], [[0.9, 0.2], [0.8, 0.4]], ["cat", "dog"])
    >>> scores["subset_accuracy"]["value"], scores["macro_f1"]["value"], round(scores["micro_f1"]["value"], 3)
    (0.5, 0.5, 0.8)
    >>> scores["mean_average_precision"]["value"], scores["per_label"]["dog"]["recall"]
    (1.0, 0.0)
    """
    true, said, chance = np.asarray(truth, bool), np.asarray(predicted, bool), np.asarray(chances, np.float64)
    if true.ndim != 2 or not (true.shape == said.shape == chance.shape) or true.shape[1] != len(labels):
        raise InputError(
            f"truth, answers and probabilities of shapes {true.shape}, {said.shape} and {chance.shape} for "
            f"{len(labels)} labels; give one row an image and one column a label"
        )
    if not len(true):
        raise InputError("no image to score; give one at least")
    ones = np.ones(len(true), np.int64)
    kinds, counts = np.unique(np.hstack([true, said]), axis=0, return_counts=True)  # images of one kind count alike
    hits, sizes = (kinds[:, : len(labels)] & kinds[:, len(labels) :]), kinds.reshape(-1, 2, len(labels)).sum(axis=1)
    few = len(counts) <= SKEWED

    def macro(drawn: Ints) -> Floats:
        return _macro_f1(drawn @ hits, drawn @ sizes)

    def micro(drawn: Ints) -> Floats:
        return safe_ratio(2 * (drawn @ hits.sum(axis=1)), drawn @ sizes.sum(axis=1))

    ranked = [_Ranking(true[:, place], chance[:, place]) for place in range(len(labels)) if true[:, place].any()]

    def mean_precision(drawn: Ints) -> Floats:
        each = np.array([ranking.average_precision(drawn) for ranking in ranked]).reshape(-1, len(drawn))
        return safe_ratio(np.nan_to_num(each).sum(axis=0), (~np.isnan(each)).sum(axis=0))

    support, answered, right = true.sum(axis=0), said.sum(axis=0), (true & said).sum(axis=0)
    own = [average_precision(*pair) if pair[0].any() else None for pair in zip(true.T, chance.T, strict=True)]
    return {
        "subset_accuracy": proportion(int((true == said).all(axis=1).sum()), len(true)),
        "macro_f1": bootstrap_figure(float(macro(counts[None])[0]), macro, counts, accelerated=few),
        "micro_f1": bootstrap_figure(float(micro(counts[None])[0]), micro, counts, accelerated=few),
        "mean_average_precision": bootstrap_figure(
            float(mean_precision(ones[None])[0]),
            mean_precision,
            ones,
            resamples=RANKED,
            accelerated=len(true) <= SKEWED,
        ),
        "per_label": {
            label: {"precision": p, "recall": r, "f1": f, "average_precision": ap, "support": n}
            for label, p, r, f, ap, n in zip(
                labels,
                safe_ratio(right, answered).tolist(),
                safe_ratio(right, support).tolist(),
                safe_ratio(2 * right, support + answered).tolist(),
                own,
                support.tolist(),
                strict=True,
            )
        },
    }


def joint_probability(chances: npt.NDArray[np.floating], said: Flags) -> Floats:
    """The probability that all decisions on an image are right, as if they did not depend on each other: N.

    Args:
        chances: the probability of each label, N, K.
        said: whether each label is answered, N, K.

    >>> joint_probability(np.array([[0.9, 0.2]]), np.array([[True, False]])).round(2)
    array([0.72])
    """
    result: Floats = np.where(said, chances, 1 - chances).prod(axis=1, dtype=np.float64)
    return result


def average_precision(truth: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """The mean precision at each image that has the label, ranked by score: the area under precision and recall.

    Images of equal score stand at one threshold, so that their order does not count.

    Args:
        truth: whether each image has the label, N; one at least has.
        score: of the label, N.

    Raises:
        InputError: no image has it.

    >>> round(average_precision([True, False, True], [0.9, 0.8, 0.7]), 3)
    0.833
    """
    positive = np.asarray(truth, bool)
    if not positive.any():
        raise InputError("average precision: no image has the label; leave the label out")
    ones = np.ones((1, len(positive)), np.int64)
    return float(_Ranking(positive, np.asarray(score, np.float64)).average_precision(ones)[0])


class _Ranking:
    """Images in the order of a label's scores, the highest first."""

    def __init__(self, truth: Flags, score: Floats) -> None:
        self.order = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        ends = last[np.searchsorted(last, np.arange(len(score)))]  # of each image the last of equal score
        self.places = np.flatnonzero(truth[self.order])  # of the images that have the label
        self.ends = ends[self.places]

    def average_precision(self, drawn: Ints) -> Floats:
        """How often each image was drawn, R, N → R values, NaN where no image with the label was drawn."""
        weight = drawn[:, self.order]
        mine = weight[:, self.places]
        taken = weight.cumsum(axis=1)[:, self.ends]
        hits = mine.cumsum(axis=1)[:, np.searchsorted(self.places, self.ends, side="right") - 1]
        total = mine.sum(axis=1)
        with np.errstate(invalid="ignore"):
            result: Floats = (mine * safe_ratio(hits, taken)).sum(axis=1) / total
        return result


def _macro_f1(hits: npt.NDArray[np.number], sizes: npt.NDArray[np.number]) -> Floats:
    """Hits and sizes (support + answers) of shape (R, K) → macro-F1 of shape (R,)."""
    mean: Floats = safe_ratio(safe_ratio(2 * hits, sizes).sum(axis=-1), (sizes > 0).sum(axis=-1))
    return mean
