"""Checks of what scores are computed from: the number of answers and the shapes of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError

Answers = Sequence[object] | npt.NDArray[np.generic]

NOTHING_TO_SCORE = "nothing to score: give at least one image"


def check_same_length(left: Answers, right: Answers, names: tuple[str, str] = ("true answers", "predictions")) -> None:
    if len(left) != len(right):
        raise InputError(
            f"{len(left):,} {names[0]} but {len(right):,} {names[1]}: give one of each an image, in the same order"
        )
    if not len(left):
        raise InputError(NOTHING_TO_SCORE)


def check_one_dimensional(**arrays: npt.NDArray[np.generic]) -> None:
    for name, values in arrays.items():
        if values.ndim != 1:
            raise InputError(f"{name} has the shape {values.shape}: give one value an image, shape (n,)")
