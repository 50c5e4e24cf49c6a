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
    assert "4 other classes together: 40.0\u202f%" in html


def test_a_camera_is_calm():
    rows = [Prediction("", "classify", "", 1.0, {"a": p, "b": 1 - p}) for p in (0.9, 0.1, 0.9, 0.9)]
    mean, shown = None, []
    for row in rows:
        mean = rendering.smooth_probabilities(mean, row)
        shown.append(max(mean, key=mean.get))
    assert shown == ["a"] * 4
    assert sum(mean.values()) == pytest.approx(1)


def test_what_a_model_knows_and_how_good_it_is():
    figure = {"value": 0.75, "ci95": [0.6, 0.9], "n": 1200}
    html = rendering.render_known(
        {"labels": ["<a>", *(f"class {n}" for n in range(50))], "metrics": {"accuracy": figure}}
    )
    assert "It knows 51 classes" in html
    assert "&lt;a&gt;" in html
    assert "<a>" not in html
    assert "and 11 more" in html
    assert "Of 1,200 images that it had not learnt from it was right about 75\u202f%" in html
    assert "60\u202f% to 90\u202f%" in html
    html = rendering.render_known({"characters": ["<", "b"], "length": 4, "metrics": {"exact_match": figure}})
    assert "It knows 2 characters, in texts of 4: <code>&lt;b</code>" in html
    assert rendering.render_known({"metrics": {}}) == ""


def test_answers_as_a_table():
    good = Prediction("a", "classify", "<b>", 0.441, {"<b>": 0.441}, accepted=False)
    html = rendering.render_table([("<i>.png", good), ("b.png", Prediction("b", "classify", error="<why>"))])
    assert "1 of 2 answered, 1 not sure" in html
    assert "&lt;i&gt;.png" in html
    assert "<b>&lt;b&gt;</b>" in html
    assert "44\u202f% not sure" in html
    assert "cannot be used: &lt;why&gt;" in html


def test_the_box_for_corrections_offers_what_is_known():
    assert '<option value="&quot;a"></option>' in rendering.render_choices({"labels": ['"a']})
    assert "option" not in rendering.render_choices({"characters": ["a"]})


def test_tags_are_named_one_after_another_and_their_bars_make_no_sum():
    many = {f"tag {n}": 0.9 for n in range(10)}
    page = rendering.render_answer(Prediction("a.png", "tag", "cat|dog", 0.7, many))
    assert '<p class="said">cat, dog</p>' in page
    assert "4 other tags are less likely" in page
    assert "together" not in page
    assert "none of its tags" in rendering.render_answer(Prediction("a.png", "tag", "|", 0.7, {"cat": 0.1}))
    known = {"labels": ["cat", "dog"], "several": True, "metrics": {}}
    assert "It knows 2 tags, several or none a picture:" in rendering.render_known(known)
