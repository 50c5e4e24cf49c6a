"""Pictures of several lines of text."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.inference.text_lines import has_text_lines
from tellapart.synthesis.presets import SCHEMES
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme


@pytest.fixture(scope="module")
def drawn():
    """Pictures of five digits without clutter."""
    scheme = Scheme("five", 130, 40, "0123456789", 5, 5, font_size=(28, 30))
    return [render(scheme, 5, index)[0] for index in range(20)]


def test_two_lines_are_found_and_one_is_not(drawn):
    pairs = [np.concatenate(pair) for pair in zip(drawn[::2], drawn[1::2], strict=True)]
    assert all(has_text_lines(pixels) for pixels in pairs)
    assert all(has_text_lines(255 - pixels) for pixels in pairs)
    assert not any(has_text_lines(pixels) for pixels in drawn)


@pytest.mark.parametrize("name", ["classic", "digits"])
def test_the_clutter_of_one_line_is_no_second_one(name):
    assert not any(has_text_lines(render(SCHEMES[name], 5, index)[0]) for index in range(40))


def test_a_bar_a_short_word_and_an_empty_picture_are_no_lines(drawn):
    bar = np.full((40, 130, 3), 255, np.uint8)
    bar[10:30, 10:120] = 0
    short = np.full((40, 130, 3), 255, np.uint8)
    short[10:30, 10:30:3] = 0
    assert not has_text_lines(np.concatenate([drawn[0], bar]))
    assert not has_text_lines(np.concatenate([drawn[0], short]))
    assert not has_text_lines(np.full((40, 130, 1), 200, np.uint8))
