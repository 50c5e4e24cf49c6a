"""A confusion matrix as a picture: a cell is darker the larger its share of the row."""

from __future__ import annotations

import numpy as np

from tellapart.viz.confusion_matrix import GAP, SMALL_CELL, cell_size, draw_confusion_matrix
from tellapart.viz.palette import MATRIX_BLUE


def cell_colours(image, classes):
    """The colour of each cell near its upper left corner, beside any number."""
    cell = cell_size(classes)
    top = image.height - GAP - cell * classes
    left = np.flatnonzero((np.asarray(image)[top:] == MATRIX_BLUE).all(axis=2).any(axis=0))[0]
    pixels = np.asarray(image)
    return np.array(
        [
            [pixels[top + cell * row + 1, left + cell * column + 1] for column in range(classes)]
            for row in range(classes)
        ]
    )


def test_a_cell_is_darker_the_larger_its_share():
    colours = cell_colours(draw_confusion_matrix(["cat", "dog"], [[4, 0], [1, 1]]), 2)
    assert colours[0, 0].tolist() == list(MATRIX_BLUE)
    assert colours[0, 1].tolist() == [255, 255, 255]
    assert colours[1, 0].tolist() == colours[1, 1].tolist() == [140, 170, 210]


def test_a_class_without_images_is_white():
    colours = cell_colours(draw_confusion_matrix(["cat", "dog"], [[3, 0], [0, 0]]), 2)
    assert (colours[1] == 255).all()


def test_many_classes_have_small_cells_and_two_have_large_ones():
    counts = np.eye(81, dtype=int).tolist()
    image = draw_confusion_matrix([str(number) for number in range(81)], counts)
    assert image.width < 81 * cell_size(80)
    assert (cell_colours(image, 81)[7, 7] == MATRIX_BLUE).all()
    assert cell_size(81) == SMALL_CELL
    assert draw_confusion_matrix(["a", "b"], [[1, 0], [0, 1]]).height > 250


def test_a_long_name_is_cut():
    short, long = (draw_confusion_matrix([name, "b"], [[1, 0], [0, 1]]) for name in ("n" * 24, "n" * 90))
    assert abs(short.width - long.width) < 60


def test_the_axes_are_named_and_the_title_says_how_many_are_right():
    image = np.asarray(draw_confusion_matrix(["a", "b"], [[1, 0], [0, 1]]).convert("L"))
    other = np.asarray(draw_confusion_matrix(["a", "b"], [[1, 1], [0, 1]]).convert("L"))
    assert (image[:30] < 128).any()
    assert (image[:30] != other[:30]).any()
    assert (image[:, :28] < 160).any()
