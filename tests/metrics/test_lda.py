"""Linear discriminant analysis against scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tellapart.metrics import lda


def test_the_closed_form_is_scikit_learns():
    dice = np.random.default_rng(0)
    target = np.repeat(np.arange(4), 30)
    features = dice.normal(0, 1, (120, 12)) + np.eye(4, 12)[target] * 3
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(features, target)
    slopes, offsets = lda.fit_lda(features, target, 4, shrink=0.3)
    chance = lda.softmax(features @ slopes + offsets)
    np.testing.assert_allclose(chance, reference.predict_proba(features), atol=2e-2)
    assert (chance.argmax(axis=1) == reference.predict(features)).all()


def test_a_class_without_an_example_is_never_answered():
    features = np.random.default_rng(0).normal(0, 1, (20, 3))
    slopes, offsets = lda.fit_lda(features, np.arange(20) % 2, 3, shrink=0.5)
    assert not ((features @ slopes + offsets).argmax(axis=1) == 2).any()
    np.testing.assert_allclose(lda.softmax(features @ slopes + offsets).sum(axis=1), 1)


def test_several_shrinkages_are_those_of_one_after_the_other():
    dice = np.random.default_rng(1)
    features, target = dice.normal(0, 1, (40, 5)), np.arange(40) % 3
    for shrink, (slopes, offsets) in zip(
        (0.1, 0.9), lda.fit_lda_path(features, target, 3, shrinks=(0.1, 0.9)), strict=True
    ):
        one_slopes, one_offsets = lda.fit_lda(features, target, 3, shrink=shrink)
        np.testing.assert_array_equal(slopes, one_slopes)
        np.testing.assert_array_equal(offsets, one_offsets)


def test_even_classes_forget_how_often_each_occurs():
    features = np.concatenate([np.full((30, 1), -1.0), np.full((10, 1), 1.0)]) + np.tile([[-0.5], [0.5]], (20, 1))
    target = np.repeat([0, 1], [30, 10])
    for even, chance in ((False, 0.75), (True, 0.5)):
        slopes, offsets = lda.fit_lda(features, target, 2, shrink=0.0, even=even)
        middle = lda.softmax(np.zeros((1, 1)) @ slopes + offsets)  # as far from one mean as from the other
        np.testing.assert_allclose(middle, [[chance, 1 - chance]], atol=1e-6)
