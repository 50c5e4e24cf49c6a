"""Connectionist temporal classification: decoding and likelihoods against brute force over all paths."""

from __future__ import annotations

import itertools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tellapart.core.errors import InputError, TextError
from tellapart.inference.charset import BLANK, Charset
from tellapart.inference.ctc import (
    Reading,
    align_text,
    best_path_of_length,
    decode_ctc,
    likelihoods,
    required_steps,
    rescore,
)

AB = Charset(("a", "b"))


ABC = Charset(("a", "b", "1"))


def refuses(text, kind=TextError):
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


def collapse(path):
    """CTC's map from a path to a text, by its definition: merge repeats, then drop blanks."""
    return [index for index, _ in itertools.groupby(path) if index != 0]


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


def drawn(seed, steps, sharp=2.0):
    logits = np.random.default_rng(seed).normal(size=(steps, ABC.size)) * sharp
    chances = np.exp(logits)
    return chances / chances.sum(axis=1, keepdims=True)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(0, 4))
def test_a_length_gives_the_letters_of_the_likeliest_path(seed, steps, length):
    chances = drawn(seed, steps)
    expected = max(
        (
            (float(np.prod([chances[step, index] for step, index in enumerate(path)])), text)
            for path in itertools.product(range(ABC.size), repeat=steps)
            if len(text := tuple(index for index, _ in itertools.groupby(path) if index != BLANK)) == length
        ),
        default=(0.0, None),
    )[1]
    assert best_path_of_length(chances, length) == expected


def steps(seed, n, letters=2):
    values = np.random.default_rng(seed).random((n, letters + 1)) ** 3
    return values / values.sum(axis=1, keepdims=True)


def emitted(path):
    return tuple(letter for letter, _ in itertools.groupby(path) if letter)


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_the_likelihood_is_the_sum_over_all_paths(seed, n):
    chances = steps(seed, n)
    sums = {}
    for path in itertools.product(range(3), repeat=n):
        sums[emitted(path)] = sums.get(emitted(path), 0.0) + np.prod(chances[np.arange(n), path])
    assert sum(sums.values()) == pytest.approx(1)
    texts = [*sums, (1,) * (n + 1)]
    expected = pytest.approx([*sums.values(), 0.0], abs=1e-12)
    assert likelihoods([chances], texts)[0] == expected
    longer = steps(seed + 1, n + 3)
    at_once = likelihoods([longer, chances], texts)
    assert at_once[1] == expected
    for text, found in zip(texts, at_once.T, strict=True):
        assert found == pytest.approx([likelihoods([view], [text])[0, 0] for view in (longer, chances)], abs=1e-12)


def test_a_long_text_does_not_underflow():
    chances = np.full((2000, 3), 0.5)
    assert likelihoods([chances[:20]], [(1, 2)]) > 0
    sharp = np.tile(np.eye(3)[[1, 0, 2, 0]], (100, 1)) * 0.97 + 0.01
    assert 0 < likelihoods([sharp], [(1, 2) * 100])[0, 0] < 1
    alone = likelihoods([sharp], [(1, 2) * 100])
    assert likelihoods([chances, sharp], [(1,), (1, 2) * 100, ()])[1, 1] == pytest.approx(alone[0, 0])


def best_alignment(chances, text):
    """The likeliest path that emits a text, by trying all of them."""
    paths = [path for path in itertools.product(range(3), repeat=len(chances)) if emitted(path) == text]
    return max(paths, key=lambda path: np.prod(chances[np.arange(len(chances)), path]))


@given(st.integers(0, 10_000), st.sampled_from([(1,), (1, 2), (1, 1), (2, 1, 2)]))
def test_an_alignment_has_the_highest_probability_of_each_run(seed, text):
    chances = steps(seed, 6)
    reading = align_text(chances, AB, text)
    path = best_alignment(chances, text)
    grouped = itertools.groupby(range(len(path)), lambda step: path[step])
    runs = [list(run) for symbol, run in grouped if symbol]
    expected = [max(chances[step, path[step]] for step in run) for run in runs]
    assert reading.text == AB.decode(text)
    assert [p for _, p in reading.characters] == pytest.approx(expected)
    assert reading.confidence == pytest.approx(np.prod(expected))


@given(st.integers(0, 10_000))
def test_a_text_is_rescored_by_how_much_less_likely_it_is(seed):
    chances = steps(seed, 5)
    (best,) = decode_ctc(chances[None], AB)
    assert rescore(chances, AB, tuple(AB.encode(best.text))) == best
    other = (2,) if best.text != "b" else (1,)
    own, highest = likelihoods([chances], [other, tuple(AB.encode(best.text))])[0]
    expected = min(align_text(chances, AB, other).confidence, best.confidence * min(1, own / highest))
    assert rescore(chances, AB, other).confidence == pytest.approx(expected)


def test_an_empty_text_is_aligned_to_blanks():
    assert align_text(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), AB, ()) == Reading("", 0.75, [])
