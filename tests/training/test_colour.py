"""Grey is told from colour by a sample of the images."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.training.colour import is_grey


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 75}), ("WEBP", {"quality": 75})])
def test_grey_is_told_from_colour(pictures, kind, options):
    assert is_grey(pictures(60, 40, grey=True, kind=kind, **options))
    assert not is_grey(pictures(60, 40, kind=kind, **options))


def test_one_coloured_picture_makes_a_set_coloured(pictures, draw, encode):
    data = pictures(40, 40, grey=True)
    assert is_grey(data)
    (data.root / "x_3.png").write_bytes(encode(draw(0, 40, 40)))
    assert not is_grey(data)


def test_a_speck_of_colour_is_no_colour_and_a_corner_is(pictures, encode):
    data = pictures(40, 40, grey=True)
    for side, grey in ((3, True), (6, False)):  # 9 and 36 of 1,600 pixels: under and over one in a hundred
        pixels = np.full((40, 40, 3), 90, np.uint8)
        pixels[:side, :side] = (255, 0, 0)
        (data.root / "x_3.png").write_bytes(encode(pixels))
        assert is_grey(data) is grey


@pytest.mark.parametrize(("red", "grey"), [(98, True), (120, False)])
def test_a_faint_cast_is_no_colour_and_a_tint_is(pictures, encode, red, grey):
    data = pictures(40, 40, grey=True)
    (data.root / "x_3.png").write_bytes(encode(np.full((40, 40, 3), (red, 90, 90), np.uint8)))
    assert is_grey(data) is grey


def test_a_damaged_picture_says_nothing_of_colour(pictures):
    data = pictures(40, 40, grey=True)
    (data.root / "x_0.png").write_bytes(b"gone bad since")
    assert is_grey(data)
