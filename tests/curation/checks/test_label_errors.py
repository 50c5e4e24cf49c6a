"""Doubtful labels: flipped ones come first, copies vouch for nobody, small classes are left out."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.curation.checks.label_errors import find_label_errors, find_tag_errors, gradients


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
    found = find_label_errors(features, names, range(240))
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
    apart = find_label_errors(features[rows], names, range(len(rows)))
    bound = find_label_errors(features[rows], names, rows)
    assert bound.flags[wrong[:5]].sum() > apart.flags[wrong[:5]].sum()


def test_small_classes_are_not_judged(blobs):
    features, _, given, _ = blobs
    names = [str(label) for label in given]
    names[:3] = ["rare"] * 3
    found = find_label_errors(features, names, range(240))
    assert np.isnan(found.margin[:3]).all()
    assert not np.isnan(found.margin[3:]).any()


def test_what_cannot_be_learnt_is_not_judged_with_confidence():
    """Noise in more dimensions than images: the logits must be divided by far more than 8."""
    features = np.random.default_rng(0).normal(size=(60, 200))
    found = find_label_errors(features, [str(row % 2) for row in range(60)], range(60))
    assert found.accuracy < 0.6
    assert np.abs(found.margin).mean() < 0.1


def test_one_class_is_not_judged():
    found = find_label_errors(np.zeros((20, 3)), ["one"] * 20, range(20))
    assert np.isnan(found.margin).all()
    assert not found.flags.any()


@pytest.fixture(scope="module")
def tagged():
    """400 points, each with some of four tags that move it; 5 % of the tags are turned into the contrary."""
    dice = np.random.default_rng(0)
    truth = dice.random((400, 4)) < (0.5, 0.3, 0.15, 0.08)
    features = dice.normal(0, 1, (400, 20)) + truth @ np.eye(4, 20) * 6
    wrong = dice.random(truth.shape) < 0.05
    return features, truth ^ wrong, wrong


def test_tags_that_were_turned_are_flagged_each_alone(tagged):
    features, given, wrong = tagged
    found = find_tag_errors(features, given, range(400))
    assert wrong[found.flags].mean() >= 0.9
    assert found.flags[wrong].mean() >= 0.7
    assert (found.discrimination > 0.5).all()


def test_tags_that_nothing_shows_are_not_called_wrong(tagged):
    _, given, _ = tagged
    found = find_tag_errors(np.random.default_rng(1).normal(size=(400, 20)), given, range(400))
    assert not found.flags.any()
    assert (found.discrimination < 0.1).all()


def test_tags_of_few_images_and_of_nearly_all_are_not_judged(tagged):
    features, given, _ = tagged
    given = given.copy()
    given[:, 2:] = False
    given[:4, 2], given[4:, 3] = True, True
    found = find_tag_errors(features, given, range(400))
    assert np.isnan(found.doubt).all(axis=0).tolist() == [False, False, True, True]
    assert np.isnan(found.discrimination).tolist() == [False, False, True, True]
    none = find_tag_errors(features, given[:, 2:], range(400))
    assert np.isnan(none.doubt).all()
    assert not none.flags.any()


def test_gradients_see_which_way_edges_run():
    upright, lying = np.zeros((2, 48, 48, 3), np.uint8)
    upright[:, ::8] = 255
    lying[::8] = 255
    one, other = gradients(np.stack([upright, lying]))
    assert one.shape == (336,)
    assert np.abs(one - other).max() > 0.5


def test_gradients_are_the_histograms_that_their_source_describes():
    thumb = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    grey = thumb.astype(np.float32).mean(axis=2) / 255  # a slope of just 45 degrees falls as it does in float32
    boxes = np.zeros((8, 6, 6))
    for y in range(48):
        for x in range(48):
            down = grey[y + 1, x] - grey[y - 1, x] if 0 < y < 47 else np.float32(0)
            right = grey[y, x + 1] - grey[y, x - 1] if 0 < x < 47 else np.float32(0)
            boxes[min(int(np.arctan2(down, right) % np.pi / np.pi * 8), 7), y // 8, x // 8] += np.hypot(down, right)
    boxes /= np.linalg.norm(boxes, axis=0) + 0.1
    colours = [
        thumb[y : y + 12, x : x + 12].mean(axis=(0, 1)) / 255 for y in range(0, 48, 12) for x in range(0, 48, 12)
    ]
    found = gradients(np.stack([np.zeros_like(thumb), thumb]))[1]
    np.testing.assert_allclose(found, np.concatenate([boxes.ravel(), np.ravel(colours)]), atol=1e-5)


def test_an_edge_has_the_same_direction_from_either_side():
    step = np.zeros((48, 48, 3), np.uint8)
    step[:, 21:] = 200
    one, other = gradients(np.stack([step, 200 - step]))[:, : 8 * 36]
    np.testing.assert_array_equal(one, other)
    assert one[:36].any()
    assert not one[36:].any()
