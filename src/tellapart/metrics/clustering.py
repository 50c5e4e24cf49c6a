"""Whether points fall into clusters: k-means, and the gap to points that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

STARTS = 8
STEPS = 30
REFERENCES = 5
AXES = 20  # principal components

Array = npt.NDArray[Any]


def kmeans(points: Array, k: int, *, seed: int = 0) -> tuple[npt.NDArray[np.int64], float]:
    """The best of several k-means clusterings, each begun by k-means++ (Arthur & Vassilvitskii 2007).

    Args:
        points: N, D; N at least ``k``.
        k: how many clusters.
        seed: of the beginnings.

    Returns:
        The cluster of each point, N, and the sum of squared distances to the centres.

    >>> clusters, within = kmeans(np.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> bool(clusters[0] == clusters[1] != clusters[2]), within
    (True, 1.0)
    """
    generator = np.random.default_rng(seed)
    best: tuple[npt.NDArray[np.int64], float] | None = None
    for _ in range(STARTS):
        centres = _first_centres(points, k, generator)
        for _ in range(STEPS):
            nearest = _squared(points, centres).argmin(axis=1)
            moved = np.array(
                [points[nearest == j].mean(axis=0) if (nearest == j).any() else centres[j] for j in range(k)]
            )
            if np.array_equal(moved, centres):
                break
            centres = moved
        squared = _squared(points, centres)
        within = float(squared.min(axis=1).sum())
        if best is None or within < best[1]:
            best = squared.argmin(axis=1), within
    assert best is not None
    return best


def clusteredness(features: Array, k: int, *, seed: int = 0) -> float:
    """How much tighter k clusters are than those of points of the same spread without any: 1 is no tighter.

    The ratio of the sums of squared distances to the centres, on principal components; the reference is normal (after
    Tibshirani, Walther & Hastie, "Estimating the number of clusters via the gap statistic", 2001).

    Args:
        features: N, F; N above ``k``.
        k: how many clusters.
        seed: of the beginnings and the reference.
    """
    values = features.astype(np.float32)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    axes, scales, _ = np.linalg.svd(values, full_matrices=False)
    axes = (axes * scales)[:, : max(1, min(AXES, len(values) // 4))].astype(np.float64)
    generator = np.random.default_rng(seed)
    shares = []
    for _ in range(REFERENCES):
        reference = generator.normal(size=axes.shape) * axes.std(axis=0)
        shares.append(kmeans(reference, k, seed=seed)[1] / max(float((reference**2).sum()), 1e-12))
    return kmeans(axes, k, seed=seed)[1] / max(float((axes**2).sum()), 1e-12) / max(float(np.mean(shares)), 1e-12)


def _first_centres(points: Array, k: int, generator: np.random.Generator) -> Array:
    centres = [points[generator.integers(len(points))]]
    for _ in range(k - 1):
        away = _squared(points, np.array(centres)).min(axis=1)
        total = away.sum()
        centres.append(points[generator.choice(len(points), p=away / total if total > 0 else None)])
    return np.array(centres)


def _squared(points: Array, centres: Array) -> Array:
    """Squared distances, N, K."""
    result: Array = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
    return result
