"""The confusion of a report as a picture: a row a true class, a column an answer, darker the larger its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL, SMALL_CELL = 26, 8  # px; with many classes, cells without numbers
NUMBERED = 80  # classes
LONGEST = 24  # characters of a name
GAP = 6
INK, BLUE = (20, 20, 30), np.array([25, 85, 165])


def draw_confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Image.Image:
    """The picture, RGB.

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
        pen.text((side - GAP, at + cell / 2), name, INK, font, anchor="rm")
        image.paste(_upright(name, font, side, cell), (at, 0))
        for column, count in enumerate(table[row].tolist()):
            left, part = side + cell * column, float(share[row, column])
            colour = tuple((255 - part * (255 - BLUE)).astype(int).tolist())
            pen.rectangle((left, at, left + cell - 2, at + cell - 2), fill=colour)
            if count and numbered:
                small = font if count < 1000 else ImageFont.load_default(8)
                ink = "white" if part > 0.5 else INK
                pen.text((left + cell / 2 - 1, at + cell / 2), str(count), ink, small, anchor="mm")
    return image


def _upright(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, length: int, width: int) -> Image.Image:
    """A name from bottom to top, above its column."""
    strip = Image.new("RGB", (length, width), "white")
    ImageDraw.Draw(strip).text((GAP, width / 2), name, INK, font, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)
