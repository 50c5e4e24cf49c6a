"""Scores of a classifier: accuracy, F1 per class and on the mean, the confusion matrix."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError, join_some
from tellapart.metrics.checks import Answers, check_one_dimensional, check_same_length
from tellapart.metrics.intervals import Figure, Floats, Ints, bootstrap_figure, proportion, safe_ratio


class ClassScores(TypedDict):
    """One class; ``support`` is the number of images that truly are of it."""

    precision: float
    recall: float
    f1: float
    support: int


class Confusion(TypedDict):
    """``counts[i][j]``: images of ``labels[i]`` that were taken for ``labels[j]``."""

    labels: list[str]
    counts: list[list[int]]


class ClassificationScores(TypedDict):
    """What `classification_scores` returns."""

    accuracy: Figure
    macro_f1: Figure
    micro_f1: Figure
    per_class: dict[str, ClassScores]
    confusion: Confusion


def accuracy(truth: Answers, predicted: Answers) -> Figure:
    """The share of right answers, with Wilson's interval.

    Args:
        truth: labels, N, as numbers or strings.
        predicted: labels, N, in the same order.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> accuracy(["cat", "dog", "dog", "cat"], ["cat", "dog", "cat", "cat"])["value"]
    0.75
    """
    check_same_length(truth, predicted)
    return proportion(sum(map(operator.eq, _listed(truth), _listed(predicted))), len(truth))


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> Ints:
    """The confusion matrix: ``int64`` of shape (K, K), rows are the truth, columns the predictions.

    Args:
        truth: class numbers, N.
        predicted: class numbers, N, in the same order.
        n_classes: K.

    Raises:
        InputError: the lists differ in length, are empty, or hold something that is no class number.

    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    rows, columns = np.asarray(truth), np.asarray(predicted)
    check_one_dimensional(truth=rows, predicted=columns)
    check_same_length(rows, columns)
    rows, columns = _class_numbers("truth", rows, n_classes), _class_numbers("predicted", columns, n_classes)
    cells = np.bincount(rows * n_classes + columns, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def classification_scores(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, labels: Sequence[str]
) -> ClassificationScores:
    """Every figure of a classifier.

    Macro-F1 is the mean of F1 over the classes that occur in the truth or in the predictions, as in scikit-learn;
    0/0 is 0. Its interval is that of `tellapart.metrics.intervals.bootstrap_figure`. With one label an image,
    micro-F1 equals accuracy; both carry Wilson's interval. ``per_class`` has a row for every label, also for those
    that never occur.

    Args:
        truth: class numbers, N, that index ``labels``.
        predicted: class numbers, N, in the same order.
        labels: the names of the K classes.

    Raises:
        InputError: as in `confusion`, or a label is named twice.

    >>> scores = classification_scores([0, 0, 1, 1], [0, 1, 1, 1], ["cat", "dog"])
    >>> round(scores["macro_f1"]["value"], 4), scores["per_class"]["dog"]["recall"]
    (0.7333, 1.0)
    """
    twice = [label for label, times in Counter(labels).items() if times > 1]
    if twice:
        raise InputError(f"labels named more than once: {join_some(twice)}; give every class its own name")
    counts = confusion(truth, predicted, len(labels))
    n, right = int(counts.sum()), counts.diagonal()
    support, answered = counts.sum(axis=1), counts.sum(axis=0)
    precision, recall = safe_ratio(right, answered), safe_ratio(right, support)
    f1 = safe_ratio(2 * right, support + answered)
    rows, columns = np.nonzero(counts)

    def statistic(drawn: Ints) -> Floats:
        hits = _totals(drawn * (rows == columns), rows, len(labels))
        sizes = _totals(drawn, rows, len(labels)) + _totals(drawn, columns, len(labels))
        return _macro_f1(hits, sizes)

    macro = float(_macro_f1(right, support + answered))
    return {
        "accuracy": proportion(int(right.sum()), n),
        "macro_f1": bootstrap_figure(macro, statistic, counts[rows, columns]),
        "micro_f1": proportion(int(right.sum()), n),
        "per_class": {
            label: {"precision": p, "recall": r, "f1": f, "support": n_true}
            for label, p, r, f, n_true in zip(
                labels, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), strict=True
            )
        },
        "confusion": {"labels": list(labels), "counts": counts.tolist()},
    }


def _macro_f1(hits: npt.NDArray[np.number], sizes: npt.NDArray[np.number]) -> Floats:
    """Hits and sizes (support + predictions) of shape (..., K) become macro-F1 of shape (...)."""
    mean: Floats = safe_ratio(2 * hits, sizes).sum(axis=-1) / (sizes > 0).sum(axis=-1)
    return mean


def _totals(drawn: Ints, keys: npt.NDArray[np.intp], n_keys: int) -> Floats:
    """Counts (R, M) become sums over equal keys (M,): shape (R, n_keys)."""
    n_rows = len(drawn)
    slots = np.arange(n_rows)[:, None] * n_keys + keys
    sums = np.bincount(slots.ravel(), drawn.ravel(), n_rows * n_keys)
    return np.asarray(sums, dtype=np.float64).reshape(n_rows, n_keys)


def _listed(answers: Answers) -> Sequence[object]:
    return answers.tolist() if isinstance(answers, np.ndarray) else answers


def _class_numbers(name: str, values: npt.NDArray[np.generic], n_classes: int) -> Ints:
    if values.dtype.kind not in "iu":
        raise InputError(f"{name} holds {values.dtype} values: give class numbers, integers from 0")
    numbers = values.astype(np.int64)
    outside = np.unique(numbers[(numbers < 0) | (numbers >= n_classes)])
    if len(outside):
        raise InputError(
            f"{name} holds class numbers outside 0..{n_classes - 1}: {join_some(outside.tolist())}; "
            f"give numbers of the {n_classes} classes"
        )
    return numbers
