"""Metrics against scikit-learn, jiwer and plain arithmetic; intervals against what they promise."""

from __future__ import annotations

import json
import re

import jiwer
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tellapart.core.errors import InputError
from tellapart.metrics.calibration import expected_calibration_error
from tellapart.metrics.classification import accuracy, classification_scores, confusion
from tellapart.metrics.intervals import bootstrap, wilson
from tellapart.metrics.text import edit_distance, reading_scores

LABELS = ["ant", "bee", "cat", "dog", "eel"]
answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)
words = st.text("abAß é日", max_size=6)


def contains(figure):
    low, high = figure["ci95"]
    return low <= figure["value"] <= high


def refuses(text):
    return pytest.raises(InputError, match=f"^{re.escape(text)}$")


# --- intervals


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


def test_wilson_refuses_what_is_no_share():
    with refuses("nothing to score: give at least one image"):
        wilson(0, 0)
    with refuses("11 successes of 10: give a number from 0 to 10"):
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
    monkeypatch.setattr("tellapart.metrics.scores._DRAWS_AT_ONCE", 50)
    assert run() == whole


def test_bootstrap_needs_an_image():
    with refuses("nothing to score: give at least one image"):
        bootstrap(lambda drawn: drawn.sum(axis=1) * 1.0, [])


# --- classes


