"""Charts of a page: every bar and dot inside its picture, names cut to their room."""

from __future__ import annotations

import re

import pytest

from tellapart.viz import charts


def numbers(name, markup):
    """The values of an attribute, in order."""
    return [float(value) for value in re.findall(rf'\b{name}="([0-9.]+)%?"', markup)]


def test_names_of_any_script_are_cut_to_their_room():
    assert charts._short("a" * 17) == "a" * 17
    assert charts._short("a" * 18) == "a" * 16 + "…"
    assert charts._short("中" * 9) == "中" * 8 + "…"


@pytest.mark.parametrize("sizes", [{(1, 1): 1, (9000, 1): 2}, {(64, 48): 3, (65, 48): 1}])
def test_any_sizes_can_be_drawn(sizes):
    drawn = charts.scatter(sizes, {})
    wide, tall = map(float, re.search(r'viewBox="0 0 (\S+) ([^"]+)"', drawn).groups())
    assert sum(map(int, re.findall("<title>([0-9]+) image", drawn))) == sum(sizes.values())
    assert all(0 <= x <= wide for x in numbers("cx", drawn))
    assert all(0 <= y <= tall for y in numbers("cy", drawn))


def test_odd_sizes_are_pointed_out():
    drawn = charts.scatter({(64, 48): 3, (640, 480): 1}, {(640, 480): 1})
    assert drawn.count('class="dot"') == 2
    assert drawn.count('class="dot odd"') == 1
    assert re.findall("<title>([0-9]+ images?) of about", drawn) == ["3 images", "1 image", "1 image"]


def test_bars_are_as_long_as_their_counts():
    drawn = charts.bars([("cat", 40), ("a<b", 10)], "images")
    long, short = (float(width) for width in re.findall(r'<rect[^>]* width="([0-9.]+)%"', drawn))
    assert long == pytest.approx(4 * short, abs=0.1)
    assert "a&lt;b" in drawn
    assert 'aria-label="images: cat 40, a&lt;b 10"' in drawn


def test_of_too_many_bars_the_largest_and_the_smallest_are_left():
    drawn = charts.bars([(f"class {number}", 100 + number) for number in range(70)], "images", most=60, ends=5)
    assert drawn.count("<rect") == 10
    assert "60 lie between, with 105 to 164 each." in drawn
    assert "All 70 as a table" in drawn
