"""Time several ways of doing the same work in turn, and compare them as ratios of one run.

A machine is faster in one minute than in another. So the ways take turns: a slow minute falls on all of them, and each
round gives a ratio of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some measurements.

    Args:
        min: the smallest.
        median: the middle one, of an even number the mean of the middle two.
        max: the largest.
        n: how many there are.
    """

    min: float
    median: float
    max: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of measurements.

        Raises:
            ValueError: if there are none.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(min=1.0, median=2.0, max=3.0, n=3)
        """
        if not values:
            raise ValueError("no measurement")
        return cls(min(values), statistics.median(values), max(values), len(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.min:.2f} to {self.max:.2f}]"

    def to_json(self) -> dict[str, float]:
        """The four numbers by name."""
        return {"median": self.median, "min": self.min, "max": self.max, "n": self.n}


def measure_in_turn(
    ways: Mapping[str, Callable[[], float]], rounds: int, *, warmups: int = 0
) -> dict[str, list[float]]:
    """Ask each way in turn for a measurement that it makes itself.

    Args:
        ways: name → a function that does the work and returns its measurement.
        rounds: how many measurements of each way count.
        warmups: how many rounds come before those and do not count.

    Returns:
        Name → one measurement a round, in the order of the rounds.

    >>> measure_in_turn({"one": lambda: 1.0, "two": lambda: 2.0}, rounds=2)
    {'one': [1.0, 1.0], 'two': [2.0, 2.0]}
    """
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warmups + rounds):
        for name, way in ways.items():
            value = way()
            if number >= warmups:
                measured[name].append(value)
    return measured


def time_in_turn(ways: Mapping[str, Callable[[], object]], rounds: int, *, warmups: int = 0) -> dict[str, list[float]]:
    """Time each way in turn, by the wall clock.

    Args:
        ways: name → a function that does the work.
        rounds: how many times each way counts.
        warmups: how many rounds come before those and do not count.

    Returns:
        Name → seconds, one a round, in the order of the rounds.
    """

    def timed(way: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            way()
            return time.perf_counter() - began

        return run

    return measure_in_turn({name: timed(way) for name, way in ways.items()}, rounds, warmups=warmups)


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """The ratio of two ways in each round.

    With seconds of the peer above and of ours below, the ratio says how many times as fast ours is.

    Args:
        numerators: measurements of one way, one a round.
        denominators: measurements of the other way in the same rounds.

    Raises:
        ValueError: if the numbers of rounds differ, or there are none.

    >>> print(ratios([2.0, 6.0, 4.0], [1.0, 2.0, 2.0]))
    2.00 [2.00 to 3.00]
    """
    return Spread.of([above / below for above, below in zip(numerators, denominators, strict=True)])
