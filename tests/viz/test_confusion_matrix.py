"""A confusion matrix as a picture: a cell is darker the larger its share of the row."""

from __future__ import annotations

import numpy as np

from tellapart.viz.confusion_matrix import CELL, GAP, SMALL_CELL, draw_confusion_matrix
from tellapart.viz.palette import MATRIX_BLUE


def cell_colours(image, classes, cell):
    """The colour of each cell near its upper left corner, beside any number."""
    side = image.width - GAP - cell * classes
    pixels = np.asarray(image)
    return np.array(
        [
            [pixels[side + cell * row + 1, side + cell * column + 1] for column in range(classes)]
            for row in range(classes)
        ]
    )


def test_a_cell_is_darker_the_larger_its_share():
    colours = cell_colours(draw_confusion_matrix(["cat", "dog"], [[4, 0], [1, 1]]), 2, CELL)
    assert colours[0, 0].tolist() == list(MATRIX_BLUE)
    assert colours[0, 1].tolist() == [255, 255, 255]
    assert colours[1, 0].tolist() == colours[1, 1].tolist() == [140, 170, 210]


def test_a_class_without_images_is_white():
    colours = cell_colours(draw_confusion_matrix(["cat", "dog"], [[3, 0], [0, 0]]), 2, CELL)
    assert (colours[1] == 255).all()


def test_many_classes_have_small_cells():
    counts = np.eye(81, dtype=int).tolist()
    image = draw_confusion_matrix([str(number) for number in range(81)], counts)
    assert image.width == image.height < 81 * CELL
    assert (cell_colours(image, 81, SMALL_CELL)[7, 7] == MATRIX_BLUE).all()


def test_a_long_name_is_cut():
    short, long = (draw_confusion_matrix([name, "b"], [[1, 0], [0, 1]]) for name in ("n" * 24, "n" * 90))
    assert abs(short.width - long.width) < 2 * CELL
