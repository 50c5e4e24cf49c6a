"""Doubtful labels: flipped ones come first, copies vouch for nobody, small classes are left out."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.audit.labels import doubts, gradients


@pytest.fixture(scope="module")
def blobs():
    """Four classes as clouds of points, 10 % of their labels flipped."""
    dice = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 60)
    features = dice.normal(0, 1, (240, 20)) + np.eye(4, 20)[truth] * 6
    given = truth.copy()
    wrong = dice.choice(240, 24, replace=False)
    given[wrong] = (given[wrong] + dice.integers(1, 4, 24)) % 4
    return features, truth, given, wrong


def test_flipped_labels_come_first(blobs):
    features, truth, given, wrong = blobs
    names = [f"class {label}" for label in given]
    found = doubts(features, names, range(240))
    first = np.argsort(found.margin)[:36]
    assert np.isin(wrong, first).mean() >= 0.95
    assert np.isin(np.flatnonzero(found.flags), wrong).mean() >= 0.95
    assert [found.other[row] for row in wrong] == [f"class {truth[row]}" for row in wrong]
    assert found.accuracy == pytest.approx(0.9, abs=0.03)


def test_a_copy_never_vouches_for_a_label(blobs):
    """Each wrong image stands there ten times: learnt by heart they would look right."""
    features, _, given, wrong = blobs
    rows = np.concatenate([np.arange(240), np.repeat(wrong[:5], 9)])
    names = [str(given[row]) for row in rows]
    apart = doubts(features[rows], names, range(len(rows)))
    bound = doubts(features[rows], names, rows)
    assert bound.flags[wrong[:5]].sum() > apart.flags[wrong[:5]].sum()


def test_small_classes_are_not_judged(blobs):
    features, _, given, _ = blobs
    names = [str(label) for label in given]
    names[:3] = ["rare"] * 3
    found = doubts(features, names, range(240))
    assert np.isnan(found.margin[:3]).all()
    assert not np.isnan(found.margin[3:]).any()


def test_one_class_is_not_judged():
    found = doubts(np.zeros((20, 3)), ["one"] * 20, range(20))
    assert np.isnan(found.margin).all()
    assert not found.flags.any()


def test_gradients_see_which_way_edges_run():
    upright, lying = np.zeros((2, 48, 48, 3), np.uint8)
    upright[:, ::8] = 255
    lying[::8] = 255
    one, other = gradients(np.stack([upright, lying]))
    assert one.shape == (336,)
    assert np.abs(one - other).max() > 0.5
