"""Plots: marks stand where their values belong, ticks are round."""

from __future__ import annotations

import itertools
import re

import pytest

from tellapart.viz import svg
from tellapart.viz.svg import HIGH, LEFT, TOP, WIDE, Axes


def test_the_corners_of_the_axes_are_the_corners_of_the_field():
    axes = Axes((10, 30), (-1, 1))
    assert (axes.across(10), axes.across(30), axes.across(20)) == (LEFT, LEFT + WIDE, LEFT + WIDE / 2)
    assert (axes.down(-1), axes.down(1)) == (TOP + HIGH, TOP)


def test_a_line_goes_through_its_points():
    assert svg.line(Axes(), [0, 1], [0, 1]) == (
        f'<polyline points="{LEFT:.1f},{TOP + HIGH:.1f} {LEFT + WIDE:.1f},{TOP:.1f}" class="line"></polyline>'
    )
    with pytest.raises(ValueError, match="zip"):
        svg.line(Axes(), [0, 1], [0])


def test_columns_stand_on_the_axis_and_empty_ones_are_left_out():
    first, last = svg.columns(Axes((0, 3), (0, 4)), [0, 1, 2, 3], [4, 0, 2])
    tops, heights = (
        [float(re.search(f' {name}="([0-9.]+)"', mark)[1]) for mark in (first, last)] for name in ("y", "height")
    )
    assert (tops, heights) == ([TOP, TOP + HIGH / 2], [HIGH, HIGH / 2])
    assert "<title>2 to 3: 2</title>" in last


def test_dots_say_what_they_are():
    (dot,) = svg.dots(Axes(), [0.5], [0.5], ["a < b"])
    assert "<title>a &lt; b</title>" in dot
    assert f'cx="{LEFT + WIDE / 2:.1f}" cy="{TOP + HIGH / 2:.1f}"' in dot


def test_a_limit_near_the_right_end_has_its_name_on_the_left():
    assert 'text-anchor="start"' in svg.upright(Axes(), 0.2, "limit")
    assert 'text-anchor="end"' in svg.upright(Axes(), 0.8, "limit")


def test_a_plot_is_described_for_those_who_do_not_see_it():
    made = svg.plot(
        Axes(),
        svg.diagonal(Axes()),
        svg.key(("", "ours"), ("other", "theirs")),
        across="x",
        up="y",
        told="A rise",
        note="Why",
    )
    assert 'role="img" aria-label="A rise"' in made
    assert "<figcaption>Why</figcaption>" in made
    assert [text in made for text in ("ours", "theirs", 'class="line other"')] == [True] * 3


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 1e-4), (3, 7e6), (-5, 5), (0.2, 0.21)])
def test_ticks_are_few_and_inside(low, high):
    values = svg.ticks(low, high)
    assert 2 <= len(values) <= 7
    assert low - 1e-9 <= values[0] < values[-1] <= high + 1e-9
    steps = {round((b - a) / (values[1] - values[0]), 6) for a, b in itertools.pairwise(values)}
    assert steps == {1.0}
