"""Paired tests against SciPy and plain counting; intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from tellapart.core.errors import InputError
from tellapart.metrics.paired import accuracy_difference, holm, macro_f1_difference, mcnemar_exact


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 9), (9, 1), (5, 5), (0, 6), (40, 61), (3000, 3200)])
def test_mcnemar_is_the_exact_binomial_test(first, second):
    expected = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar_exact(first, second) == pytest.approx(expected, rel=1e-9)


def test_negative_counts_are_refused():
    with pytest.raises(InputError, match="give numbers from 0 on"):
        mcnemar_exact(-1, 2)


def right(n, share, seed):
    return np.random.default_rng(seed).random(n) < share


def test_the_difference_is_that_of_the_accuracies_and_its_interval_is_paired():
    first = right(400, 0.8, 0)
    second = first ^ (np.random.default_rng(1).random(400) < 0.02)  # they differ in few images
    figure = accuracy_difference(first, second)
    assert figure["value"] == pytest.approx(second.mean() - first.mean())
    assert figure["n"] == 400
    low, high = figure["ci95"]
    assert low <= figure["value"] <= high
    assert high - low < 0.04  # two intervals of .08 each, if they were not paired
    turned = accuracy_difference(second, first)
    assert turned["value"] == -figure["value"]


def test_the_interval_holds_no_difference_about_as_often_as_it_says():
    held = 0
    for seed in range(100):
        low, high = accuracy_difference(right(150, 0.8, seed), right(150, 0.8, 1000 + seed))["ci95"]
        held += low <= 0 <= high
    assert 88 <= held <= 100


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_models_that_never_differ_may_still_differ(share):
    same = right(50, share, 0)
    low, high = accuracy_difference(same, same)["ci95"]
    assert low == -high
    assert 0.05 < high < 0.1


def test_the_difference_of_macro_f1_is_scikit_learns():
    dice = np.random.default_rng(0)
    truth = dice.integers(0, 4, 200)
    first, second = (np.where(dice.random(200) < p, truth, dice.integers(0, 5, 200)) for p in (0.6, 0.8))
    figure = macro_f1_difference(truth, first, second, 5)
    expected = [f1_score(truth, each, average="macro", zero_division=0) for each in (first, second)]
    assert figure["value"] == pytest.approx(expected[1] - expected[0])
    low, high = figure["ci95"]
    assert 0 < low < figure["value"] < high


def test_lists_of_other_lengths_and_empty_ones_are_refused():
    with pytest.raises(InputError):
        accuracy_difference([True], [True, False])
    with pytest.raises(InputError):
        accuracy_difference([], [])
    with pytest.raises(InputError):
        macro_f1_difference([], [], [], 2)


def test_holm_raises_and_keeps_the_order():
    raised = holm([0.001, 0.5, 0.02, 0.9])
    assert raised == pytest.approx([0.004, 1.0, 0.06, 1.0])
    assert holm([]) == []
