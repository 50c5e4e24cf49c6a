"""How a picture is changed before it is preprocessed, in words and back."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.core.errors import BundleError
from tellapart.inference.geometry import Geometry
from tellapart.inference.ink import Ink
from tellapart.inference.picture_view import AS_IS, View
from tellapart.inference.preprocess import Preprocess


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("", AS_IS),
        ("darkest trim 1.2", View(Ink("darkest"), Geometry("trim", 1.2))),
        ("flattened bolder", View(Ink("flattened", "bolder"))),
        ("0.7", View(geometry=Geometry(width=0.7))),
        ("largest zoom", View(geometry=Geometry("zoom"), scale="largest")),
    ],
)
def test_words_and_back(code, view):
    assert View.parse(code) == view
    assert view.code == code


def test_the_order_of_the_words_is_free():
    assert View.parse("1.5 smoothed trim contrast") == View.parse("contrast smoothed trim 1.5")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("darker", "'darker' is none of darkest, brightest, contrast, flattened, smoothed, bolder, whole, trim, pad"),
        ("trim pad", "'trim pad' names the frame twice"),
        ("9", "width 9: give a factor from 0.25 to 4"),
        ("nan", "width nan: give a factor from 0.25 to 4"),
    ],
)
def test_other_words_are_refused(code, error):
    with pytest.raises(ValueError, match=error):
        View.parse(code)


def test_the_preprocessing_changes_the_picture_first_and_says_so_in_the_bundle():
    pixels = np.full((60, 200, 3), (200, 60, 60), np.uint8)
    pixels[20:40, 50:120] = (60, 131, 60)  # as light, in grey
    plain = Preprocess(height=40, width=None, channels=1, pad="edge")
    seen = Preprocess(height=40, width=None, channels=1, pad="edge", view=View.parse("contrast trim"))
    assert np.ptp(plain.apply(pixels)) < 10
    assert np.ptp(seen.apply(pixels)) > 200
    assert np.array_equal(seen.apply(pixels), plain.apply(seen.view.apply(pixels)))
    assert "view" not in plain.to_json()
    assert seen.to_json()["view"] == "contrast trim"
    assert Preprocess.from_json(seen.to_json()) == seen
    with pytest.raises(BundleError, match="'upside' is none of"):
        Preprocess.from_json(plain.to_json() | {"view": "upside"})


@pytest.mark.parametrize("code", ["", "pad 1.5", "0.7"])
def test_the_canvas_is_known_without_the_picture_unless_it_is_trimmed(code):
    spec = Preprocess(height=40, width=None, channels=1, pad="edge", view=View.parse(code))
    assert spec.canvas_width(200, 60) == spec.apply(np.zeros((60, 200, 3), np.uint8)).shape[1]
