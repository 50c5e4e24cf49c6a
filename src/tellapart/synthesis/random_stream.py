"""Draws from the frozen stream of numbers that decides a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Draw = Callable[[], float]  # the next number of the stream, in 0..1


def uniform_float(uniform: Draw, ends: tuple[float, float]) -> float:
    """Evenly from ``ends``."""
    return ends[0] + (ends[1] - ends[0]) * uniform()


def uniform_integer(uniform: Draw, ends: tuple[int, int]) -> int:
    """A whole number evenly from ``ends``, both of them possible."""
    return ends[0] + int(uniform() * (ends[1] - ends[0] + 1))


def choice(uniform: Draw, choices: Sequence[T]) -> T:
    """One of the choices."""
    return choices[int(uniform() * len(choices))]


def round_to_1024(value: float) -> float:
    """Rounded to 1/1024: sums and products of such numbers are exact, whatever order they are taken in.

    >>> round_to_1024(0.1)
    0.099609375
    """
    return math.floor(value * 1024 + 0.5) / 1024
