"""Checks of what scores are computed from: the number of answers and the shapes of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError

Answers = Sequence[object] | npt.NDArray[np.generic]

NOTHING_TO_SCORE = "nothing to score: give at least one image"


def check_same_length(left: Answers, right: Answers, names: tuple[str, str] = ("true answers", "predictions")) -> None:
    """Refuse lists of different lengths, and empty ones.

    Args:
        left: one value an image.
        right: as many values, in the same order.
        names: what either list holds, for the message.

    Raises:
        InputError: the lengths differ, or both are 0.

    >>> check_same_length([1, 2], [1])
    Traceback (most recent call last):
    tellapart.core.errors.InputError: 2 true answers but 1 predictions: give one of each an image, in the same order
    """
    if len(left) != len(right):
        raise InputError(
            f"{len(left):,} {names[0]} but {len(right):,} {names[1]}: give one of each an image, in the same order"
        )
    if not len(left):
        raise InputError(NOTHING_TO_SCORE)


def check_one_dimensional(**arrays: npt.NDArray[np.generic]) -> None:
    """Refuse arrays that do not have the shape (n,); the keyword is the name in the message.

    Raises:
        InputError: an array has another number of dimensions.
    """
    for name, values in arrays.items():
        if values.ndim != 1:
            raise InputError(f"{name} has the shape {values.shape}: give one value an image, shape (n,)")
