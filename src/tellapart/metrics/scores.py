"""How good the answers are: pure functions on numpy, and no figure without its interval."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError, join_some

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Answers = Sequence[object] | npt.NDArray[np.generic]

Z95 = 1.959963984540054  # the normal deviate that 95 % lie within
_NORMAL = NormalDist()
_EMPTY = "nothing to score: give at least one image"
_DRAWS_AT_ONCE = 2_000_000  # resampled counts held in memory at a time: 16 MB


class Figure(TypedDict):
    """A measured figure: its value, its 95 % interval [low, high], and the images it was measured on."""

    value: float
    ci95: list[float]
    n: int


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


class ReadingScores(TypedDict):
    """What `reading_scores` returns."""

    exact_match: Figure
    exact_match_folded: Figure
    cer: Figure


def wilson(successes: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share, ``successes`` of ``n`` (E. B. Wilson 1927).

    Unlike the textbook interval it stays inside 0..1 and keeps a width at 0 of n and n of n.

    Raises:
        InputError: ``n`` is below 1, or ``successes`` is outside 0..n.

    >>> low, high = wilson(95, 100)
    >>> round(low, 4), round(high, 4)
    (0.8882, 0.9785)
    """
    if n < 1:
        raise InputError(_EMPTY)
    if not 0 <= successes <= n:
        raise InputError(f"{successes:g} successes of {n:,}: give a number from 0 to {n:,}")
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    reach = Z95 * ((share * (1 - share) + Z95**2 / (4 * n)) / n) ** 0.5
    scale = 1 + Z95**2 / n
    # At the ends the interval touches 0 or 1 exactly; rounding would miss it by a hair.
    low = 0.0 if successes == 0 else (centre - reach) / scale
    high = 1.0 if successes == n else (centre + reach) / scale
    return max(low, 0.0), min(high, 1.0)


