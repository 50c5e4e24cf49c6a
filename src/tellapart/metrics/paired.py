"""Two models on the same images: McNemar's exact test, and the difference of their scores with a paired interval."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError
from tellapart.metrics.checks import NOTHING_TO_SCORE, check_same_length
from tellapart.metrics.intervals import Figure, Floats, Ints, bootstrap, safe_ratio, wilson


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The two-sided p-value that two models are equally often right (McNemar 1947, exact by the binomial).

    Only images that one of them has right and the other wrong tell anything.

    Args:
        only_first: images that the first alone has right.
        only_second: images that the second alone has right.

    Raises:
        InputError: a negative number.

    >>> round(mcnemar_exact(1, 9), 4), mcnemar_exact(0, 0)
    (0.0215, 1.0)
    """
    if only_first < 0 or only_second < 0:
        raise InputError(f"{only_first} and {only_second} images: give numbers from 0 on")
    n, few = only_first + only_second, min(only_first, only_second)
    # Logarithms: 2 to the minus n is no float from some thousand images on.
    terms = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2) for k in range(few + 1)]
    return min(1.0, 2 * math.fsum(map(math.exp, terms)))


def accuracy_difference(first: npt.ArrayLike, second: npt.ArrayLike) -> Figure:
    """By how much the second model is more often right, with a paired 95 % interval.

    The interval is the bias-corrected bootstrap over images, see `tellapart.metrics.intervals.bootstrap`. Where all
    resamples agree, it is as wide as Wilson's for a difference that was seen in no image, or in all.

    Args:
        first: whether the first model is right, N.
        second: the same of the second, N.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> accuracy_difference([True, True, False, False], [True, True, True, False])["value"]
    0.25
    """
    one, other = np.asarray(first, bool), np.asarray(second, bool)
    check_same_length(one, other)
    counts = np.bincount(2 * one + other, minlength=4)  # neither, the second alone, the first alone, both
    n = int(counts.sum())
    weights = np.array([0, 1, -1, 0]) / n
    value = float(counts @ weights)
    low, high = bootstrap(lambda drawn: drawn @ weights, counts)
    if low == high:
        low, high = _reach(value, n)
    return {"value": value, "ci95": [min(low, value), max(high, value)], "n": n}


def macro_f1_difference(truth: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, n_classes: int) -> Figure:
    """By how much the macro-F1 of the second model is higher, with a paired 95 % bootstrap interval.

    Each model's macro-F1 is the mean over the classes that occur in the truth or in its answers, as in
    `tellapart.metrics.classification.classification_scores`.

    Args:
        truth: class numbers, N.
        first: those that the first model answered, N.
        second: those of the second, N.
        n_classes: how many classes there are.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> round(macro_f1_difference([0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], 2)["value"], 6)
    0.266667
    """
    answers = [np.asarray(each, np.int64) for each in (truth, first, second)]
    for each in answers[1:]:
        check_same_length(answers[0], each)
    if not len(answers[0]):
        raise InputError(NOTHING_TO_SCORE)
    kinds, counts = np.unique(np.stack(answers), axis=1, return_counts=True)

    def statistic(drawn: Ints) -> Floats:
        difference: Floats = _macro_f1(drawn, kinds[0], kinds[2], n_classes) - _macro_f1(
            drawn, kinds[0], kinds[1], n_classes
        )
        return difference

    value, n = float(statistic(counts[None])[0]), int(counts.sum())
    low, high = bootstrap(statistic, counts)
    if low == high:
        low, high = _reach(value, n)
    return {"value": value, "ci95": [min(low, value), max(high, value)], "n": n}


def holm(p_values: list[float]) -> list[float]:
    """p-values raised for their number, so that all tests together err as seldom as one (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    raised, largest = [0.0] * len(p_values), 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=lambda number: p_values[number])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[number]))
        raised[number] = largest
    return raised


def _reach(value: float, n: int) -> tuple[float, float]:
    """An interval where all resamples agree: as far as a share that was seen in none of n may reach."""
    reach = wilson(0, n)[1]
    return max(-1.0, value - reach), min(1.0, value + reach)


def _macro_f1(drawn: Ints, truth: Ints, answers: Ints, n_classes: int) -> Floats:
    """Drawn counts (R, M) of kinds with a truth and an answer (M) → macro-F1, R."""
    classes = np.arange(n_classes)
    is_truth, is_answer = truth[:, None] == classes, answers[:, None] == classes
    hits = drawn @ (is_truth & is_answer)
    sizes = drawn @ is_truth + drawn @ is_answer
    mean: Floats = safe_ratio(2 * hits, sizes).sum(axis=1) / (sizes > 0).sum(axis=1)
    return mean
