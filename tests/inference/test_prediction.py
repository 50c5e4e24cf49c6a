"""A prediction as a row of JSON, and back."""

from __future__ import annotations

import json

from tellapart.inference.prediction import Prediction, with_names


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


def test_images_without_a_name_are_numbered():
    names = [name for name, _ in with_names([b"", "x/b.png", b""])]
    assert names == ["image 0", "x/b.png", "image 2"]