def bootstrap(
    statistic: Callable[[Ints], Floats], counts: npt.ArrayLike, *, resamples: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of a statistic under resampling of the images, bias-corrected and accelerated (Efron 1987).

    The plain percentiles of resamples are off where the statistic itself is: macro-F1 of few images is lower on the
    mean than that of many, and the resamples' lower still (``benchmarks/coverage.py``). So corrected, the ends lie far
    out in the tails, where a thousand resamples are too few.

    ``counts`` (M,) says how many images there are of each of M distinguishable kinds: the cells of a
    confusion matrix, or a one for every image. Drawing n images with replacement is drawing these
    counts from a multinomial, so the cost grows with the kinds and not with the images.
    ``statistic`` takes drawn counts (R, M) and returns R values.

    Raises:
        InputError: ``counts`` hold no image.

    >>> right = np.array([1, 0])  # 90 images are right, 10 are wrong
    >>> low, high = bootstrap(lambda drawn: drawn @ right / 100, [90, 10])
    >>> round(low, 2), round(high, 2)
    (0.83, 0.95)
    """
    kinds = np.asarray(counts, dtype=np.int64)
    n = int(kinds.sum())
    if n < 1:
        raise InputError(_EMPTY)
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // len(kinds))
    values = np.concatenate([
        statistic(generator.multinomial(n, kinds / n, size=min(step, resamples - done)))
        for done in range(0, resamples, step)
    ])  # fmt: skip
    own = statistic(kinds[None])[0]
    below = float((values < own).mean() + (values == own).mean() / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / resamples), 1 - 1 / resamples))
    skew = _acceleration(statistic, kinds) if n > 1 else 0.0
    ends = []
    for z in (-Z95, Z95):
        moved = bias + z
        ends.append(_NORMAL.cdf(bias + moved / (1 - skew * moved)))
    low, high = np.quantile(values, ends)
    return float(low), float(high)


def _acceleration(statistic: Callable[[Ints], Floats], kinds: Ints) -> float:
    """How fast the statistic's spread changes with its value, from leaving out an image of each kind in turn."""
    present = np.flatnonzero(kinds)
    step = max(1, _DRAWS_AT_ONCE // len(kinds))
    left_out = np.concatenate([
        statistic(kinds - np.eye(len(kinds), dtype=np.int64)[present[start : start + step]])
        for start in range(0, len(present), step)
    ])  # fmt: skip
    weight = kinds[present]
    apart = (left_out * weight).sum() / weight.sum() - left_out
    spread = float((weight * apart**2).sum())
    return float((weight * apart**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def accuracy(truth: Answers, predicted: Answers) -> Figure:
    """The share of images answered right, with Wilson's interval; labels are numbers or strings.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> accuracy(["cat", "dog", "dog", "cat"], ["cat", "dog", "cat", "cat"])["value"]
    0.75
    """
    _same_length(truth, predicted)
    return _share(sum(map(operator.eq, _listed(truth), _listed(predicted))), len(truth))


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> Ints:
    """Counts of every (truth, prediction) pair: ``int64`` of shape (K, K), rows are the truth.

    Raises:
        InputError: the lists differ in length, are empty, or hold something that is no class number.

    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    rows, columns = np.asarray(truth), np.asarray(predicted)
    _one_dimensional(truth=rows, predicted=columns)
    _same_length(rows, columns)
    rows, columns = _class_numbers("truth", rows, n_classes), _class_numbers("predicted", columns, n_classes)
    cells = np.bincount(rows * n_classes + columns, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def classification_scores(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, labels: Sequence[str]
) -> ClassificationScores:
    """Every figure of a classifier, from class numbers (n,) that index ``labels``.

    Macro-F1 is the mean of F1 over the classes that occur in the truth or in the prediction, as
    scikit-learn has it: a class without support and without prediction is left out, and 0/0 is 0.
    Its interval is the seeded, bias-corrected bootstrap over images (Efron 1987), each resample scored by
    the same rule; where all resamples agree, as when every answer is right, it is Wilson's for a share
    of the same value. With one label an image, micro-F1 equals accuracy; both carry Wilson's interval.
    ``per_class`` has a row for every label, also for those that never occur.

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
    precision, recall = _ratio(right, answered), _ratio(right, support)
    f1 = _ratio(2 * right, support + answered)
    rows, columns = np.nonzero(counts)

    def statistic(drawn: Ints) -> Floats:
        hits = _totals(drawn * (rows == columns), rows, len(labels))
        sizes = _totals(drawn, rows, len(labels)) + _totals(drawn, columns, len(labels))
        return _macro_f1(hits, sizes)

    macro = float(_macro_f1(right, support + answered))
    return {
        "accuracy": _share(int(right.sum()), n),
        "macro_f1": _bootstrapped(macro, statistic, counts[rows, columns]),
        "micro_f1": _share(int(right.sum()), n),
        "per_class": {
            label: {"precision": p, "recall": r, "f1": f, "support": n_true}
            for label, p, r, f, n_true in zip(
                labels, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), strict=True
            )
        },
        "confusion": {"labels": list(labels), "counts": counts.tolist()},
    }


def edit_distance(a: str, b: str) -> int:
    """The fewest characters to insert, delete or replace to turn ``a`` into ``b`` (Levenshtein 1966).

    Code points are compared as given, with no Unicode normalisation.

    >>> edit_distance("kitten", "sitting")
    3
    """
    if a == b:
        return 0
    above = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right)))
        above = row
    return above[-1]


