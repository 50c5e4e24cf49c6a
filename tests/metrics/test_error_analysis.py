"""Edits are the fewest, and every one is counted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.metrics.error_analysis import edits, misreadings
from tellapart.metrics.text import edit_distance, reading_scores

texts = st.text("abc", max_size=7)


@given(texts, texts)
def test_edits_are_the_fewest_and_lead_from_one_to_the_other(text, answer):
    found = list(edits(text, answer))
    assert len(found) == edit_distance(text, answer)
    made = list(text)
    for position, right, said in found:  # from the end, so that positions stay true
        assert "".join(made[position - 1 : position - 1 + len(right)]) == right
        made[position - 1 : position - 1 + len(right)] = said
    assert "".join(made) == answer


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=6), texts), min_size=1, max_size=8))
def test_places_add_up_to_the_character_error_rate(pairs):
    truth, read = zip(*pairs, strict=True)
    found = misreadings(truth, read)
    cer = reading_scores(truth, read)["cer"]["value"]
    for places in (found["by_position"], found["by_length"]):
        assert sum(place["cer"] * place["n"] for place in places) == pytest.approx(cer * sum(map(len, truth)))
        assert sum(place["n"] for place in places) == sum(map(len, truth))
    assert sum(pair["n"] for pair in found["confused"]) == sum(edit_distance(*pair) for pair in pairs)


def test_the_most_frequent_pair_comes_first():
    found = misreadings(["ooo", "l1"], ["0o0", "l"])["confused"]
    assert found == [{"truth": "o", "read": "0", "n": 2}, {"truth": "1", "read": "", "n": 1}]
