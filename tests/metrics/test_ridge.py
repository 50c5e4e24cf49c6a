"""Ridge regression and Platt's probabilities beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from tellapart.metrics.ridge import fit_platt, fit_ridge_path


@pytest.mark.parametrize("shrink", [0.0, 0.3, 0.9])
def test_the_slopes_are_those_of_scikit_learn(shrink):
    dice = np.random.default_rng(0)
    features = dice.normal(size=(80, 6)) @ dice.normal(size=(6, 6)) + 3
    targets = (features @ dice.normal(size=(6, 3)) + dice.normal(size=(80, 3)) > 3).astype(float)
    ((slopes, offsets),) = fit_ridge_path(features, targets, shrinks=[shrink])
    ball = shrink * features.var(axis=0).mean() + 1e-6
    reference = Ridge(alpha=80 * ball / (1 - shrink)).fit(features, targets)
    middle = features.mean(axis=0)
    assert pytest.approx(reference.coef_ / (1 - shrink), rel=1e-6) == slopes.T
    assert middle @ slopes + offsets == pytest.approx(targets.mean(axis=0))


def by_hand(scores, truth):
    """The maximum of the likelihood of softened targets, by another method."""
    target = np.where(truth, (truth.sum() + 1) / (truth.sum() + 2), 1 / ((~truth).sum() + 2))

    def loss(weights):
        logits = weights[0] * scores + weights[1]
        return np.mean(np.logaddexp(0, logits) - target * logits)

    return minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.parametrize(("slope", "offset"), [(2.0, -1.0), (0.5, 2.0), (8.0, 0.0)])
def test_logits_are_of_the_greatest_likelihood(slope, offset):
    dice = np.random.default_rng(1)
    scores = dice.normal(size=300)
    truth = dice.random(300) < 1 / (1 + np.exp(-slope * scores - offset))
    assert fit_platt(scores, truth) == pytest.approx(by_hand(scores, truth), abs=1e-4)


def test_scores_that_part_all_images_are_not_certain():
    scores = np.linspace(-1, 1, 20)
    slope, offset = fit_platt(scores, scores > 0)
    chance = 1 / (1 + np.exp(-slope - offset))
    assert 0.8 < chance < 0.999


@pytest.mark.parametrize("truth", [np.zeros(10, bool), np.ones(10, bool)])
def test_a_label_that_none_or_all_have_says_so_and_no_more(truth):
    slope, offset = fit_platt(np.linspace(-1, 1, 10), truth)
    assert slope == pytest.approx(0.0, abs=1e-6)
    assert (offset > 2) == truth.all()
    assert (offset < -2) == (not truth.any())


def test_a_score_that_misleads_counts_nothing():
    scores = np.linspace(-1, 1, 100)
    slope, offset = fit_platt(scores, scores < 0)
    assert slope == 0.0
    assert abs(offset) < 0.2


def test_equal_scores_say_nothing():
    slope, offset = fit_platt(np.full(8, 3.0), np.array([True] * 2 + [False] * 6))
    assert np.isfinite([slope, offset]).all()
    assert 1 / (1 + np.exp(-3 * slope - offset)) == pytest.approx(0.28, abs=0.05)
