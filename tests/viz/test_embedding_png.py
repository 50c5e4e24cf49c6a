"""A map as a picture: dots of their classes' colours, upwards as on paper, and a legend."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor

from tellapart.viz.embedding_png import LEGEND, SIDE, draw_embedding
from tellapart.viz.palette import GREY, class_colours

COLOURS = class_colours(["cat", "dog"])


def middle_of(path, colour):
    """The mean x and y of the pixels of a colour on the map, or None."""
    with Image.open(path) as image:
        assert image.size == (SIDE + LEGEND, SIDE)
        where = (np.asarray(image)[:, :SIDE] == ImageColor.getrgb(colour)).all(axis=2)
    return tuple(where.nonzero()[axis].mean() for axis in (1, 0)) if where.any() else None


def test_dots_stand_where_they_belong(tmp_path):
    places = np.array([[0, 0], [1, 1]], np.float32)
    draw_embedding(tmp_path / "map.png", "Two\ndots", places, ["cat", "dog"], COLOURS)
    cat, dog = (middle_of(tmp_path / "map.png", COLOURS[name]) for name in ("cat", "dog"))
    assert cat[0] < 100
    assert cat[1] > SIDE - 100
    assert dog[0] > SIDE - 100
    assert dog[1] < 100


def test_beside_new_dots_the_old_ones_are_grey(tmp_path):
    places = np.array([[0, 0], [1, 1]], np.float32)
    draw_embedding(tmp_path / "map.png", "x", places, ["cat", "dog"], COLOURS, [False, True])
    assert middle_of(tmp_path / "map.png", COLOURS["cat"]) is None
    assert middle_of(tmp_path / "map.png", GREY)[1] > SIDE - 100
    assert middle_of(tmp_path / "map.png", COLOURS["dog"])[1] < 100


def test_one_dot_stands_in_the_middle(tmp_path):
    draw_embedding(tmp_path / "map.png", "x", np.zeros((1, 2), np.float32), ["cat"], COLOURS)
    assert np.allclose(middle_of(tmp_path / "map.png", COLOURS["cat"]), SIDE / 2, atol=2)
