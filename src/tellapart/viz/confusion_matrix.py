"""A confusion matrix as a picture: a row for each true class, a column for each answer, darker the larger its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tellapart.viz.palette import MATRIX_BLUE, MATRIX_INK

CELL, SMALL_CELL = 26, 8  # px; with many classes, cells without numbers
NUMBERED = 80  # classes
LONGEST = 24  # characters of a name
GAP = 6


def draw_confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Image.Image:
    """Draw the matrix as an RGB image.

    Args:
        labels: the names of the K classes.
        counts: K, K; rows are the truth, columns the predictions.

    >>> draw_confusion_matrix(["cat", "dog"], [[8, 1], [0, 9]]).mode
    'RGB'
    """
    table = np.array(counts)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    numbered = len(labels) <= NUMBERED
    cell, font = (CELL if numbered else SMALL_CELL), ImageFont.load_default(11 if numbered else 8)
    names = [label if len(label) <= LONGEST else label[: LONGEST - 1] + "…" for label in labels]
    side = int(max(font.getlength(name) for name in names)) + 2 * GAP
    size = side + cell * len(names) + GAP
    image = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(image)
    for row, name in enumerate(names):
        at = side + cell * row
        pen.text((side - GAP, at + cell / 2), name, MATRIX_INK, font, anchor="rm")
        image.paste(_upright(name, font, side, cell), (at, 0))
        for column, count in enumerate(table[row].tolist()):
            left, part = side + cell * column, float(share[row, column])
            colour = tuple((255 - part * (255 - np.array(MATRIX_BLUE))).astype(int).tolist())
            pen.rectangle((left, at, left + cell - 2, at + cell - 2), fill=colour)
            if count and numbered:
                small = font if count < 1000 else ImageFont.load_default(8)
                ink = "white" if part > 0.5 else MATRIX_INK
                pen.text((left + cell / 2 - 1, at + cell / 2), str(count), ink, small, anchor="mm")
    return image


def _upright(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, length: int, width: int) -> Image.Image:
    """A name from bottom to top, above its column."""
    strip = Image.new("RGB", (length, width), "white")
    ImageDraw.Draw(strip).text((GAP, width / 2), name, MATRIX_INK, font, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)
