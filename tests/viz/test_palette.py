"""A colour for each class: the same names get the same colours, and no two are alike."""

from __future__ import annotations

import re

from tellapart.viz.palette import class_colours


def test_of_two_the_first_is_red():
    assert class_colours(["animal", "object"]) == {"animal": "#d1382c", "object": "#2563a8"}
    assert len(set(class_colours([str(number) for number in range(60)]).values())) == 60


def test_colours_are_hexadecimal_and_depend_on_the_place_alone():
    names = [f"class {number}" for number in range(40)]
    colours = class_colours(names)
    assert list(colours) == names
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours.values())
    assert list(class_colours(names[:15]).values()) == list(colours.values())[:15]
