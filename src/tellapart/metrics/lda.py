"""Linear discriminant analysis: a linear classifier in closed form, of one Gaussian a class with a shared covariance.

On frozen features it answers as well as logistic regression, in a moment (docs/log.md). Source: Friedman,
"Regularized discriminant analysis" (1989).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def fit_lda(features: Array, target: Array, classes: int, *, shrink: float, even: bool = False) -> tuple[Array, Array]:
    """Fit slopes (D, K) and offsets (K): ``features @ slopes + offsets`` are logits, up to a temperature.

    Args:
        features: N, D.
        target: class numbers, N; a class without an example is never answered.
        classes: K.
        shrink: shrinkage of the covariance towards a multiple of the identity, 0..1.
        even: count every class as equally likely, however many examples it has.

    >>> slopes, offsets = fit_lda(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1]), 2, shrink=0.5)
    >>> (np.array([[2.0], [9.0]]) @ slopes + offsets).argmax(axis=1).tolist()
    [0, 1]
    """
    return next(fit_lda_path(features, target, classes, shrinks=[shrink], even=even))


def fit_lda_path(
    features: Array, target: Array, classes: int, *, shrinks: Iterable[float], even: bool = False
) -> Iterator[tuple[Array, Array]]:
    """What `fit_lda` returns, for one shrinkage after another."""
    middle = features.mean(axis=0)
    values = (features - middle).astype(np.float64)
    member = np.zeros((len(target), classes))
    member[np.arange(len(target)), target] = 1
    count = member.sum(axis=0)
    means = (member.T @ values) / np.maximum(count, 1)[:, None]
    apart = values - means[target]
    covariance = apart.T @ apart / len(values)
    size = len(covariance)
    share = np.where(count > 0, 1 / classes, 1e-12) if even else np.maximum(count, 1e-3) / len(values)
    for shrink in shrinks:
        ball = shrink * np.trace(covariance) / size + 1e-6
        slopes = np.linalg.solve((1 - shrink) * covariance + ball * np.eye(size), means.T)
        yield slopes, np.log(share) - 0.5 * (means * slopes.T).sum(axis=1) - middle @ slopes


def softmax(logits: Array) -> Array:
    """Logits (..., K) → probabilities (..., K).

    >>> softmax(np.log([[1.0, 3.0]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    soft = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Array = soft / soft.sum(axis=-1, keepdims=True)
    return result
