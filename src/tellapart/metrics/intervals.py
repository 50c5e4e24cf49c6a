"""A figure with its 95 % interval: Wilson's for a proportion, the bias-corrected bootstrap for any other statistic."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError
from tellapart.metrics.checks import NOTHING_TO_SCORE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Z95 = 1.959963984540054  # the normal deviate that 95 % lie within
_NORMAL = NormalDist()
RESAMPLES = 4000
_DRAWS_AT_ONCE = 2_000_000  # resampled counts held in memory at a time: 16 MB


class Figure(TypedDict):
    """A measured figure: its value, its 95 % interval [low, high], and the images it was measured on."""

    value: float
    ci95: list[float]
    n: int


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
        raise InputError(NOTHING_TO_SCORE)
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
    statistic: Callable[[Ints], Floats],
    counts: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    accelerated: bool = True,
) -> tuple[float, float]:
    """The 95 % interval of a statistic by the bias-corrected and accelerated bootstrap over images (Efron 1987).

    Plain percentiles of resamples are biased where the statistic is: the macro-F1 of few images is lower on the mean
    than that of many, and that of their resamples is lower still (``benchmarks/training/coverage.py``). The corrected
    ends lie far out in the tails, where a thousand resamples are too few.

    Drawing n images with replacement is drawing the counts of their kinds from a multinomial distribution.
    So the cost grows with the number of kinds, not with the number of images.

    Args:
        statistic: drawn counts (R, M) → R values.
        counts: images of each of M distinguishable kinds, M: cells of a confusion matrix, or a one for every image.
        resamples: how often the counts are drawn.
        seed: of the draws; the same seed gives the same interval.
        accelerated: whether the ends follow the skew, for which an image of each kind is left out in turn.

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
        raise InputError(NOTHING_TO_SCORE)
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // len(kinds))
    values = np.concatenate([
        statistic(generator.multinomial(n, kinds / n, size=min(step, resamples - done)))
        for done in range(0, resamples, step)
    ])  # fmt: skip
    own = statistic(kinds[None])[0]
    below = float((values < own).mean() + (values == own).mean() / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / resamples), 1 - 1 / resamples))
    skew = _acceleration(statistic, kinds) if n > 1 and accelerated else 0.0
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


def proportion(successes: int, n: int) -> Figure:
    """A share as a figure with Wilson's interval.

    Raises:
        InputError: as in `wilson`.

    >>> proportion(3, 4)["value"]
    0.75
    """
    return {"value": successes / n, "ci95": list(wilson(successes, n)), "n": n}


def bootstrap_figure(
    value: float,
    statistic: Callable[[Ints], Floats],
    counts: Ints,
    *,
    resamples: int = RESAMPLES,
    accelerated: bool = True,
) -> Figure:
    """A statistic as a figure: its value on all images, and its interval by `bootstrap`.

    Where all resamples agree, the interval is Wilson's for a share of the same value.

    Args:
        value: the statistic of all images.
        statistic: drawn counts (R, M) → R values.
        counts: images of each of M distinguishable kinds.
        resamples: as of `bootstrap`.
        accelerated: as of `bootstrap`.
    """
    n = int(counts.sum())
    low, high = bootstrap(statistic, counts, resamples=resamples, accelerated=accelerated)
    if low == high:
        # One image, or images that are all alike: no resample can hold an error that the sample lacks,
        # and "1.0 for certain" would be a lie. Nothing in 0..1 varies more than a coin of the same mean.
        low, high = wilson(min(value, 1.0) * n, n)
    return {"value": value, "ci95": [min(low, value), max(high, value)], "n": n}


def safe_ratio(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    """Part by whole, and 0 where the whole is 0."""
    ratio: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return ratio
