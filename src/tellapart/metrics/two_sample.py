"""Two-sample tests: do two samples come from one source? And Holm's correction for several tests at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

SHUFFLES = 1999  # of a permutation test: the smallest p is one of 2,000
MOST = 1000  # images of a window that are looked at for strangers
NEIGHBOURS = 64  # among which the nearest of the first sample is looked for
TAILS = 1 / 40, 1 / 20, 1 / 10, 1 / 5  # of all images, the farthest from what is known
NEAREST = 300  # images of either side in the energy distance: its cost grows with the square

Floats = npt.NDArray[np.floating]


def kolmogorov_smirnov(one: Floats, other: Floats) -> tuple[float, float]:
    """The Kolmogorov-Smirnov test: the largest distance of two distribution functions, and its p-value (Smirnov 1939).

    The p-value is the asymptotic one with Stephens' (1970) correction; with ties it is too large rather than too small.

    >>> kolmogorov_smirnov(np.arange(100.0), np.arange(100.0) + 50)[0]
    0.5
    """
    values = np.sort(np.concatenate([one, other]))
    below = [np.searchsorted(np.sort(side), values, side="right") / len(side) for side in (one, other)]
    distance = float(np.abs(below[0] - below[1]).max())
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    reach = (size + 0.12 + 0.11 / size) * distance
    if reach < 0.2:  # the series below has no meaning there, and the answer is 1 to many digits
        return distance, 1.0
    terms = [(-1) ** (k - 1) * math.exp(-2 * (k * reach) ** 2) for k in range(1, 101)]
    return distance, min(1.0, max(0.0, 2 * math.fsum(terms)))


def total_variation_test(one: Sequence[str], other: Sequence[str], *, seed: int = 0) -> tuple[float, float]:
    """The total variation of two samples of labels, and its p-value by permutation.

    >>> distance, p = total_variation_test(["cat"] * 80 + ["dog"] * 20, ["cat"] * 20 + ["dog"] * 80)
    >>> round(distance, 2), p < 0.001
    (0.6, True)
    """
    names, coded = np.unique([*one, *other], return_inverse=True)
    table = np.eye(len(names))[coded]
    total = table.sum(axis=0)

    def apart(chosen: npt.NDArray[np.bool_]) -> Floats:
        first = chosen @ table
        result: Floats = np.abs(first / len(one) - (total - first) / len(other)).sum(axis=1) / 2
        return result

    return _permuted(apart, len(one), len(other), seed)


def energy_test(one: Floats, other: Floats, *, seed: int = 0) -> tuple[float, float]:
    """The energy distance of two samples (N, F) and (M, F), and its p-value by permutation (Székely & Rizzo 2013).

    >>> dice = np.random.default_rng(0)
    >>> energy_test(dice.normal(size=(80, 3)), dice.normal(size=(80, 3)) + 1)[1] < 0.001
    True
    """
    dice = np.random.default_rng(seed)
    one, other = (side[dice.permutation(len(side))[:NEAREST]] for side in (one, other))
    away = _apart(np.concatenate([one, other]))
    sums, whole = away.sum(axis=1), away.sum()
    n, m = len(one), len(other)

    def apart(chosen: npt.NDArray[np.bool_]) -> Floats:
        first = chosen.astype(np.float64)
        within = np.einsum("ij,ij->i", first @ away, first)
        across = first @ sums - within
        rest = whole - within - 2 * across
        result: Floats = 2 * across / (n * m) - within / n**2 - rest / m**2
        return result

    return _permuted(apart, n, m, seed)


def outlier_test(one: Floats, other: Floats, *, seed: int = 0) -> tuple[float, float]:
    """A test for outliers: whether more of the second sample than chance lies far from all of the first.

    A few new things among many old ones hardly move a mean or a distribution function. They do lie far from everything
    known: an image's score is the distance to its nearest other image of the first sample (Sun et al. 2022). The test
    counts how many of the farthest images of both samples are of the second. As the number of outliers is unknown, it
    tries each of `TAILS` and takes the one furthest above chance, in standard deviations.

    Returns:
        The share of the second sample in that tail less the share by chance, and the p-value by permutation.

    >>> dice = np.random.default_rng(0)
    >>> old, new = dice.normal(size=(400, 3)), dice.normal(size=(200, 3))
    >>> outlier_test(old, new)[1] > 0.01
    True
    >>> new[:20] += 8
    >>> outlier_test(old, new)[1] < 0.001
    True
    """
    dice = np.random.default_rng(seed)
    other = other[dice.permutation(len(other))[:MOST]]
    n, m = len(one), len(other)
    away = _apart(np.concatenate([one, other]))
    np.fill_diagonal(away, -1)  # each is its own first neighbour
    near = np.argsort(away, axis=1)[:, 1 : NEIGHBOURS + 1]
    away = np.take_along_axis(away, near, axis=1)
    tails = np.array([max(1, round((n + m) * tail)) for tail in TAILS])
    chance = m / (n + m)
    spread = np.sqrt(tails * chance * (1 - chance) * (n + m - tails) / (n + m - 1))  # of the hypergeometric

    def among(chosen: npt.NDArray[np.bool_]) -> Floats:
        """Of each tail, for each choice of the first sample, how many are of the second."""
        known = chosen[:, near]
        first = np.where(known.any(axis=2), known.argmax(axis=2), near.shape[1] - 1)
        alone = np.take_along_axis(away[None], first[..., None], axis=2)[..., 0]
        farthest = np.argsort(-alone, axis=1, kind="stable")
        return np.cumsum(~np.take_along_axis(chosen, farthest, axis=1), axis=1)[:, tails - 1].astype(np.float64)

    def above(chosen: npt.NDArray[np.bool_]) -> Floats:
        result: Floats = ((among(chosen) - tails * chance) / spread).max(axis=1)
        return result

    excess = among((np.arange(n + m) < n)[None])[0] - tails * chance
    best = int((excess / spread).argmax())
    return float(excess[best] / tails[best]), _permuted(above, n, m, seed)[1]


def _apart(points: Floats) -> Floats:
    """N, F → the Euclidean distances N, N."""
    points = points.astype(np.float64)
    square = (points**2).sum(axis=1)
    result: Floats = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * points @ points.T, 0))
    return result


def _permuted(apart: Callable[[npt.NDArray[np.bool_]], Floats], n: int, m: int, seed: int) -> tuple[float, float]:
    """A distance, and the share of shuffles that reach it; the observed one counts as a shuffle."""
    dice = np.random.default_rng(seed)
    own = np.zeros((1, n + m), bool)
    own[0, :n] = True
    observed = float(apart(own)[0])
    as_far = 0
    for start in range(0, SHUFFLES, 500):
        shuffles = dice.permuted(np.repeat(own, min(500, SHUFFLES - start), axis=0), axis=1)
        as_far += int((apart(shuffles) >= observed - 1e-12).sum())
    return observed, (1 + as_far) / (1 + SHUFFLES)


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's correction: p-values of several tests that keep the chance of any false alarm below a level (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.5, 0.02])]
    [0.03, 0.5, 0.04]
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, highest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = highest
    return adjusted
