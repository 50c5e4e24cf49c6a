"""The geometry in which a reader sees a picture."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.inference.geometry import WHOLE, WIDTHS, Geometry, content_box


@pytest.fixture
def page():
    """Dark text, 20 px high, on a light page of 60 × 200 px."""
    pixels = np.full((60, 200, 3), 240, np.uint8)
    pixels[20:40, 50:120:4] = 30
    pixels[20:40, 51:120:4] = 30
    return pixels


def test_the_whole_picture_is_left_as_it_is(page):
    assert WHOLE.apply(page) is page


@pytest.mark.parametrize("change", [lambda page: page, lambda page: 255 - page], ids=["dark on light", "light on dark"])
def test_the_box_holds_all_of_the_text_and_little_else(page, change):
    left, top, right, bottom = content_box(change(page))
    assert (left <= 50, top <= 20, right >= 118, bottom >= 40) == (True,) * 4
    assert (left >= 40, top >= 15, right <= 130, bottom <= 45) == (True,) * 4


def test_letters_that_only_their_hue_sets_off_are_found():
    pixels = np.full((60, 200, 3), (200, 60, 60), np.uint8)
    pixels[20:40, 50:120] = (60, 131, 60)  # as light, in grey
    assert content_box(pixels)[0] >= 40


def test_single_specks_do_not_count(page):
    page[5, 5] = page[55, 190] = 0
    assert content_box(page)[0] >= 40


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (60, 200)])
def test_a_picture_of_nothing_stays_whole(size):
    assert content_box(np.full((*size, 3), 9, np.uint8)) == (0, 0, size[1], size[0])


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (60, 200)])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("frame", ["whole", "trim", "pad", "zoom"])
def test_every_geometry_takes_every_picture(size, frame, width):
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    result = Geometry(frame, width).apply(pixels)
    assert (result.dtype, result.ndim, result.shape[2]) == (np.uint8, 3, 3)
    assert min(result.shape) >= 1


def test_width_and_room_are_those_that_are_named(page):
    assert Geometry("whole", 1.5).apply(page).shape == (60, 300, 3)
    assert Geometry("pad").apply(page).shape == (80, 200, 3)
    assert Geometry("trim", 0.7).apply(page).shape[1] < 70
    assert str(Geometry("trim", 0.7)) == "trimmed to the text, 0.7 times as wide"


def test_zoom_trims_a_small_text_alone(page):
    zoom, trim = Geometry("zoom"), Geometry("trim")
    assert (zoom.apply(page) == trim.apply(page)).all()
    large = page[16:44]  # the same text, 20 of 28 px high
    assert zoom.apply(large) is large
    assert trim.apply(large).shape[1] < large.shape[1]
    assert (zoom.trims, trim.trims, WHOLE.trims) == (True, True, False)
