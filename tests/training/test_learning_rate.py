"""The learning rate over the steps of a stage."""

from __future__ import annotations

import pytest

from tellapart.training.learning_rate import learning_rate_factor


def test_the_rate_rises_then_falls_to_nearly_nothing():
    steps = 200
    rates = [learning_rate_factor(step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == 1.0
    assert top == 20
    assert 0 < rates[0] < 0.06
    assert 0 < rates[-1] < 0.001
    middle = top + (steps - top) // 2
    assert rates[middle] == pytest.approx(0.5, abs=0.01)
    assert [0 < learning_rate_factor(0, n) <= 1 for n in (1, 2, 3)] == [True] * 3
