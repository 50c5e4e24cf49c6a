"""Scores of a reader against jiwer and Levenshtein's recursion."""

from __future__ import annotations

import json

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tellapart.core.errors import InputError
from tellapart.metrics.intervals import wilson
from tellapart.metrics.text import edit_distance, reading_scores

words = st.text("abAß é日", max_size=6)


def contains(figure):
    low, high = figure["ci95"]
    return low <= figure["value"] <= high


def plain_distance(a, b):
    """Levenshtein's recursion, word for word."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        plain_distance(a[1:], b) + 1,
        plain_distance(a, b[1:]) + 1,
        plain_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )


@settings(deadline=None)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_edit_distance_is_levenshtein(a, b):
    assert edit_distance(a, b) == plain_distance(a, b)
    assert edit_distance(a, b) == edit_distance(b, a)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text("abcAé日", min_size=1, max_size=6), words), min_size=1, max_size=20))
def test_cer_agrees_with_jiwer(pairs):
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    as_given = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])  # jiwer's own default strips spaces
    theirs = jiwer.cer(truth, predicted, reference_transform=as_given, hypothesis_transform=as_given)
    scores = reading_scores(truth, predicted)
    assert scores["cer"]["value"] == pytest.approx(theirs)
    assert scores["exact_match"]["value"] == pytest.approx(np.mean([t == p for t, p in pairs]))
    assert scores["exact_match_folded"]["value"] >= scores["exact_match"]["value"]
    assert all(contains(figure) and figure["n"] == len(pairs) for figure in scores.values())
    assert json.loads(json.dumps(scores)) == scores


def test_case_is_ignored_by_casefold_only_where_said():
    scores = reading_scores(["Straße", "AB"], ["STRASSE", "ab"])
    assert scores["exact_match"]["value"] == 0
    assert scores["exact_match_folded"]["value"] == 1
    assert scores["cer"]["value"] == pytest.approx((6 + 2) / 8)


def test_code_points_are_compared_as_given():
    assert reading_scores(["\u00e9"], ["e\u0301"])["exact_match"]["value"] == 0
    assert edit_distance("\u00e9", "e\u0301") == 2


@pytest.mark.parametrize(
    ("truth", "predicted", "cer"),
    [
        (["", "ab"], ["xyz", "ab"], 1.5),  # three inserted characters over two
        (["", ""], ["", ""], 0.0),
        (["", ""], ["", "xyz"], 1.0),
        (["ab"], [""], 1.0),
    ],
)
def test_empty_texts_have_a_defined_cer(truth, predicted, cer):
    figure = reading_scores(truth, predicted)["cer"]
    assert figure["value"] == cer
    assert contains(figure)


def test_cer_interval_is_what_resampling_the_images_gives():
    generator = np.random.default_rng(5)
    truth = ["".join(generator.choice(list("abcd"), generator.integers(1, 8))) for _ in range(200)]
    predicted = [text if generator.random() < 0.6 else text[1:] + "a" for text in truth]
    edits = np.array([plain_distance(*pair) for pair in zip(truth, predicted, strict=True)])
    lengths = np.array([len(text) for text in truth])
    chosen = generator.integers(0, 200, (2000, 200))
    expected = np.quantile(edits[chosen].sum(axis=1) / lengths[chosen].sum(axis=1), [0.025, 0.975])
    assert reading_scores(truth, predicted)["cer"]["ci95"] == pytest.approx(expected.tolist(), abs=0.01)


def test_a_perfect_reading_is_not_certain():
    figure = reading_scores(["abc"] * 20, ["abc"] * 20)["cer"]
    assert figure == {"value": 0.0, "ci95": list(wilson(0, 20)), "n": 20}
    assert reading_scores(["a"], ["bcd"])["cer"] == {"value": 3.0, "ci95": [wilson(1, 1)[0], 3.0], "n": 1}


def test_lists_of_texts_must_match(refuses):
    with refuses(InputError, "2 true answers but 1 predictions: give one of each an image, in the same order"):
        reading_scores(["a", "b"], ["a"])
    with refuses(InputError, "nothing to score: give at least one image"):
        reading_scores([], [])
