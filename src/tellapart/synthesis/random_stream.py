"""Draws from the frozen stream of random numbers that decides a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Draw = Callable[[], float]  # the next number of the stream, in 0..1


def uniform_float(uniform: Draw, ends: tuple[float, float]) -> float:
    """Draw a number evenly from an interval.

    >>> uniform_float(lambda: 0.5, (2.0, 4.0))
    3.0
    """
    return ends[0] + (ends[1] - ends[0]) * uniform()


def uniform_integer(uniform: Draw, ends: tuple[int, int]) -> int:
    """Draw an integer evenly from an interval, both ends included.

    >>> [uniform_integer(lambda: value, (1, 3)) for value in (0.0, 0.5, 0.99)]
    [1, 2, 3]
    """
    return ends[0] + int(uniform() * (ends[1] - ends[0] + 1))


def choice(uniform: Draw, choices: Sequence[T]) -> T:
    """Draw one of the choices, all equally likely.

    >>> choice(lambda: 0.99, "abc")
    'c'
    """
    return choices[int(uniform() * len(choices))]


def round_to_1024(value: float) -> float:
    """Round to 1/1024: sums of such numbers are exact in any order.

    >>> round_to_1024(0.1)
    0.099609375
    """
    return math.floor(value * 1024 + 0.5) / 1024
