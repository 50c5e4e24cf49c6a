"""Ridge regression on labels: a linear score of each label in closed form, and the probability that a score stands for.

On frozen features it stands to several labels an image as linear discriminant analysis to classes: one system of
equations, whatever the number of labels. Source: Hoerl & Kennard, "Ridge regression" (1970); scores become
probabilities as in Platt, "Probabilistic outputs for support vector machines" (1999).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STEPS = 100  # of Newton's method; it needs about ten


def fit_ridge_path(features: Array, targets: Array, *, shrinks: Iterable[float]) -> Iterator[tuple[Array, Array]]:
    """Slopes (D, K) and offsets (K), ``features @ slopes + offsets`` are scores; for one shrinkage after another.

    Args:
        features: N, D.
        targets: whether each image has each label, N, K.
        shrinks: shrinkage of the covariance towards a multiple of the identity, 0..1.

    >>> features, targets = np.array([[0.0], [1.0], [3.0]]), np.array([[0], [0], [1]])
    >>> slopes, offsets = next(fit_ridge_path(features, targets, shrinks=[0.0]))
    >>> (np.array([[0.5], [2.9]]) @ slopes + offsets).ravel().round(1).tolist()
    [0.0, 0.9]
    """
    middle, share = features.mean(axis=0), targets.mean(axis=0)
    values = (features - middle).astype(np.float64)
    covariance = values.T @ values / len(values)
    together = values.T @ (targets - share) / len(values)
    size = len(covariance)
    for shrink in shrinks:
        ball = shrink * np.trace(covariance) / size + 1e-6
        slopes = np.linalg.solve((1 - shrink) * covariance + ball * np.eye(size), together)
        yield slopes, share - middle @ slopes


def fit_platt(scores: Array, truth: Array) -> tuple[float, float]:
    """Slope and offset that make logits of a label's scores: ``slope * score + offset``.

    Targets are softened by the rule of succession, so that scores that part all images do not make certain of it; a
    score that says nothing has the slope 0. The likelihood has one peak, which Newton's method finds.

    Args:
        scores: of a label, N.
        truth: whether each image has it, N.

    >>> dice = np.random.default_rng(0)
    >>> scores = dice.normal(size=4000)
    >>> slope, offset = fit_platt(scores, dice.random(4000) < 1 / (1 + np.exp(1 - 3 * scores)))
    >>> 2.8 < slope < 3.2, -1.1 < offset < -0.9
    (True, True)
    """
    values, has = np.asarray(scores, np.float64), np.asarray(truth, bool)
    positive = int(has.sum())
    target = np.where(has, (positive + 1) / (positive + 2), 1 / (len(has) - positive + 2))
    middle, spread = values.mean(), values.std() or 1.0
    design = np.stack([(values - middle) / spread, np.ones(len(values))], axis=1)
    share = target.mean()
    weights = np.array([0.0, np.log(share / (1 - share))])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (target - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        weights += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    a = max(float(weights[0]), 0.0)
    return a / float(spread), float(weights[1]) - a * float(middle / spread)
