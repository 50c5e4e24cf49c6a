"""Scores of a classifier against scikit-learn and plain arithmetic."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tellapart.core.errors import InputError
from tellapart.metrics.classification import accuracy, classification_scores, confusion
from tellapart.metrics.intervals import wilson

LABELS = ["ant", "bee", "cat", "dog", "eel"]


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def contains(figure):
    low, high = figure["ci95"]
    return low <= figure["value"] <= high


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
def test_lists_of_classes_must_match(score, refuses):
    with refuses(InputError, "3 true answers but 2 predictions: give one of each an image, in the same order"):
        score([0, 1, 2], [0, 1])
    with refuses(InputError, "nothing to score: give at least one image"):
        score([], [])


def test_confusion_refuses_what_is_no_class(refuses):
    with refuses(InputError, "predicted holds class numbers outside 0..2: -1, 3; give numbers of the 3 classes"):
        confusion([0, 1, 2], [3, -1, 3], 3)
    with refuses(InputError, "truth holds float64 values: give class numbers, integers from 0"):
        confusion([0.5], [0], 3)
    with refuses(InputError, "predicted has the shape (1, 2): give one value an image, shape (n,)"):
        confusion([0], [[0.1, 0.9]], 2)


def test_a_label_named_twice_is_refused(refuses):
    with refuses(InputError, "labels named more than once: a; give every class its own name"):
        classification_scores([0], [0], ["a", "b", "a"])
