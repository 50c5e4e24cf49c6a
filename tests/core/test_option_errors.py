"""What a parser says of values becomes a sentence with the option, the value and what fits."""

from __future__ import annotations

from typing import Literal

import pytest
from jsonargparse import ArgumentError, ArgumentParser

from tellapart.core.option_errors import in_plain_words


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (int, "many", "option x: 'many' does not fit; give a whole number"),
        (int | None, "many", "option x: 'many' does not fit; give a whole number"),
        (float, [1], "option x: '[1]' does not fit; give a number"),
        (Literal["a", "b"], "c", "option x: 'c' does not fit; give 'a' or 'b'"),
        (list[int], 3, "option x: '3' does not fit; give a list"),
        (list[int] | dict[str, int], "many", "option x: 'many' does not fit; give a list or a mapping"),
    ],
)
def test_a_value_that_does_not_fit(kind, value, text):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--x", type=kind)
    with pytest.raises(ArgumentError) as refused:
        parser.parse_object({"x": value})
    assert in_plain_words(refused.value) == text
