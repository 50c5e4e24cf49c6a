"""Two-sample tests against scipy and the textbook; p is even where nothing has changed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tellapart.metrics.two_sample import energy_test, holm, kolmogorov_smirnov, outlier_test, total_variation_test


@pytest.mark.parametrize(("n", "m", "shift"), [(500, 200, 0.0), (500, 200, 0.3), (60, 40, 0.5), (30, 30, 2.0)])
def test_kolmogorov_and_smirnov(n, m, shift):
    dice = np.random.default_rng(n + m)
    one, other = dice.normal(size=n), dice.normal(size=m) + shift
    theirs = stats.ks_2samp(one, other, method="exact")
    distance, p = kolmogorov_smirnov(one, other)
    assert distance == pytest.approx(theirs.statistic)
    assert p == pytest.approx(theirs.pvalue, rel=0.25, abs=0.02)


def test_the_energy_distance_is_the_textbooks():
    dice = np.random.default_rng(0)
    one, other = dice.normal(size=(40, 3)), dice.normal(size=(30, 3)) + 0.2

    def mean(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2).mean()

    assert energy_test(one, other)[0] == pytest.approx(2 * mean(one, other) - mean(one, one) - mean(other, other))


@pytest.mark.parametrize("test", [kolmogorov_smirnov, energy_test, total_variation_test])
def test_without_a_change_p_is_even(test):
    low = 0
    for seed in range(60):
        dice = np.random.default_rng(seed)
        if test is total_variation_test:
            sides = [dice.choice(list("abc"), size, p=[0.6, 0.3, 0.1]).tolist() for size in (120, 60)]
        elif test is energy_test:
            sides = [dice.normal(size=(size, 4)) for size in (120, 60)]
        else:
            sides = [dice.normal(size=size) for size in (120, 60)]
        low += test(*sides)[1] <= 0.2
    assert 3 <= low <= 22  # 12 are expected


def test_holm():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_total_variation_is_half_the_difference_of_the_shares():
    distance, p = total_variation_test(["a"] * 6 + ["b"] * 4, ["a"] * 3 + ["c"] * 7)
    assert distance == pytest.approx((0.3 + 0.4 + 0.7) / 2)
    assert p < 0.05


def test_an_outlier_is_far_from_all_that_is_known():
    dice = np.random.default_rng(1)
    known, window = dice.normal(size=(200, 3)), dice.normal(size=(100, 3))
    assert outlier_test(known, window)[1] > 0.05
    window[:10] += 9
    excess, p = outlier_test(known, window)
    assert p < 0.005
    assert excess > 0.3
    assert outlier_test(known, window) == (excess, p)
