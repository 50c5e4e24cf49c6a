"""The constraint of a text: alphabet, pattern, length."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.core.errors import ConfigError, TextError
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import TextConstraint, common_length

ABC = Charset(("a", "b", "1"))


def drawn(seed, steps, sharp=2.0):
    logits = np.random.default_rng(seed).normal(size=(steps, ABC.size)) * sharp
    chances = np.exp(logits)
    return chances / chances.sum(axis=1, keepdims=True)


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


def test_wrong_rules_are_refused_in_words():
    with pytest.raises(ConfigError, match=r"^pattern '\[': .*; write it as in \[0-9\]\{5\}$"):
        TextConstraint(pattern="[")
    with pytest.raises(ConfigError, match=r"^the alphabet is empty"):
        TextConstraint(alphabet="")
    with pytest.raises(ConfigError, match=r"^nbest 0: ask for at least 1 reading$"):
        TextConstraint(nbest=0)
    with pytest.raises(TextError, match=r"^the alphabet 'xyz' has no character in common with what the model knows"):
        TextConstraint(alphabet="xyz").masked(drawn(0, 2)[None], ABC)


def test_a_text_grows_as_long_as_it_can_fit():
    constraint = TextConstraint(pattern="[ab]1+", length=3)
    assert [constraint.grows(text) for text in ("", "a", "a1", "a11", "a111", "1", "ab")] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip
    assert [constraint.fits(text) for text in ("a1", "a11", "111", "a111")] == [False, True, False, False]
    assert TextConstraint().fits("")
    assert TextConstraint(pattern="a.b").fits("a\nb")


def test_a_length_is_expected_where_enough_texts_agree():
    assert common_length(["abc"] * 20) == 3
    assert common_length(["abc"] * 19) is None
    assert common_length([*["abc"] * 20, "ab"]) is None
    assert common_length([]) is None
