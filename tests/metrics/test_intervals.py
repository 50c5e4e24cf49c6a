"""Intervals against published values, scipy and what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import InputError
from tellapart.metrics.intervals import bootstrap, bootstrap_figure, proportion, safe_ratio, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0)],
)
def test_wilson_gives_published_values(successes, n, low, high):
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_is_symmetric(case):
    successes, n = case
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high
    mirrored = wilson(n - successes, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


def test_wilson_refuses_what_is_no_share(refuses):
    with refuses(InputError, "nothing to score: give at least one image"):
        wilson(0, 0)
    with refuses(InputError, "11 successes of 10: give a number from 0 to 10"):
        wilson(11, 10)


def test_bootstrap_of_a_share_is_near_wilson():
    drawn_share = np.array([1, 0]) / 1000
    assert bootstrap(lambda drawn: drawn @ drawn_share, [900, 100]) == pytest.approx(wilson(900, 1000), abs=0.004)


def test_bootstrap_is_that_of_scipy():
    dice = np.random.default_rng(3)
    heights = dice.exponential(size=60) ** 2  # skewed, so that the correction matters

    def spread(sample, axis=-1):
        return np.std(sample, axis=axis) / np.mean(sample, axis=axis)

    def counted(drawn):
        mean = drawn @ heights / len(heights)
        return np.sqrt(drawn @ heights**2 / len(heights) - mean**2) / mean

    theirs = scipy.stats.bootstrap((heights,), spread, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    plain = scipy.stats.bootstrap((heights,), spread, n_resamples=20_000, method="percentile", rng=1)
    ours = bootstrap(counted, np.ones(60, int), resamples=20_000)
    assert ours == pytest.approx(tuple(theirs), abs=0.02)
    assert ours != pytest.approx(tuple(plain.confidence_interval), abs=0.05)


def test_bootstrap_is_seeded_and_does_not_depend_on_how_it_is_cut(monkeypatch):
    def run(seed=0):
        return bootstrap(lambda drawn: drawn @ np.arange(7.0), [3, 1, 4, 1, 5, 9, 2], seed=seed)

    whole = run()
    assert run() == whole
    assert run(seed=1) != whole
    monkeypatch.setattr("tellapart.metrics.intervals._DRAWS_AT_ONCE", 50)
    assert run() == whole


def test_bootstrap_needs_an_image(refuses):
    with refuses(InputError, "nothing to score: give at least one image"):
        bootstrap(lambda drawn: drawn.sum(axis=1) * 1.0, [])


def test_a_proportion_carries_wilsons_interval():
    assert proportion(3, 4) == {"value": 0.75, "ci95": list(wilson(3, 4)), "n": 4}


def test_a_figure_whose_resamples_agree_carries_wilsons_interval():
    constant = bootstrap_figure(1.0, lambda drawn: np.ones(len(drawn)), np.array([7, 5]))
    assert constant == {"value": 1.0, "ci95": list(wilson(12, 12)), "n": 12}


def test_the_interval_of_a_figure_holds_its_value():
    figure = bootstrap_figure(0.9, lambda drawn: drawn @ np.array([1, 0]) / 20, np.array([10, 10]))
    assert figure["ci95"][0] < 0.5
    assert figure["ci95"][1] == 0.9


def test_a_ratio_by_nothing_is_0():
    assert safe_ratio(np.array([1, 2, 3]), np.array([2, 0, 3])).tolist() == [0.5, 0.0, 1.0]
