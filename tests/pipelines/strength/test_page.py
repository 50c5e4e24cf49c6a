"""The page shows what was measured, and no more."""

from __future__ import annotations

import pytest

from tellapart.pipelines.strength.page import budget, page
from tellapart.pipelines.strength.verdict import advice, verdict


def figure(value):
    return {"value": value, "ci95": [max(0, value - 0.05), min(1, value + 0.05)], "n": 100}


def result_of(*values, changes=()):
    curve = [{"labels": 10**place, "seconds": 1.0, "n": 100, "exact_match": figure(value), "cer": figure(0.1),
              "exact_match_folded": figure(value)} for place, value in enumerate(values)]  # fmt: skip
    rows = [{"change": name, "labels": 200, "seconds": 1.0, "n": 100, "exact_match": figure(value), "cer": figure(0.1)}
            for name, value in changes]  # fmt: skip
    broken = next((step["labels"] for step in curve if step["exact_match"]["ci95"][0] > 0.01), None)
    result = {"target": "mine", "n": 100, "curve": curve, "broken_with": broken, "characters": [], "changes": rows,
              "broken_by": "somebody", "broken_from": 0.01, "limits": ["limit"], "left_out": [], "machine": "1 core",
              "samples": [], "drawn": bool(changes)}  # fmt: skip
    return result | {"verdict": verdict(result), "advice": advice(result)}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            result_of(0.0, 0.4),
            "Broken by the weakest attack that does: a reader that learnt from 10 labels reads 40.0 %",
        ),
        (result_of(0.0, 0.0), "Not shown to be broken, nor to be strong"),
        (
            result_of(0.5, changes=[("as it is", 0.5), ("lines", 0.2)]),
            "“lines” costs the attacker most: 50.0 % become",
        ),
        (
            result_of(0.5, changes=[("as it is", 0.5), ("lines", 0.48)]),
            "Nothing that was tried costs the attacker more",
        ),
    ],
)
def test_the_page_says_what_was_measured(result, words):
    assert words in page(result)


def test_the_page_asks_nothing_of_the_network():
    text = page(result_of(0.0, 0.4))
    assert "http" not in text.replace("http-equiv", "")
    assert "From 1 % on a scheme counts as broken: somebody." in text
    assert "<p>limit</p>" in text


def test_characters_are_shown_hardest_first():
    result = result_of(0.5) | {"characters": [{"character": "q", "missed": 7}, {"character": "0", "missed": 2}]}
    assert "How often the attacker with 1 labels misread each, in 100 texts: q (7), 0 (2)." in page(result)


def test_the_verdict_and_the_advice_come_first():
    text = page(result_of(0.5))
    places = [text.index(words) for words in ("Broken by the weakest", "Limit the attempts", "What an attacker reads")]
    assert places == sorted(places)


def test_pictures_that_were_read_and_not_are_shown(draw):
    samples = [{"file": "a.png", "text": "ab", "read": "ab"}, {"file": "b.png", "text": "cd", "read": ""}]
    text = page(result_of(0.5) | {"samples": samples}, {"a.png": draw(1), "b.png": draw(2)})
    read, missed = text.partition(">Not read<")[::2]
    assert read.count("data:image/png") == missed.count("data:image/png") == 1
    assert "cd: read as nothing" in missed


def test_what_an_attacker_had():
    assert budget({"labels": 1000}) == "1,000"
    assert budget({"labels": 0, "pictures": 12}) == "0, 12 pictures"
