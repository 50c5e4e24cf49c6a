"""The report of classes is scikit-learn's, number for number and word for word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from tellapart.metrics.class_report import class_means, occurring, report_rows, report_text
from tellapart.metrics.classification import classification_scores

LABELS = ["ant", "bee", "cat with a long name", "dog", "eel"]
answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def expected(truth, predicted, **options):
    """scikit-learn's report of the classes that occur, its micro average always."""
    return classification_report(
        [LABELS[number] for number in truth], [LABELS[number] for number in predicted], zero_division=0, **options
    )


@given(answers)
def test_the_figures_are_scikit_learns(pairs):
    truth, predicted = map(np.array, zip(*pairs, strict=True))
    scores = classification_scores(truth, predicted, LABELS)
    reference = expected(truth, predicted, output_dict=True)
    rows = dict(report_rows(scores["per_class"], scores["confusion"]))
    names = [name for name in reference if name != "accuracy"]
    assert set(rows) == {*names, "micro avg"}
    for name in names:
        for ours, theirs in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1-score"),
            ("support", "support"),
        ):
            assert rows[name][ours] == pytest.approx(reference[name][theirs])
    micro = rows["micro avg"]
    assert micro["precision"] == micro["recall"] == micro["f1"] == pytest.approx(reference["accuracy"])
    assert micro["support"] == len(pairs)


def test_the_text_is_scikit_learns():
    truth, predicted = [0, 0, 2, 3, 3, 3], [0, 2, 2, 3, 0, 3]
    scores = classification_scores(truth, predicted, LABELS)
    ours = report_text(scores["per_class"], scores["confusion"]).splitlines()
    theirs = expected(truth, predicted, digits=4).splitlines()
    assert [line for line in ours if "micro" not in line] == [line for line in theirs if "accuracy" not in line]


def test_only_classes_that_occur_count():
    scores = classification_scores([0, 0, 1], [0, 3, 1], LABELS)
    assert occurring(scores["confusion"]) == ["ant", "bee", "dog"]
    assert class_means(scores["confusion"]["counts"])["macro"]["recall"] == pytest.approx((0.5 + 1 + 0) / 3)


def test_nothing_at_all_is_zero():
    means = class_means(np.zeros((2, 2), int))
    assert means["weighted"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
