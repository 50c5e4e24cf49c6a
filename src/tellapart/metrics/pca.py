"""Principal component analysis of features that are scaled to length one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

AXES = 50  # as usual before neighbours are looked for (van der Maaten & Hinton 2008)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PCA:
    """A fitted reduction: features are scaled to length one, centred and projected on the principal axes.

    Args:
        mean: of the scaled features, F.
        axes: principal axes as columns, the largest variance first, F, A.
    """

    mean: Floats
    axes: Floats

    @classmethod
    def of(cls, features: Floats, axes: int = AXES) -> PCA:
        """Fit the reduction.

        Args:
            features: N, F.
            axes: how many axes; at most as many as there are.

        >>> PCA.of(np.eye(9, 4, dtype=np.float32))(np.eye(9, 4, dtype=np.float32)).shape
        (9, 4)
        """
        even = _even(features)
        mean = even.mean(axis=0)
        # Of fewer images than features the singular vectors: no features x features matrix is made.
        apart = (even - mean).astype(np.float64)
        if len(apart) < apart.shape[1]:
            turned = np.linalg.svd(apart, full_matrices=False)[2].T
        else:
            turned = np.linalg.eigh(np.cov(apart.T))[1][:, ::-1]
        turned = turned[:, :axes].astype(np.float32)
        # The sign of an axis is arbitrary: the largest share of each points up, so that maps do not mirror.
        signs = np.sign(turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])])
        return cls(mean, (turned * signs).astype(np.float32))

    def __call__(self, features: Floats) -> Floats:
        """N, F → N, A."""
        return np.asarray((_even(features) - self.mean) @ self.axes, np.float32)

    def to_json(self) -> dict[str, Any]:
        """The reduction as JSON values: float32 as base64."""
        return {"mean": _text(self.mean), "axes": _text(self.axes), "shape": list(self.axes.shape)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PCA:
        """The reduction from what `to_json` returned.

        >>> made = PCA.of(np.random.default_rng(0).random((9, 4), np.float32))
        >>> np.array_equal(PCA.from_json(made.to_json()).axes, made.axes)
        True
        """
        return cls(_array(value["mean"]), _array(value["axes"]).reshape(value["shape"]))


def _text(values: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _array(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), "<f4")


def _even(features: Floats) -> Floats:
    values = np.asarray(features, np.float32)
    result: Floats = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return result
