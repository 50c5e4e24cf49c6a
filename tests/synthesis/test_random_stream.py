"""Draws from a stream of numbers in 0..1: their ends, and sums that are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tellapart.synthesis.random_stream import choice, round_to_1024, uniform_float, uniform_integer

ALMOST_ONE = 1 - 2**-53


def test_the_ends_of_a_range_of_numbers() -> None:
    assert uniform_float(lambda: 0.0, (-2.0, 3.0)) == -2.0
    assert uniform_float(lambda: 0.5, (-2.0, 3.0)) == 0.5


def test_both_ends_of_a_range_of_integers_come_up_and_nothing_beyond() -> None:
    assert uniform_integer(lambda: 0.0, (4, 7)) == 4
    assert uniform_integer(lambda: ALMOST_ONE, (4, 7)) == 7
    stream = np.random.default_rng(0)
    counts = np.bincount([uniform_integer(stream.random, (4, 7)) for _ in range(4000)])
    assert counts[:4].sum() == 0
    assert counts[4:].min() > 900  # 1,000 each, less four standard deviations


def test_a_choice_is_one_of_the_choices() -> None:
    assert [choice(lambda at=at: at, "abc") for at in (0.0, 0.4, ALMOST_ONE)] == ["a", "b", "c"]  # type: ignore[misc]


def test_sums_of_rounded_numbers_are_exact_in_any_order() -> None:
    values = [round_to_1024(value) for value in np.random.default_rng(1).normal(0, 30, 200).tolist()]
    exact = sum(Fraction(value) for value in values)
    assert Fraction(sum(values)) == Fraction(sum(reversed(values))) == exact
    assert all(Fraction(value) * 1024 % 1 == 0 for value in values)
