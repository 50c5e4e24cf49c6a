"""A confusion matrix as a picture: a row for each true class, a column for each answer, darker the larger its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from tellapart.core.drawn_text import draw_text, text_length
from tellapart.viz.palette import MATRIX_BLUE, MATRIX_INK, SOFT_INK

SMALLEST, LARGEST = 26, 96  # px, of a cell with its number
SMALL_CELL = 8  # px, with many classes: cells without numbers
SIDE = 384  # px, that few classes fill
NUMBERED = 80  # classes
LONGEST = 24  # characters of a name
GAP = 6
AXIS = 30  # px, of the name of an axis
TITLE = 34


def draw_confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Image.Image:
    """Draw the matrix as an RGB image, with a title and the names of its axes.

    Args:
        labels: the names of the K classes, in any script.
        counts: K, K; rows are the truth, columns the predictions.

    >>> draw_confusion_matrix(["cat", "dog"], [[8, 1], [0, 9]]).mode
    'RGB'
    """
    table = np.array(counts)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    cell = cell_size(len(labels))
    size = 8 if cell < SMALLEST else min(16, 10 + cell // 16)
    names = [label if len(label) <= LONGEST else label[: LONGEST - 1] + "…" for label in labels]
    room = int(max(text_length(name, size) for name in names)) + 2 * GAP
    left, top = AXIS + room, TITLE + AXIS + room
    right = table.trace()
    title = f"{right:,} of {table.sum():,} right"
    across = cell * len(names)
    width = left + max(across, int(text_length(title, 16)) - room) + GAP
    image = Image.new("RGB", (width, top + across + GAP), "white")
    pen = ImageDraw.Draw(image)
    draw_text(pen, (left, GAP), title, MATRIX_INK, 16)
    draw_text(pen, (left + across / 2, TITLE + AXIS / 2), "answer", SOFT_INK, 14, "mm")
    image.paste(_upright("truth", 14, across, AXIS, SOFT_INK, "m"), (0, top))
    for row, name in enumerate(names):
        at = top + cell * row
        draw_text(pen, (left - GAP, at + cell / 2), name, MATRIX_INK, size, "rm")
        image.paste(_upright(name, size, room, cell, MATRIX_INK, "l"), (left + cell * row, TITLE + AXIS))
        for column, count in enumerate(table[row].tolist()):
            _cell(pen, (left + cell * column, at), cell, count, float(share[row, column]))
    return image


def cell_size(classes: int) -> int:
    """The side of a cell, px: few classes have large ones."""
    return min(LARGEST, max(SMALLEST, SIDE // classes)) if classes <= NUMBERED else SMALL_CELL


def _cell(pen: ImageDraw.ImageDraw, corner: tuple[int, int], cell: int, count: int, part: float) -> None:
    left, top = corner
    colour = tuple((255 - part * (255 - np.array(MATRIX_BLUE))).astype(int).tolist())
    pen.rectangle((left, top, left + cell - 2, top + cell - 2), fill=colour)
    if count and cell >= SMALLEST:
        size = min(20, 8 + cell // 8) if count < 1000 or cell > 40 else 8
        ink = "white" if part > 0.5 else MATRIX_INK
        draw_text(pen, (left + cell / 2 - 1, top + cell / 2), str(count), ink, size, "mm")


def _upright(text: str, size: int, length: int, width: int, ink: tuple[int, int, int], where: str) -> Image.Image:
    """A text from bottom to top: ``where`` is l for the bottom, m for the middle."""
    strip = Image.new("RGB", (length, width), "white")
    draw_text(ImageDraw.Draw(strip), (GAP if where == "l" else length / 2, width / 2), text, ink, size, f"{where}m")
    return strip.transpose(Image.Transpose.ROTATE_90)
