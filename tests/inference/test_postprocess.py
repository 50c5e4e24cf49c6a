"""From probabilities to answers: the likeliest class, the threshold of two classes, the level to abstain below."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.inference.charset import Charset
from tellapart.inference.ctc import Reading
from tellapart.inference.manifest import (
    AbstainLevel,
    BundleManifest,
    Calibration,
    DecisionThreshold,
    TagThresholds,
    TrainingData,
)
from tellapart.inference.postprocess import label_predictions, tag_predictions, text_predictions
from tellapart.inference.prediction import Prediction
from tellapart.inference.preprocess import Preprocess

SPEC = Preprocess(height=40, width=40, channels=1)
DATA = TrainingData("fingerprint", "content", 4, None)
ROWS = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])


def classifier(threshold=None, abstain=None, groups=None):
    calibration = Calibration(1.0, 4, {"before": 0.1, "after": 0.1}, threshold, abstain)
    return BundleManifest(
        task="classify", labels=["cat", "dog"], groups=groups, preprocess=SPEC, calibration=calibration, data=DATA,
        training={}, versions={},
    )  # fmt: skip


def answers(manifest):
    return [each.answer for each in label_predictions(["a", "b", "c"], ROWS, manifest)]


def test_the_likeliest_class_is_the_answer():
    rows = label_predictions(["a", "b", "c"], ROWS, classifier(groups={"cat": "pet"}))
    assert [(row.file, row.answer, row.confidence) for row in rows] == [
        ("a", "cat", 0.9), ("b", "cat", 0.6), ("c", "dog", 0.8),
    ]  # fmt: skip
    assert rows[1].probabilities == {"cat": 0.6, "dog": 0.4}
    assert [row.group for row in rows] == ["pet", "pet", None]
    assert [row.accepted for row in rows] == [None] * 3


@pytest.mark.parametrize(
    ("positive", "at", "expected"),
    [("dog", 0.4, ["cat", "dog", "dog"]), ("dog", 0.81, ["cat"] * 3), ("cat", 0.7, ["cat", "dog", "dog"])],
)
def test_the_threshold_decides_between_two_classes(positive, at, expected):
    manifest = classifier(DecisionThreshold(positive, at, "f1"))
    assert answers(manifest) == expected
    for row in label_predictions(["a", "b", "c"], ROWS, manifest):
        assert row.confidence == row.probabilities[row.answer]


def test_an_answer_below_the_level_is_not_accepted():
    rows = label_predictions(["a", "b", "c"], ROWS, classifier(abstain=AbstainLevel(0.8, 0.99)))
    assert [row.accepted for row in rows] == [True, False, True]
    # With a threshold, the confidence is that of the answer, not the highest.
    both = classifier(DecisionThreshold("dog", 0.3, "f1"), AbstainLevel(0.5, 0.99))
    assert [row.accepted for row in label_predictions(["a", "b", "c"], ROWS, both)] == [True, False, True]


def test_the_first_reading_is_the_answer_and_the_others_its_alternatives():
    reader = BundleManifest(
        task="read", charset=Charset(("a", "b")), preprocess=SPEC, data=DATA, training={}, versions={},
        calibration=Calibration(1.0, 4, {"before": 0.1, "after": 0.1}, None, AbstainLevel(0.5, 0.9)),
    )  # fmt: skip
    readings = [[Reading("a", 0.6, [("a", 0.6)]), Reading("b", 0.3, [("b", 0.3)])], [Reading("", 0.9, [])]]
    first, empty = text_predictions(["x", "y"], readings, reader)
    assert (first.file, first.answer, first.confidence, first.characters) == ("x", "a", 0.6, [("a", 0.6)])
    assert first.alternatives == [("b", 0.3)]
    assert (first.accepted, empty.accepted) == (True, False)
    assert (empty.answer, empty.confidence, empty.alternatives) == ("", 0.0, [])


GROUPED = {"cat": "animal", "dog": "animal", "cup": "thing"}


def three(groups):
    return BundleManifest(
        task="classify", labels=list(GROUPED), groups=groups, preprocess=SPEC, data=DATA, training={}, versions={}
    )


def test_the_sum_over_its_classes_decides_a_group():
    (row,) = label_predictions(["a"], np.array([[0.3, 0.3, 0.4]]), three(GROUPED))
    assert (row.answer, row.confidence) == ("cup", 0.4)
    assert (row.group, row.group_confidence) == ("animal", pytest.approx(0.6))
    assert row.to_json()["group_confidence"] == 0.6
    assert Prediction.from_json(row.to_json(), "classify").group_confidence == 0.6


def test_a_class_without_a_group_has_none():
    (row,) = label_predictions(["a"], np.array([[0.2, 0.2, 0.6]]), three({"cat": "animal", "dog": "animal"}))
    assert (row.answer, row.group, row.group_confidence) == ("cup", None, None)
    assert "group_confidence" not in row.to_json()


def test_where_a_threshold_decides_the_group_is_that_of_the_answer():
    manifest = classifier(DecisionThreshold("dog", 0.3, "f1"), groups={"cat": "x", "dog": "y"})
    rows = label_predictions(["a", "b", "c"], ROWS, manifest)
    assert [row.group for row in rows] == ["x", "y", "y"]
    assert [row.group_confidence for row in rows] == pytest.approx([0.9, 0.4, 0.8])


# --- several labels an image -----------------------------------------------------------------------


def tagger(thresholds=None, abstain=None):
    calibration = thresholds and Calibration(
        1.0, 4, {"before": 0.1, "after": 0.1}, None, abstain, TagThresholds(thresholds, "f1")
    )
    return BundleManifest(
        task="tag", labels=["cat", "dog"], preprocess=SPEC, calibration=calibration, data=DATA, training={}, versions={}
    )


def test_each_tag_is_said_from_its_own_threshold_on():
    rows = np.array([[0.9, 0.2], [0.4, 0.1], [0.6, 0.5]])
    said = [each.answer for each in tag_predictions(["a", "b", "c"], rows, tagger({"cat": 0.5, "dog": 0.2}))]
    assert said == ["cat|dog", "|", "cat|dog"]
    assert [each.answer for each in tag_predictions(["a", "b", "c"], rows, tagger())] == ["cat", "|", "cat|dog"]


def test_the_confidence_of_tags_is_that_of_all_decisions():
    one, none = tag_predictions(["a", "b"], np.array([[0.9, 0.2], [0.4, 0.1]]), tagger())
    assert one.confidence == pytest.approx(0.9 * 0.8)
    assert none.confidence == pytest.approx(0.6 * 0.9)
    assert one.probabilities == {"cat": 0.9, "dog": 0.2}


def test_tags_below_the_level_are_not_accepted():
    manifest = tagger({"cat": 0.5, "dog": 0.5}, AbstainLevel(0.7, 0.99))
    rows = tag_predictions(["a", "b"], np.array([[0.9, 0.2], [0.4, 0.1]]), manifest)
    assert [row.accepted for row in rows] == [True, False]
