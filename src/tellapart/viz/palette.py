"""The colours of pictures: ink and accents on white paper, and a colour for each class."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

# Red and blue first: of animal and object, as of any two, the first by name is red. Dark enough for white paper.
FIRST = ("#d1382c", "#2563a8", "#2e8540", "#c27a00", "#7b3fa0", "#0f8b8d", "#c2407c", "#7a5230", "#5f6b7a", "#7d8a1e")
GOLDEN = 0.618034
GREY = "#9aa4af"  # of dots that stand back

# RGB, on white paper
INK = (30, 34, 40)
SOFT_INK = (105, 110, 118)
BLUE = (43, 108, 176)
RED = (190, 40, 40)
UNSURE, SURE = (200, 40, 40), (30, 120, 60)  # a character with confidence 0, and 1
MATRIX_INK = (20, 20, 30)  # of a confusion matrix
MATRIX_BLUE = (25, 85, 165)  # of a cell that holds its whole row


def class_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, by its place: the first ten from `FIRST`, the others around the colour wheel.

    >>> class_colours(["animal", "object"])
    {'animal': '#d1382c', 'object': '#2563a8'}
    """
    return {name: FIRST[place] if place < len(FIRST) else _hue(place) for place, name in enumerate(names)}


def _hue(place: int) -> str:
    light = (0.38, 0.5, 0.62)[place % 3]
    red, green, blue = colorsys.hls_to_rgb((place * GOLDEN) % 1, light, 0.65)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
