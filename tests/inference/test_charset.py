"""The charset: round trips, and errors word for word."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import TextError
from tellapart.inference.charset import Charset

AB = Charset(("a", "b"))


texts = st.lists(st.text(max_size=12), min_size=1, max_size=8).filter(any)


def refuses(text, kind=TextError):
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


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
