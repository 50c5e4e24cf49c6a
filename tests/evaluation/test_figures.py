"""The figures of an evaluation are a dictionary that shows itself, as a page's part and as a DataFrame."""

from __future__ import annotations

import json

import pytest

from tellapart.evaluation.figures import Report

FIGURE = {"value": 0.5, "ci95": [0.25, 0.75], "n": 4}
SCORES = {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "support": 2}
CLASSES = {"per_class": {"a": SCORES, "<b>": SCORES}, "confusion": {"labels": ["a", "<b>"], "counts": [[1, 1], [0, 2]]}}


def test_it_is_written_as_any_dictionary():
    report = Report(n=4, accuracy=FIGURE)
    assert json.loads(json.dumps(report)) == {"n": 4, "accuracy": FIGURE} == report


def test_it_shows_figures_classes_and_notes():
    html = Report(n=4, data="set", split="test", macro_f1=FIGURE, notes=["2 < 3"], **CLASSES)._repr_html_()
    assert "4 images of set (split: test)" in html
    assert "<td>macro f1</td><td>0.5000</td><td>0.2500</td><td>0.7500</td><td>4</td>" in html
    assert "<td>&lt;b&gt;</td><td>0.5000</td><td>1.0000</td>" in html
    assert "2 &lt; 3" in html


def test_it_is_a_data_frame_of_classes_or_of_a_readers_figures():
    pytest.importorskip("pandas")
    frame = Report(accuracy=FIGURE, **CLASSES).to_pandas()
    assert frame["class"].tolist() == ["a", "<b>", "micro avg", "macro avg", "weighted avg"]
    frame = Report(exact_match=FIGURE).to_pandas()
    assert frame.to_dict("records") == [{"figure": "exact match", "value": 0.5, "low": 0.25, "high": 0.75, "n": 4}]
