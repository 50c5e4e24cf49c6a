"""An answer as HTML is escaped, short and calm."""

from __future__ import annotations

import pytest

from tellapart.inference.prediction import Prediction
from tellapart.serving.ui import rendering


def test_what_stands_in_an_answer_is_escaped():
    row = Prediction("a", "classify", "<script>", 1.0, {"<script>": 1.0}, group="<i>", accepted=False)
    html = rendering.render_answer(row)
    assert "<script>" not in html
    assert "<i>" not in html
    assert "not sure" in html
    assert "<b>&lt;</b>" in rendering.render_answer(Prediction("a", "read", "<", 1.0, characters=[("<", 1.0)]))
    assert "&lt;x&gt;" in rendering.render_answer(Prediction("a", "read", error="<x>"))


def test_many_classes_are_the_first_and_one_line():
    probabilities = {f"class {n}": 0.1 for n in range(10)}
    html = rendering.render_answer(Prediction("a", "classify", "class 0", 0.1, probabilities))
    assert html.count('class="bar"') == 6
    assert "4 other classes together: 40.0 %" in html


def test_a_camera_is_calm():
    rows = [Prediction("", "classify", "", 1.0, {"a": p, "b": 1 - p}) for p in (0.9, 0.1, 0.9, 0.9)]
    mean, shown = None, []
    for row in rows:
        mean = rendering.smooth_probabilities(mean, row)
        shown.append(max(mean, key=mean.get))
    assert shown == ["a"] * 4
    assert sum(mean.values()) == pytest.approx(1)