@settings(deadline=None, max_examples=60)
@given(answers)
def test_classification_agrees_with_scikit_learn(pairs):
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    scores = classification_scores(np.array(truth), np.array(predicted), LABELS)
    assert scores["accuracy"]["value"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    for average in ("macro", "micro"):
        theirs = sklearn_metrics.f1_score(truth, predicted, average=average, zero_division=0)
        assert scores[f"{average}_f1"]["value"] == pytest.approx(theirs)
    theirs = sklearn_metrics.precision_recall_fscore_support(truth, predicted, labels=range(5), zero_division=0)
    for label, *row in zip(LABELS, *theirs, strict=True):
        assert list(scores["per_class"][label].values()) == pytest.approx([float(value) for value in row])
    assert scores["confusion"]["labels"] == LABELS
    assert scores["confusion"]["counts"] == sklearn_metrics.confusion_matrix(truth, predicted, labels=range(5)).tolist()
    assert all(contains(scores[name]) for name in ("accuracy", "macro_f1", "micro_f1"))


def test_macro_f1_leaves_out_a_class_that_never_occurs_and_counts_one_only_predicted():
    assert classification_scores([0, 1], [0, 1], LABELS)["macro_f1"]["value"] == 1
    scores = classification_scores([0, 0], [0, 2], LABELS)  # F1: ant 2/3, cat 0
    assert scores["macro_f1"]["value"] == pytest.approx(1 / 3)
    assert scores["per_class"]["dog"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_macro_f1_interval_is_what_resampling_the_images_gives():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 5, 300)
    # Unbalanced and lopsided, so that precision and recall differ.
    truth = np.where(generator.random(300) < 0.6, 0, truth)
    predicted = np.where(generator.random(300) < 0.4, generator.integers(3, 5, 300), truth)
    resampled = []
    for _ in range(400):
        chosen = generator.integers(0, 300, 300)
        resampled.append(sklearn_metrics.f1_score(truth[chosen], predicted[chosen], average="macro"))
    ours = classification_scores(truth, predicted, LABELS)["macro_f1"]
    assert ours["ci95"] == pytest.approx(np.quantile(resampled, [0.025, 0.975]).tolist(), abs=0.015)
    assert ours["n"] == 300


def test_a_perfect_score_is_not_certain():
    scores = classification_scores([0, 1, 2] * 10, [0, 1, 2] * 10, LABELS)
    assert scores["macro_f1"] == {"value": 1.0, "ci95": list(wilson(30, 30)), "n": 30}


def test_one_image():
    right, wrong = (classification_scores([1], [predicted], LABELS) for predicted in (1, 2))
    for name in ("accuracy", "macro_f1", "micro_f1"):
        assert right[name] == {"value": 1.0, "ci95": list(wilson(1, 1)), "n": 1}
        assert wrong[name] == {"value": 0.0, "ci95": list(wilson(0, 1)), "n": 1}


def test_scores_are_plain_json():
    scores = classification_scores(np.array([0, 1]), np.array([0, 0]), ["a", "b"])
    assert json.loads(json.dumps(scores)) == scores


def test_accuracy_takes_words_and_arrays():
    assert accuracy(["a", "b"], ["a", "c"]) == {"value": 0.5, "ci95": list(wilson(1, 2)), "n": 2}
    assert accuracy(np.array([1, 2]), [1, 2])["value"] == 1


@pytest.mark.parametrize(
    "score", [accuracy, lambda t, p: confusion(t, p, 3), lambda t, p: classification_scores(t, p, LABELS)]
)
def test_lists_of_classes_must_match(score):
    with refuses("3 true answers but 2 predictions: give one of each an image, in the same order"):
        score([0, 1, 2], [0, 1])
    with refuses("nothing to score: give at least one image"):
        score([], [])


def test_confusion_refuses_what_is_no_class():
    with refuses("predicted holds class numbers outside 0..2: -1, 3; give numbers of the 3 classes"):
        confusion([0, 1, 2], [3, -1, 3], 3)
    with refuses("truth holds float64 values: give class numbers, integers from 0"):
        confusion([0.5], [0], 3)
    with refuses("predicted has the shape (1, 2): give one value an image, shape (n,)"):
        confusion([0], [[0.1, 0.9]], 2)


def test_a_label_named_twice_is_refused():
    with refuses("labels named more than once: a; give every class its own name"):
        classification_scores([0], [0], ["a", "b", "a"])


# --- texts


def plain_distance(a, b):
    """Levenshtein's recursion, word for word."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        plain_distance(a[1:], b) + 1,
        plain_distance(a, b[1:]) + 1,
        plain_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )


@settings(deadline=None)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_edit_distance_is_levenshtein(a, b):
    assert edit_distance(a, b) == plain_distance(a, b)
    assert edit_distance(a, b) == edit_distance(b, a)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text("abcAé日", min_size=1, max_size=6), words), min_size=1, max_size=20))
def test_cer_agrees_with_jiwer(pairs):
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    as_given = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])  # jiwer's own default strips spaces
    theirs = jiwer.cer(truth, predicted, reference_transform=as_given, hypothesis_transform=as_given)
    scores = reading_scores(truth, predicted)
    assert scores["cer"]["value"] == pytest.approx(theirs)
    assert scores["exact_match"]["value"] == pytest.approx(np.mean([t == p for t, p in pairs]))
    assert scores["exact_match_folded"]["value"] >= scores["exact_match"]["value"]
    assert all(contains(figure) and figure["n"] == len(pairs) for figure in scores.values())
    assert json.loads(json.dumps(scores)) == scores


def test_case_is_ignored_by_casefold_only_where_said():
    scores = reading_scores(["Straße", "AB"], ["STRASSE", "ab"])
    assert scores["exact_match"]["value"] == 0
    assert scores["exact_match_folded"]["value"] == 1
    assert scores["cer"]["value"] == pytest.approx((6 + 2) / 8)


def test_code_points_are_compared_as_given():
    assert reading_scores(["\u00e9"], ["e\u0301"])["exact_match"]["value"] == 0
    assert edit_distance("\u00e9", "e\u0301") == 2


@pytest.mark.parametrize(
    ("truth", "predicted", "cer"),
    [
        (["", "ab"], ["xyz", "ab"], 1.5),  # three inserted characters over two
        (["", ""], ["", ""], 0.0),
        (["", ""], ["", "xyz"], 1.0),
        (["ab"], [""], 1.0),
    ],
)
def test_empty_texts_have_a_defined_cer(truth, predicted, cer):
    figure = reading_scores(truth, predicted)["cer"]
    assert figure["value"] == cer
    assert contains(figure)


def test_cer_interval_is_what_resampling_the_images_gives():
    generator = np.random.default_rng(5)
    truth = ["".join(generator.choice(list("abcd"), generator.integers(1, 8))) for _ in range(200)]
    predicted = [text if generator.random() < 0.6 else text[1:] + "a" for text in truth]
    edits = np.array([plain_distance(*pair) for pair in zip(truth, predicted, strict=True)])
    lengths = np.array([len(text) for text in truth])
    chosen = generator.integers(0, 200, (2000, 200))
    expected = np.quantile(edits[chosen].sum(axis=1) / lengths[chosen].sum(axis=1), [0.025, 0.975])
    assert reading_scores(truth, predicted)["cer"]["ci95"] == pytest.approx(expected.tolist(), abs=0.01)


def test_a_perfect_reading_is_not_certain():
    figure = reading_scores(["abc"] * 20, ["abc"] * 20)["cer"]
    assert figure == {"value": 0.0, "ci95": list(wilson(0, 20)), "n": 20}
    assert reading_scores(["a"], ["bcd"])["cer"] == {"value": 3.0, "ci95": [wilson(1, 1)[0], 3.0], "n": 1}


def test_lists_of_texts_must_match():
    with refuses("2 true answers but 1 predictions: give one of each an image, in the same order"):
        reading_scores(["a", "b"], ["a"])
    with refuses("nothing to score: give at least one image"):
        reading_scores([], [])


# --- calibration


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


def test_calibration_error_refuses_what_it_cannot_bin():
    with refuses("2 confidences but 1 outcomes: give one of each an image, in the same order"):
        expected_calibration_error([0.1, 0.2], [True])
    with refuses("nothing to score: give at least one image"):
        expected_calibration_error([], [])
    with refuses("confidences outside 0..1: 1.5, nan; give probabilities"):
        expected_calibration_error([1.5, float("nan"), 0.5], [1, 1, 1])
    with refuses("outcomes that are neither true nor false: 2; give booleans"):
        expected_calibration_error([0.5], [2])
    with refuses("0 bins: give at least one"):
        expected_calibration_error([0.5], [True], bins=0)
