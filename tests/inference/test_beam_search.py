"""Readings under a rule are those that a sum over all CTC paths gives."""

import itertools
import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import ConfigError, TextError
from tellapart.inference.beam_search import TextConstraint, beam_search, best_path_of_length, decode
from tellapart.inference.charset import BLANK, Charset, decode_ctc

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


@pytest.mark.parametrize(
    "rule",
    [
        TextConstraint(pattern="[€]{5}"),
        TextConstraint(pattern="[ab]+", alphabet="1"),
        TextConstraint(pattern="(?<=b)a"),
    ],
)
def test_a_rule_that_no_text_of_the_model_fits_is_refused(rule):
    with pytest.raises(
        TextError, match=r"^pattern '.*': no text of the characters that the model may read begins so: "
    ):
        rule.check(ABC)
    TextConstraint(pattern="[ab]+", alphabet="b").check(ABC)
    TextConstraint(pattern="1?").check(ABC)


def test_an_alphabet_leaves_no_chance_to_others():
    chances = drawn(1, 7)[None]
    kept = TextConstraint(alphabet="1").masked(chances, ABC)
    assert kept.sum(axis=-1) == pytest.approx(np.ones((1, 7)))
    assert not kept[..., 1:3].any()
    assert kept[0, :, 3] / kept[0, :, 0] == pytest.approx(chances[0, :, 3] / chances[0, :, 0])
    nothing = np.array([[[0.0, 1.0, 0.0, 0.0]]])
    assert TextConstraint(alphabet="1").masked(nothing, ABC).tolist() == [[[1.0, 0.0, 0.0, 0.0]]]


def test_no_text_fits():
    assert beam_search(drawn(0, 2), ABC, TextConstraint(pattern="[ab]{3}")) == []
    assert beam_search(drawn(0, 5), ABC, TextConstraint(pattern="x")) == []


def test_many_steps_do_not_underflow():
    flat = np.full((400, ABC.size), 1 / ABC.size)
    assert len(beam_search(flat, ABC, TextConstraint(nbest=3))) == 3


def test_wrong_rules_are_refused_in_words():
    with pytest.raises(ConfigError, match=r"^pattern '\[': .*; write it as in \[0-9\]\{5\}$"):
        TextConstraint(pattern="[")
    with pytest.raises(ConfigError, match=r"^the alphabet is empty"):
        TextConstraint(alphabet="")
    with pytest.raises(ConfigError, match=r"^nbest 0: ask for at least 1 reading$"):
        TextConstraint(nbest=0)
    with pytest.raises(TextError, match=r"^the alphabet 'xyz' has no character in common with what the model knows"):
        TextConstraint(alphabet="xyz").masked(drawn(0, 2)[None], ABC)
