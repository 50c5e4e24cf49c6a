"""Papers, lines and what else is strewn change the picture and not the text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tellapart.synthesis import Scheme, render
from tellapart.synthesis.scheme import BADGE_SHAPES, GROUNDS

BARE = Scheme("bare", width=120, height=48, alphabet="AB3", min_length=3, max_length=3, font_size=(30, 30))


@pytest.mark.parametrize("ground", GROUNDS[1:])
def test_each_ground_is_no_flat_paper_and_hides_no_letter(ground):
    flat, text = render(BARE, 0, 0)
    drawn, same = render(dataclasses.replace(BARE, grounds=(ground,), paper=("#ffffff", "#d0d8e0")), 0, 0)
    assert text == same
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > len(np.unique(flat.reshape(-1, 3), axis=0))
    black = [(pixels == 0).all(axis=2).sum() for pixels in (flat, drawn)]  # the letters stand elsewhere, as dark
    assert black[1] == pytest.approx(black[0], rel=0.25)


@pytest.mark.parametrize(
    "changes",
    [{"arcs": (3, 3)}, {"boxes": (3, 3)}, {"grid": (10, 10)}, {"decoys": (9, 9)}, {"salt": 0.1}, {"blur": (1.0, 1.0)},
     {"warp_amplitude": 3.0}, {"perspective": 0.3}, {"patches": (9, 9), "clutter_ink": ("#80ff80",)}, {"frame": 2},
     {"badges": ("#ffcc80",)}, {"aspect": 1.3}, {"lines": (3, 3), "bent": True}, {"rise": 20.0}, {"arch": 20.0},
     {"styles": ("striped",)}, {"styles": ("dotted",)}],
    ids=str,
)  # fmt: skip
def test_each_disturbance_changes_the_picture_but_not_the_text(changes):
    bare, text = render(BARE, 0, 1)
    drawn, same = render(dataclasses.replace(BARE, **changes), 0, 1)
    assert text == same
    assert drawn.shape == bare.shape
    assert not np.array_equal(drawn, bare)


def test_clutter_lies_behind_or_over_the_letters():
    crossed = dataclasses.replace(BARE, lines=(8, 8), line_width=(3.0, 3.0), clutter_ink=("#ff0000",))
    behind, over = render(crossed, 0, 2)[0], render(dataclasses.replace(crossed, over=True), 0, 2)[0]
    letters, red = (behind == 0).all(axis=2), (over == (255, 0, 0)).all(axis=2)
    assert (red & letters).any()
    assert ((behind == (255, 0, 0)).all(axis=2) & letters).sum() == 0 < (red & ~letters).sum()


def test_negative_lines_are_light_on_letters_and_dark_on_paper():
    crossed = dataclasses.replace(BARE, lines=(8, 8), line_width=(3.0, 3.0), over=True)
    plain = render(dataclasses.replace(crossed, over=False, clutter_ink=("#ffffff",)), 0, 2)[0]
    letters, paper = (plain == 0).all(axis=2), (plain == 255).all(axis=2)
    drawn = render(dataclasses.replace(crossed, negative=True), 0, 2)[0]
    assert (drawn[letters] == 255).any()
    assert (drawn[paper] == 0).any()
    assert not (render(crossed, 0, 2)[0][letters] == 255).any()


@pytest.mark.parametrize("shape", BADGE_SHAPES[1:])
def test_badges_of_each_shape_cover_less_than_a_disc(shape):
    badged = dataclasses.replace(BARE, width=240, height=96, badges=("#00ff00",), ink=("#000001",))
    round_one = dataclasses.replace(badged, badge_shape="ring") if shape != "ring" else badged
    covered = [
        int((render(each, 5, 0)[0] == (0, 255, 0)).all(axis=2).sum())
        for each in (dataclasses.replace(badged, badge_shape=shape), round_one)
    ]
    assert covered[0] > 500
    assert covered[0] != covered[1]
