"""The view in which a reader reads the pictures of a scheme best."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.inference.geometry import WIDTHS, Geometry
from tellapart.inference.ink import Ink
from tellapart.inference.picture_view import AS_IS, View
from tellapart.inference.view_selection import rank_views, search_views

TRIM = View(geometry=Geometry("trim"))


@pytest.mark.parametrize(
    ("whole", "trim", "first"),
    [
        ([("ab", 0.9)], [("ab", 0.8)], AS_IS),
        ([("ab", 0.8)], [("ab", 0.9)], TRIM),
        ([("a", 0.95)], [("abc", 0.6)], TRIM),  # letters are lost in the first
        ([("ab", 0.9)], [("ab", 0.9)], AS_IS),  # of equals the earlier
        ([("", 0.0)], [("", 0.0)], AS_IS),
    ],
)
def test_sure_readings_of_many_letters_choose(whole, trim, first):
    assert rank_views({AS_IS: whole, TRIM: trim})[0] == first


def test_characters_found_in_noise_do_not_count():
    noise = View(geometry=Geometry("pad"))
    assert rank_views({AS_IS: [("abc", 0.9)], noise: [("abcdefgh", 0.3)]}) == [AS_IS, noise]


def test_the_search_finds_the_view_that_is_best_in_each_property():
    best = View(Ink("flattened", "bolder"), Geometry("trim", 1.5))

    def read(view):
        same = (
            view.ink.grey == best.ink.grey,
            view.geometry.frame == best.geometry.frame,
            view.geometry.width == best.geometry.width,
            view.ink.stroke == best.ink.stroke,
        )
        looked_at.append(view)
        return [("abcd", 0.1 + 0.2 * sum(same))]

    looked_at: list[View] = []
    ranked = search_views(read, read(AS_IS))
    assert ranked[0] == best
    assert set(ranked) == set(looked_at)
    assert len(looked_at) == len(set(looked_at)) == 5 + 2 * 2 + len(WIDTHS) - 1 + 2
    looked_at.clear()
    assert search_views(read, read(AS_IS), ("trim",), ("larger", "largest"))[0] == best
    assert {view.scale for view in looked_at} == {"usual", "larger", "largest"}
    assert {view.geometry.frame for view in looked_at} == {"whole", "trim"}


def test_no_view_is_better_than_the_picture_as_it_is_where_all_read_alike():
    assert search_views(lambda _: [("ab", 0.5)], [("ab", 0.5)])[0] == AS_IS


def test_a_view_changes_the_ink_of_the_whole_picture_before_its_geometry():
    pixels = np.full((60, 200, 3), (200, 60, 60), np.uint8)
    pixels[20:40, 50:120] = (60, 131, 60)  # as light, in grey
    seen = View(Ink("contrast"), Geometry("trim")).apply(pixels)
    assert seen.shape[1] < 110
    assert (seen[0, 0].tolist(), seen.min()) == ([255, 255, 255], 0)
    assert str(View(Ink("contrast", "bolder"), Geometry("trim"))) == (
        "trimmed to the text, by the distance from their commonest colour and bolder"
    )
    assert str(AS_IS) == "whole"
