"""A reader's answers as one PNG: samples with a colour a character, errors by position, confused characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tellapart.core.drawn_text import draw_text, text_length
from tellapart.core.files import atomic_file
from tellapart.metrics.error_analysis import ConfusedPair, PositionError
from tellapart.viz.palette import BLUE, INK, RED, SOFT_INK, SURE, UNSURE

WIDTH, MARGIN = 1200, 24  # px
ACROSS = 4  # samples beside each other
PICTURE = (270, 84)  # px at most
CELL = PICTURE[1] + 58
CHART, BAR = 150, 26  # px
PAIRS = 15

Pixels = npt.NDArray[np.uint8]


class Sample(NamedTuple):
    """A picture, its text, and what was read: each character with its confidence."""

    pixels: Pixels
    truth: str
    read: Sequence[tuple[str, float]]


def draw_samples(path: Path, title: str, samples: Sequence[Sample], errors: Mapping[str, Any]) -> None:
    """Write the picture as PNG, whole or not at all.

    Args:
        path: the file; an existing one is replaced.
        title: the first line of the picture.
        samples: the pictures, in the order to be shown.
        errors: ``by_position`` and ``confused`` of `tellapart.metrics.error_analysis.misreadings`.
    """
    lines = -(-len(samples) // ACROSS)
    below = MARGIN + 62 + lines * CELL
    image = Image.new("RGB", (WIDTH, below + CHART + 100 + MARGIN), "white")
    pen = ImageDraw.Draw(image)
    draw_text(pen, (MARGIN, MARGIN - 6), title, INK, 22)
    legend = "Below each picture what was read, from red (unsure) to green (sure); where it is wrong, also the truth."
    draw_text(pen, (MARGIN, MARGIN + 26), legend, SOFT_INK, 14)
    for number, sample in enumerate(samples):
        corner = (MARGIN + number % ACROSS * (PICTURE[0] + 20), MARGIN + 58 + number // ACROSS * CELL)
        _sample(image, pen, corner, sample)
    _bars(pen, (MARGIN, below), "errors by position", errors["by_position"])
    _pairs(pen, (MARGIN + 640, below), errors["confused"][:PAIRS])
    with atomic_file(path) as temporary:
        image.save(temporary, "PNG")


def _sample(image: Image.Image, pen: ImageDraw.ImageDraw, corner: tuple[int, int], sample: Sample) -> None:
    picture = Image.fromarray(sample.pixels)
    scale = min(PICTURE[0] / picture.width, PICTURE[1] / picture.height, 3)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    image.paste(picture, corner)
    x, y = corner[0], corner[1] + PICTURE[1] + 4
    for character, confidence in sample.read:
        draw_text(pen, (x, y), character, _colour(confidence), 20)
        x += int(text_length(character, 20)) + 2
    if not sample.read:
        draw_text(pen, (x, y), "(nothing)", SOFT_INK, 20)
    if "".join(character for character, _ in sample.read) != sample.truth:
        draw_text(pen, (corner[0], y + 24), sample.truth, RED, 16)


def _bars(pen: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, places: Sequence[PositionError]) -> None:
    draw_text(pen, corner, title, INK, 17)
    most = max((place["cer"] for place in places), default=0.0) or 1.0
    floor = corner[1] + 40 + CHART
    step = min(BAR + 12, 600 // max(1, len(places)))
    for number, place in enumerate(places):
        left = corner[0] + number * step
        high = round((CHART - 20) * place["cer"] / most)
        pen.rectangle((left, floor - high, left + step - 8, floor), fill=BLUE)
        middle = left + (step - 8) / 2
        draw_text(pen, (middle, floor + 4), str(place["at"]), INK, 14, "ma")
        if step > 30:
            draw_text(pen, (middle, floor - high - 4), f"{place['cer']:.1%}".replace("%", " %"), SOFT_INK, 11, "ms")


def _pairs(pen: ImageDraw.ImageDraw, corner: tuple[int, int], pairs: Sequence[ConfusedPair]) -> None:
    draw_text(pen, corner, "characters taken for others", INK, 17)
    if not pairs:
        draw_text(pen, (corner[0], corner[1] + 34), "none", SOFT_INK, 16)
    for number, pair in enumerate(pairs):
        x, y = corner[0] + number % 3 * 170, corner[1] + 34 + number // 3 * 28
        words = f"{pair['truth'] or 'nothing'} as {pair['read'] or 'nothing'}"
        draw_text(pen, (x, y), f"{words}: {pair['n']}", INK, 16)


def _colour(confidence: float) -> tuple[int, int, int]:
    unsure, sure = np.array(UNSURE), np.array(SURE)
    red, green, blue = (unsure + (sure - unsure) * confidence).astype(int).tolist()
    return red, green, blue
