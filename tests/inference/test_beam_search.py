"""Readings under a rule are those that a sum over all CTC paths gives."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.inference.beam_search import beam_search, decode
from tellapart.inference.charset import BLANK, Charset
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import (
    decode_ctc,
)

ABC = Charset(("a", "b", "1"))


def drawn(seed, steps, sharp=2.0):
    logits = np.random.default_rng(seed).normal(size=(steps, ABC.size)) * sharp
    chances = np.exp(logits)
    return chances / chances.sum(axis=1, keepdims=True)


def summed(chances):
    """Every text's probability, from the definition: over all paths."""
    total = defaultdict(float)
    for path in itertools.product(range(chances.shape[1]), repeat=len(chances)):
        text = "".join(ABC.characters[index - 1] for index, _ in itertools.groupby(path) if index != BLANK)
        total[text] += float(np.prod([chances[step, index] for step, index in enumerate(path)]))
    return total


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_best_are_those_of_a_sum_over_all_paths(seed, steps):
    chances = drawn(seed, steps)
    found = [reading.text for reading in beam_search(chances, ABC, TextConstraint(nbest=5))]
    total = summed(chances)
    expected = sorted(total, key=lambda text: -total[text])[:5]
    assert [total[text] for text in found] == pytest.approx([total[text] for text in expected])
    assert len(set(found)) == len(found)


@given(st.integers(0, 10_000), st.sampled_from(["[ab]{2}", "1?a+", "(ab|b1)", "[^1]*"]))
def test_a_pattern_gives_the_best_text_that_matches(seed, pattern):
    chances = drawn(seed, 5)
    total = {text: p for text, p in summed(chances).items() if re.fullmatch(pattern, text)}
    [reading] = beam_search(chances, ABC, TextConstraint(pattern=pattern))
    assert total[reading.text] == pytest.approx(max(total.values()))


@given(st.integers(0, 10_000))
def test_a_sure_reading_has_the_confidences_of_the_best_path(seed):
    chances = drawn(seed, 6, sharp=12.0)
    [best] = decode_ctc(chances[None], ABC)
    [found] = beam_search(chances, ABC, TextConstraint(pattern=re.escape(best.text)))
    assert found.text == best.text
    assert [p for _, p in found.characters] == pytest.approx([p for _, p in best.characters])
    assert found.confidence == pytest.approx(best.confidence)


@given(st.integers(0, 10_000), st.integers(0, 4))
def test_a_reading_that_is_not_the_best_paths_is_less_sure(seed, length):
    chances = drawn(seed, 6)
    [best] = decode_ctc(chances[None], ABC)
    [[found]] = decode(chances[None], ABC, TextConstraint(length=length))
    assert len(found.text) == length
    assert found == best if len(best.text) == length else found.confidence <= best.confidence
    confidences = [reading.confidence for reading in beam_search(chances, ABC, TextConstraint(nbest=4))]
    assert confidences == sorted(confidences, reverse=True)


def test_a_left_out_letter_is_not_passed_over():
    """A text of three letters that must have two: the two are sure, and yet it is not."""
    sure = np.full((6, ABC.size), 0.001)
    sure[range(6), [1, 0, 2, 0, 3, 0]] = 0.997
    [[found]] = decode(sure[None], ABC, TextConstraint(length=2))
    assert len(found.text) == 2
    assert min(p for _, p in found.characters) > 0.99
    assert found.confidence < 0.01


@pytest.mark.parametrize("pattern", ["[ab]{5}", "1[ab]{4}"])
def test_a_blank_picture_has_a_text_that_matches_too(pattern):
    """Long texts are less likely than the short ones before them, which must not push them out."""
    blank = np.full((12, ABC.size), 0.001)
    blank[:, BLANK] = 0.997
    [reading] = beam_search(blank, ABC, TextConstraint(pattern=pattern))
    assert re.fullmatch(pattern, reading.text)
    assert reading.confidence < 0.01


def test_what_must_be_read_is_found_however_unlikely():
    sure = np.full((9, ABC.size), 1e-9)
    sure[range(9), [1, 0, 2, 0, 1, 0, 0, 0, 0]] = 1 - 3e-9
    [reading] = beam_search(sure, ABC, TextConstraint(pattern="bb1"))
    assert reading.text == "bb1"
    assert reading.confidence < 1e-6


def test_no_text_fits():
    assert beam_search(drawn(0, 2), ABC, TextConstraint(pattern="[ab]{3}")) == []
    assert beam_search(drawn(0, 5), ABC, TextConstraint(pattern="x")) == []


def test_many_steps_do_not_underflow():
    flat = np.full((400, ABC.size), 1 / ABC.size)
    assert len(beam_search(flat, ABC, TextConstraint(nbest=3))) == 3