def reading_scores(truth: Sequence[str], predicted: Sequence[str]) -> ReadingScores:
    """Every figure of a reader: exact match, exact match with the case ignored, character error rate.

    CER is all edits over all reference characters, so it may pass 1; its interval is the seeded,
    bias-corrected bootstrap over images (Efron 1987), or Wilson's where all resamples agree. An empty
    reference adds its inserted characters to the edits and nothing to the characters. Where all
    references are empty, CER is 0 if all predictions are empty too, and 1 otherwise. Case is ignored by
    ``str.casefold``. Code points are compared as given, with no Unicode normalisation: normalise both
    sides first if composed and decomposed accents should be alike.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> scores = reading_scores(["cat", "Dog"], ["cat", "dig"])
    >>> scores["exact_match"]["value"], round(scores["cer"]["value"], 4)
    (0.5, 0.3333)
    """
    _same_length(truth, predicted)
    n, pairs = len(truth), list(zip(truth, predicted, strict=True))
    # Images with as many edits in as many characters are of one kind to the bootstrap.
    kinds = Counter((edit_distance(text, answer), len(text)) for text, answer in pairs)
    edits, characters = np.array(sorted(kinds), dtype=np.int64).T
    counts = np.array([kinds[kind] for kind in sorted(kinds)], dtype=np.int64)

    def statistic(drawn: Ints) -> Floats:
        wrong, all_of_them = drawn @ edits, drawn @ characters
        rate: Floats = np.where(all_of_them > 0, _ratio(wrong, all_of_them), np.minimum(wrong, 1))
        return rate

    return {
        "exact_match": _share(sum(text == answer for text, answer in pairs), n),
        "exact_match_folded": _share(sum(t.casefold() == a.casefold() for t, a in pairs), n),
        "cer": _bootstrapped(float(statistic(counts[None])[0]), statistic, counts),
    }


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
    _one_dimensional(confidence=sure, correct=right)
    _same_length(sure, right, ("confidences", "outcomes"))
    if bins < 1:
        raise InputError(f"{bins} bins: give at least one")
    outside = sure[~((sure >= 0) & (sure <= 1))]  # also catches NaN
    if len(outside):
        raise InputError(f"confidences outside 0..1: {join_some(outside.tolist())}; give probabilities")
    odd = right[(right != 0) & (right != 1)]
    if len(odd):
        raise InputError(f"outcomes that are neither true nor false: {join_some(odd.tolist())}; give booleans")
    where = np.digitize(sure, np.arange(1, bins) / bins, right=True)
    gaps = np.bincount(where, weights=sure - right.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def _share(successes: int, n: int) -> Figure:
    return {"value": successes / n, "ci95": list(wilson(successes, n)), "n": n}


def _bootstrapped(value: float, statistic: Callable[[Ints], Floats], counts: Ints) -> Figure:
    n = int(counts.sum())
    low, high = bootstrap(statistic, counts)
    if low == high:
        # One image, or images that are all alike: no resample can hold an error that the sample lacks,
        # and "1.0 for certain" would be a lie. Nothing in 0..1 varies more than a coin of the same mean.
        low, high = wilson(min(value, 1.0) * n, n)
    return {"value": value, "ci95": [min(low, value), max(high, value)], "n": n}


def _macro_f1(hits: npt.NDArray[np.number], sizes: npt.NDArray[np.number]) -> Floats:
    """Hits and sizes (support + predictions) of shape (..., K) become macro-F1 of shape (...)."""
    mean: Floats = _ratio(2 * hits, sizes).sum(axis=-1) / (sizes > 0).sum(axis=-1)
    return mean


def _totals(drawn: Ints, keys: npt.NDArray[np.intp], n_keys: int) -> Floats:
    """Counts (R, M) become sums over equal keys (M,): shape (R, n_keys)."""
    n_rows = len(drawn)
    slots = np.arange(n_rows)[:, None] * n_keys + keys
    sums = np.bincount(slots.ravel(), drawn.ravel(), n_rows * n_keys)
    return np.asarray(sums, dtype=np.float64).reshape(n_rows, n_keys)


def _ratio(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    """Part by whole, and 0 where the whole is 0."""
    ratio: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return ratio


def _listed(answers: Answers) -> Sequence[object]:
    return answers.tolist() if isinstance(answers, np.ndarray) else answers


def _same_length(left: Answers, right: Answers, names: tuple[str, str] = ("true answers", "predictions")) -> None:
    if len(left) != len(right):
        raise InputError(
            f"{len(left):,} {names[0]} but {len(right):,} {names[1]}: give one of each an image, in the same order"
        )
    if not len(left):
        raise InputError(_EMPTY)


def _one_dimensional(**arrays: npt.NDArray[np.generic]) -> None:
    for name, values in arrays.items():
        if values.ndim != 1:
            raise InputError(f"{name} has the shape {values.shape}: give one value an image, shape (n,)")


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
