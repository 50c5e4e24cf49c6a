"""Which grey stands for the colours of a picture, and how fat its strokes are."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tellapart.inference.ink import USUAL, Grey, Ink, Stroke


def test_what_is_usual_is_left_as_it_is():
    pixels = np.zeros((4, 9, 3), np.uint8)
    assert USUAL.apply(pixels) is pixels
    assert not str(USUAL)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (60, 200)])
@pytest.mark.parametrize("stroke", get_args(Stroke))
@pytest.mark.parametrize("grey", get_args(Grey))
def test_every_ink_takes_every_picture(size, grey, stroke):
    for pixels in (
        np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8),
        np.full((*size, 3), 9, np.uint8),
    ):
        result = Ink(grey, stroke).apply(pixels)
        assert (result.dtype, result.shape) == (np.uint8, pixels.shape)


def test_pale_lines_leave_the_darkest_channel_of_dark_letters():
    pixels = np.full((20, 60, 3), 255, np.uint8)
    pixels[5:15, 10:20] = (0, 0, 160)
    pixels[10, :] = (255, 40, 40)
    darkest, brightest = Ink("darkest").apply(pixels)[..., 0], Ink("brightest").apply(pixels)[..., 0]
    assert (darkest[7, 15], darkest[10, 40]) == (0, 40)
    assert (brightest[7, 15], brightest[10, 40]) == (160, 255)  # the line is gone


def test_letters_of_the_papers_lightness_stand_out_from_it():
    pixels = np.full((20, 60, 3), (200, 60, 60), np.uint8)
    pixels[5:15, 10:20] = (60, 131, 60)  # as light, in grey
    for grey in ("contrast", "flattened"):
        seen = Ink(grey).apply(pixels)[..., 0]
        assert (int(seen[0, 0]), int(seen[10, 15])) == (255, 0)


def test_a_paper_from_dark_to_light_is_flat_behind_its_letters():
    pixels = np.repeat(np.linspace(60, 250, 120)[None, :, None], 40, axis=0).repeat(3, axis=2).astype(np.uint8)
    pixels[10:30, 20:26] = 255
    pixels[10:30, 90:96] = 20
    seen = Ink("flattened").apply(pixels)[..., 0].astype(int)
    assert seen[[0, -1]].min() > 245
    assert (seen[20, 23] < 100, seen[20, 93] < 30) == (True, True)


@pytest.mark.parametrize("negative", [False, True])
def test_bolder_strokes_are_a_pixel_broader_on_any_paper(negative):
    pixels = np.full((20, 60, 3), 255, np.uint8)
    pixels[5:15, 10:13] = 0
    seen = Ink(stroke="bolder").apply(255 - pixels if negative else pixels)
    assert ((255 - seen if negative else seen)[..., 0] == 0).sum() == 11 * 4
