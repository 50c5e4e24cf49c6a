"""Temperature, threshold, level of doubt and calibration error, against minimisers, brute force, scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from tellapart.core.errors import ConfigError, InputError
from tellapart.metrics.calibration import (
    NEVER,
    abstain_level,
    expected_calibration_error,
    parse_threshold_goal,
    temperature,
    threshold,
)


def answers(seed, n=60, classes=4, sure=3.0):
    """Logits that are right about two times of three, and their targets."""
    dice = np.random.default_rng(seed)
    target = dice.integers(0, classes, n)
    logits = dice.normal(0, 1, (n, classes)) + sure * np.eye(classes)[target] * (dice.random((n, 1)) < 0.66)
    return logits, target


# --- temperature -------------------------------------------------------------------------------------


def softened(logits, target, t):
    """The loss of `temperature` by torch: cross entropy with Platt's share spread over all classes."""
    share = 1 / (len(logits) + 2)
    scaled = torch.from_numpy(logits) / t
    return F.cross_entropy(scaled, torch.from_numpy(target), label_smoothing=share)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sure", [0.5, 3.0, 30.0])
def test_the_temperature_is_what_other_minimisers_find(seed, sure):
    logits, target = answers(seed, sure=sure)
    scipys = minimize_scalar(
        lambda log_t: float(softened(logits, target, np.exp(log_t))), bounds=(-4.6, 6.9), method="bounded",
        options={"xatol": 1e-7},
    )  # fmt: skip
    inverse = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    steps = torch.optim.LBFGS([inverse], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        steps.zero_grad()
        loss = softened(logits, target, 1 / inverse)
        loss.backward()
        return loss

    steps.step(closure)
    ours = temperature(logits, target)
    assert ours == pytest.approx(np.exp(scipys.x), rel=1e-3)
    assert ours == pytest.approx(1 / float(inverse.detach()), rel=1e-3)


@given(st.integers(0, 10**6), st.floats(0.05, 20), st.floats(-50, 50))
def test_scaled_logits_have_a_scaled_temperature_and_a_shift_changes_nothing(seed, factor, shift):
    logits, target = answers(seed, n=40)
    alone = temperature(logits, target)
    assume(0.2 < alone < 50)  # well inside of what is searched, also when scaled
    assert temperature(logits * factor + shift, target) / factor == pytest.approx(alone, rel=1e-3)


@pytest.mark.parametrize("n", [5, 20, 200])
def test_all_right_is_no_certainty(n):
    target = np.arange(n) % 3
    logits = 2.0 * np.eye(3)[target]
    raised = np.exp(logits / temperature(logits, target))
    chance = (raised / raised.sum(axis=1, keepdims=True)).max(axis=1)
    # What the softened targets say themselves: the rule of succession, a third of the share falling back on the class.
    np.testing.assert_allclose(chance, 1 - 2 / 3 / (n + 2), atol=1e-4)
    assert chance.max() < 1


def test_answers_that_are_no_better_than_dice_are_hardly_sure():
    dice = np.random.default_rng(0)
    logits, target = dice.normal(0, 10, (4000, 3)), dice.integers(0, 3, 4000)
    raised = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature(logits, target))
    assert (raised / raised.sum(axis=1, keepdims=True)).max(axis=1).mean() < 0.4


@given(st.integers(0, 10**6))
def test_no_other_temperature_fits_better(seed):
    logits, target = answers(seed, n=30)
    found = temperature(logits, target)
    best = float(softened(logits, target, found))
    for other in (0.01, found * 0.9, found * 1.1, 1.0, 1000.0):
        assert best <= float(softened(logits, target, other)) + 1e-8


# --- threshold ---------------------------------------------------------------------------------------

# On a coarse grid, so that scores are tied; both classes or one only.
scored = st.lists(st.tuples(st.integers(0, 12).map(lambda n: n / 12), st.booleans()), min_size=1, max_size=25).filter(
    lambda pairs: any(truth for _, truth in pairs)
)


def judged(pairs, at):
    """Precision, recall and F1 of calling positive what scores ``at`` or more."""
    called = [truth for score, truth in pairs if score >= at]
    hits, positive = sum(called), sum(truth for _, truth in pairs)
    precision = hits / len(called) if called else 1.0
    return precision, hits / positive, 2 * hits / (len(called) + positive)


def every(pairs):
    """Each threshold that parts the scores in another way, from the lowest."""
    return sorted({score for score, _ in pairs})


@given(scored)
def test_no_threshold_has_a_better_f1(pairs):
    scores, truth = zip(*pairs, strict=True)
    at = threshold(scores, truth, "f1")
    best = max(judged(pairs, each)[2] for each in every(pairs))
    assert judged(pairs, at)[2] == pytest.approx(best)
    precision, recall, _ = precision_recall_curve(truth, scores)
    both = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    assert judged(pairs, at)[2] == pytest.approx(both.max())


@given(scored, st.integers(1, 20).map(lambda n: n / 20))
def test_a_precision_is_met_by_the_lowest_threshold_that_meets_it(pairs, wanted):
    scores, truth = zip(*pairs, strict=True)
    at = threshold(scores, truth, f"precision:{wanted}")
    enough = [each for each in every(pairs) if judged(pairs, each)[0] >= wanted]
    if enough:
        assert judged(pairs, at)[0] >= wanted
        assert judged(pairs, at)[1] == judged(pairs, enough[0])[1]
    else:
        assert judged(pairs, at)[0] == max(judged(pairs, each)[0] for each in every(pairs))


