"""A prediction as a row of JSON, and back."""

from __future__ import annotations

import json
import sys

import pytest

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.inference.prediction import Prediction, Predictions


def test_without_groups_a_row_names_none():
    row = Prediction("a.png", "classify", "disc", 0.75, {"disc": 0.75, "bar": 0.25}).to_json()
    assert row == {"file": "a.png", "label": "disc", "confidence": 0.75, "probabilities": {"disc": 0.75, "bar": 0.25}}


def test_a_row_round_trips():
    rows = [
        Prediction("a", "classify", "disc", 0.75, {"disc": 0.75, "bar": 0.25}, group="round", accepted=True),
        Prediction("b", "read", "ab", 0.5, characters=[("a", 0.5), ("b", 1.0)], accepted=False),
        Prediction("c", "read", "a", 0.5, characters=[("a", 0.5)], alternatives=[("b", 0.25)]),
        Prediction("d", "read", error="the file is empty"),
    ]
    for row in rows:
        again = Prediction.from_json(json.loads(json.dumps(row.to_json())), row.task)
        assert again.to_json() == row.to_json()
        assert (again.answer, again.group, again.accepted) == (row.answer, row.group, row.accepted)
    assert rows[3].to_json() == {"file": "d", "error": "the file is empty"}
    assert "accepted" not in rows[2].to_json()
    assert "alternatives" not in rows[1].to_json()


def test_a_prediction_is_written_without_what_it_has_not():
    answer = Prediction("a.png", "read", "", 0.0, accepted=False)
    assert repr(answer) == "Prediction(file='a.png', task='read', answer='', confidence=0.0, accepted=False)"
    assert repr(Prediction("d", "tag", error="gone")) == "Prediction(file='d', task='tag', error='gone')"


def test_a_prediction_shows_itself_likeliest_first_and_escaped():
    html = Prediction("<a>.png", "classify", "disc", 0.75, {"bar": 0.25, "disc": 0.75}, group="round")._repr_html_()
    assert "&lt;a&gt;.png: disc" in html
    assert html.index("<td>disc</td><td>0.7500") < html.index("<td>bar</td><td>0.2500")
    assert "<td>group</td><td>round</td>" in html
    assert "the file is empty" in Prediction("d", "read", error="the file is empty")._repr_html_()


def test_many_predictions_are_a_list_that_shows_a_table():
    rows = Predictions([Prediction("a", "read", "ab", 0.5), Prediction("b", "read", error="gone")])
    assert rows == list(rows)
    html = rows._repr_html_()
    assert "2 answers" in html
    assert "<th>text</th><th>confidence</th><th>error</th>" in html
    assert "<td>b</td><td></td><td></td><td>gone</td>" in html
    assert "first 20" in Predictions(rows * 11)._repr_html_()
    assert "0 answers" in Predictions()._repr_html_()


def test_predictions_are_a_data_frame(monkeypatch, refuses):
    pd = pytest.importorskip("pandas")
    rows = Predictions(
        [Prediction("a", "classify", "disc", 0.5, accepted=True), Prediction("b", "classify", error="gone")]
    )
    frame = rows.to_pandas()
    assert list(frame.columns) == ["file", "label", "confidence", "group", "accepted", "error"]
    assert frame["label"][0] == "disc"
    assert pd.isna(frame["confidence"][1])
    monkeypatch.setitem(sys.modules, "pandas", None)
    text = f"pandas is not installed, and a DataFrame needs it; {install_command('pandas')}"
    with refuses(ConfigError, text):
        rows.to_pandas()


def test_tags_are_a_list_in_json_and_come_back():
    prediction = Prediction("a.png", "tag", "cat|dog", 0.7, {"cat": 0.9, "dog": 0.8}, accepted=True)
    row = prediction.to_json()
    assert row == {
        "file": "a.png", "tags": ["cat", "dog"], "confidence": 0.7, "accepted": True,
        "probabilities": {"cat": 0.9, "dog": 0.8},
    }  # fmt: skip
    assert Prediction.from_json(row, "tag").to_json() == row
    assert Prediction.from_json(row, "tag").answer == "cat|dog"
    none = Prediction("a.png", "tag", "|", 0.7)
    assert none.to_json()["tags"] == []
    assert Prediction.from_json(none.to_json(), "tag").answer == "|"
