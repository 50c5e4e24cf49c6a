"""The charset by round trips, CTC decoding against a brute force, errors word for word."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tellapart.core.errors import InputError, TextError
from tellapart.inference.charset import Charset, Reading, decode_ctc, required_steps

AB = Charset(("a", "b"))
texts = st.lists(st.text(max_size=12), min_size=1, max_size=8).filter(any)


def refuses(text, kind=TextError):
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


def collapse(path):
    """CTC's map from a path to a text, by its definition: merge repeats, then drop blanks."""
    return [index for index, _ in itertools.groupby(path) if index != 0]


# --- charset


@given(texts)
def test_texts_survive_the_round_trip(some_texts):
    charset = Charset.of(some_texts)
    assert list(charset.characters) == sorted(set("".join(some_texts)))
    assert charset.size == len(charset.characters) + 1
    for text in some_texts:
        indices = charset.encode(text)
        assert all(1 <= index < charset.size for index in indices)
        assert charset.decode(indices) == text
    assert charset.unknown(some_texts) == {}
    assert Charset.from_json(json.loads(json.dumps(charset.to_json()))) == charset


def test_decode_skips_blanks_keeps_repeats_and_takes_arrays():
    assert AB.decode(np.array([1, 1, 0, 2])) == "aab"
    assert AB.decode([]) == ""


def test_unknown_counts_the_frequent_first():
    unknown = AB.unknown(["axx", "y", "xb"])
    assert list(unknown.items()) == [("x", 3), ("y", 1)]


def test_a_charset_is_a_value():
    assert Charset(("a", "b")) == AB
    assert len({Charset(("a", "b")), AB}) == 1
    assert Charset(["a", "b"]) == AB
    with pytest.raises(dataclasses.FrozenInstanceError):
        AB.characters = ("c",)


def test_encode_names_the_characters_the_text_and_the_known():
    with refuses(
        "'café?': characters not in the charset: 'c', 'f', 'é', '?' (known: 'ab'); "
        "leave the text out, or train a reader whose charset holds them"
    ):
        AB.encode("café?")


def test_encode_does_not_print_thousands_of_characters():
    large = Charset(tuple(chr(0x4E00 + i) for i in range(3000)))
    with pytest.raises(TextError, match="and 2,900 more") as caught:
        large.encode("a")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("characters", "words"),
    [
        ((), "the charset is empty: give at least one character"),
        (("a", "b", "a"), "characters twice in the charset: 'a'; name each once"),
        (("a", "e\u0301", ""), "charset entries that are not one character: 'e\u0301', ''; split them"),
        ((1,), "charset entries that are not one character: 1; split them"),
    ],
)
def test_a_broken_charset_is_refused(characters, words):
    with refuses(words):
        Charset(characters)
    with refuses(words):
        Charset.from_json(list(characters))


def test_other_refusals():
    with refuses("the texts hold no character: give at least one text that is not empty"):
        Charset.of(["", ""])
    with refuses("a charset is a list of characters, not str"):
        Charset.from_json("ab")
    with refuses("indices outside 0..2: 3, -1; they come from another charset"):
        AB.decode([1, 3, -1])


# --- steps


@settings(deadline=None)
@given(st.text("ab", max_size=3))
def test_required_steps_is_the_shortest_path_that_collapses_to_the_text(text):
    wanted = AB.encode(text)
    shortest = next(
        steps
        for steps in itertools.count()
        if any(collapse(path) == wanted for path in itertools.product(range(3), repeat=steps))
    )
    assert required_steps(text) == shortest


# --- decoding


def plain_reading(probabilities, charset):
    """One image, step by step."""
    best = probabilities.argmax(axis=1)
    characters = []
    for index, run in itertools.groupby(range(len(best)), key=lambda step: best[step]):
        if index != 0:
            characters.append((charset.characters[index - 1], max(probabilities[t, index] for t in run)))
    confidence = math.prod(peak for _, peak in characters) if characters else probabilities[:, 0].mean()
    return "".join(character for character, _ in characters), confidence, characters


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from(["f4", "f8"]))
def test_decoding_agrees_with_the_step_by_step_reading(n, steps, seed, kind):
    charset = Charset(("x", "y", "日"))
    logits = np.random.default_rng(seed).normal(size=(n, steps, 4)) * 3 + [3, 0, 0, 0]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)).astype(kind)
    readings = decode_ctc(probabilities, charset)
    assert len(readings) == n
    for image, reading in zip(probabilities, readings, strict=True):
        text, confidence, characters = plain_reading(image, charset)
        assert reading.text == text == charset.decode(collapse(image.argmax(axis=1)))
        assert reading.confidence == pytest.approx(confidence, rel=1e-5)
        assert [c for c, _ in reading.characters] == list(text)
        assert [p for _, p in reading.characters] == pytest.approx([p for _, p in characters])
        assert 0 <= reading.confidence <= 1


@given(st.lists(st.text("ab", max_size=8), min_size=1, max_size=5))
def test_a_path_that_spells_a_text_is_read_as_that_text(wanted):
    paths = [[0] + [step for index in AB.encode(text) for step in (index, index, 0)] for text in wanted]
    steps = max(map(len, paths))
    one_hot = np.eye(3)[[path + [0] * (steps - len(path)) for path in paths]]
    readings = decode_ctc(one_hot, AB)
    assert [reading.text for reading in readings] == wanted
    assert {reading.confidence for reading in readings} == {1.0}


def test_a_run_does_not_reach_into_the_next_image():
    sure_of_a = [[0.0, 1.0, 0.0]]
    assert [r.text for r in decode_ctc([sure_of_a, sure_of_a], AB)] == ["a", "a"]


def test_an_empty_text_is_as_sure_as_the_mean_blank():
    assert decode_ctc([[[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]], AB) == [Reading("", 0.75, [])]


def test_readings_are_plain_json():
    reading = decode_ctc(np.float32([[[0.0, 0.75, 0.25]]]), AB)[0]
    assert json.loads(json.dumps(reading)) == ["a", 0.75, [["a", 0.75]]]


def test_a_rounded_softmax_is_never_more_than_certain():
    assert decode_ctc(np.float16([[[0.0, 1.001, 0.0]]]), AB)[0].confidence == 1.0


@pytest.mark.parametrize("shape", [(2, 3), (1, 5, 4), (1, 0, 3)])
def test_decoding_refuses_a_foreign_shape(shape):
    with refuses(
        f"probabilities of the shape {shape}: give (images, steps, 3), "
        "at least one step, the blank first and then the characters of the charset",
        InputError,
    ):
        decode_ctc(np.zeros(shape), AB)


@pytest.mark.parametrize(("value", "shown"), [(7.25, "7.25"), (math.nan, "nan"), (-0.5, "-0.5")])
def test_decoding_refuses_what_is_no_probability(value, shown):
    with refuses(f"{shown} is not a probability: apply a softmax over the last axis first", InputError):
        decode_ctc(np.array([[[value, -1.0, -2.0]]]), AB)