@given(scored, st.integers(1, 20).map(lambda n: n / 20))
def test_a_recall_is_met_by_the_highest_threshold_that_meets_it(pairs, wanted):
    scores, truth = zip(*pairs, strict=True)
    at = threshold(scores, truth, f"recall:{wanted}")
    assert judged(pairs, at)[1] >= wanted
    higher = [each for each in every(pairs) if each > at]
    if len(higher) > 1:  # the first of them is where this threshold parts; the next would find too few
        assert judged(pairs, higher[1])[1] < wanted


@given(scored, st.sampled_from(["f1", "precision:0.8", "recall:0.8"]))
def test_a_threshold_stands_between_scores(pairs, aim):
    scores, truth = zip(*pairs, strict=True)
    at = threshold(scores, truth, aim)
    assert 0 <= at <= 1
    above, below = [s for s in scores if s >= at], [s for s in scores if s < at]
    assert at == pytest.approx((min(above) + max(below, default=0.0)) / 2)


def test_tied_scores_are_not_parted():
    assert threshold([0.5, 0.5, 0.5, 0.2], [True, False, True, False], "precision:1") == 0.35
    assert threshold([0.5, 0.5, 0.9], [True, False, True], "precision:1") == 0.7


# --- the level of doubt ------------------------------------------------------------------------------


@given(scored, st.integers(1, 20).map(lambda n: n / 20))
def test_what_is_sure_is_right_so_often_or_nothing_is_sure(pairs, wanted):
    confidence, right = zip(*pairs, strict=True)
    level = abstain_level(confidence, right, wanted)
    kept = [each for each in every(pairs) if judged(pairs, each)[0] >= wanted]
    answered = [truth for score, truth in pairs if score >= level]
    if kept:
        assert len(answered) == sum(score >= kept[0] for score, _ in pairs)
        assert sum(answered) / len(answered) >= wanted
    else:
        assert (level, answered) == (NEVER, [])


def test_where_nothing_is_right_even_certainty_is_not_sure():
    assert abstain_level([1.0, 0.9], [False, False], 0.5) == NEVER
    assert abstain_level([1.0, 0.9], [False, True], 0.9) == NEVER
    assert abstain_level([1.0, 0.9], [True, True], 0.9) < 0.9


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("f1", ("f1", 0.0)),
        ("precision:0.95", ("precision", 0.95)),
        ("precision:.5", ("precision", 0.5)),
        ("recall:1", ("recall", 1.0)),
        ("recall:1.00", ("recall", 1.0)),
    ],
)
def test_an_aim_is_read(text, aim):
    assert parse_threshold_goal(text) == aim


@pytest.mark.parametrize(
    "text", ["F1", "f1:0.5", "precision", "precision:", "precision:0", "precision:0.0", "recall:1.01", "recall:-0.5",
             "recall:50%", "recall:nan", "accuracy:0.9", "precision:0.9 ", "", "precision:0.9\n"]
)  # fmt: skip
def test_another_aim_is_refused(text, refuses):
    words = f"threshold {text!r}: give f1, precision:P or recall:R with a share such as precision:0.95"
    with refuses(ConfigError, words):
        parse_threshold_goal(text)
    with refuses(ConfigError, words):
        threshold([0.5], [True], text)


@pytest.mark.parametrize("aim", ["f1", "precision:0.9", "recall:0.9"])
def test_without_a_positive_image_there_is_nothing_to_choose(aim, refuses):
    with refuses(ConfigError, f"threshold {aim!r}: the validation part holds no positive image to choose it on"):
        threshold([0.5, 0.7], [False, False], aim)


# --- the expected calibration error


def plain_calibration_error(confidence, correct, bins):
    """Guo et al., equations 2 and 3, bin by bin."""
    total = 0.0
    for m in range(1, bins + 1):
        inside = [i for i, c in enumerate(confidence) if (m - 1) / bins < c <= m / bins or (m == 1 and c == 0)]
        if inside:
            acc = sum(correct[i] for i in inside) / len(inside)
            conf = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(acc - conf)
    return total


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.integers(1, 20))
def test_calibration_error_follows_the_paper(pairs, bins):
    confidence, correct = (list(side) for side in zip(*pairs, strict=True))
    ours = expected_calibration_error(confidence, correct, bins)
    assert ours == pytest.approx(plain_calibration_error(confidence, correct, bins), abs=1e-12)


def test_calibration_error_of_the_extremes():
    assert expected_calibration_error([1.0, 1.0], [True, True]) == 0
    assert expected_calibration_error([1.0, 0.0], [False, True]) == 1
    assert expected_calibration_error(np.float32([0.5]), [1]) == 0.5


def test_calibration_error_refuses_what_it_cannot_bin(refuses):
    with refuses(InputError, "2 confidences but 1 outcomes: give one of each an image, in the same order"):
        expected_calibration_error([0.1, 0.2], [True])
    with refuses(InputError, "nothing to score: give at least one image"):
        expected_calibration_error([], [])
    with refuses(InputError, "confidences outside 0..1: 1.5, nan; give probabilities"):
        expected_calibration_error([1.5, float("nan"), 0.5], [1, 1, 1])
    with refuses(InputError, "outcomes that are neither true nor false: 2; give booleans"):
        expected_calibration_error([0.5], [2])
    with refuses(InputError, "0 bins: give at least one"):
        expected_calibration_error([0.5], [True], bins=0)
