"""Curves over thresholds, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from tellapart.core.errors import InputError
from tellapart.metrics.calibration import expected_calibration_error
from tellapart.metrics.curves import calibration_by_chance, precision_recall, reliability, roc

SCORED = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])), min_size=2, max_size=60
).filter(lambda pairs: len({truth for truth, _ in pairs}) == 2)


@given(SCORED)
def test_roc(pairs):
    truth, score = map(list, zip(*pairs, strict=True))
    x, y, at = roc_curve(truth, score, drop_intermediate=False)
    ours = roc(truth, score)
    assert np.allclose(ours.x, x)
    assert np.allclose(ours.y, y)
    assert np.array_equal(ours.at, at)


@given(SCORED)
def test_precision_and_recall(pairs):
    truth, score = map(list, zip(*pairs, strict=True))
    precision, recall, at = precision_recall_curve(truth, score)
    ours = precision_recall(truth, score)
    assert np.allclose(ours.x[::-1], recall[:-1])
    assert np.allclose(ours.y[::-1], precision[:-1])
    assert np.array_equal(ours.at[::-1], at)


def test_one_class_has_no_curve():
    with pytest.raises(InputError, match="needs images of both classes"):
        roc([True, True], [0.1, 0.2])


def test_reliability_bins_are_those_of_the_calibration_error():
    dice = np.random.default_rng(0)
    sure = dice.random(500)
    right = dice.random(500) < sure
    found = reliability(sure, right)
    share, mean = calibration_curve(right, sure, n_bins=15)
    assert np.allclose(found.right, share)
    assert np.allclose(found.confidence, mean)
    gap = (np.abs(found.confidence - found.right) * found.n).sum() / found.n.sum()
    assert gap == pytest.approx(expected_calibration_error(sure, right))


@pytest.mark.parametrize("n", [40, 600, 20_000])
def test_the_calibration_error_by_chance_is_that_of_outcomes_drawn_as_stated(n):
    dice = np.random.default_rng(n)
    sure = dice.beta(4, 1, n)
    mean, high = calibration_by_chance(sure)
    seen = np.array([expected_calibration_error(sure, dice.random(n) < sure) for _ in range(300)])
    assert seen.mean() == pytest.approx(mean, rel=0.08)
    assert 0.88 < (seen <= high).mean() < 0.99
