"""A map as a picture with its legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw

from tellapart.core.drawn_text import draw_text
from tellapart.core.files import atomic_file
from tellapart.viz.palette import GREY, INK, SOFT_INK

SIDE, LEGEND, MARGIN = 1200, 320, 40  # px
FINER = 2  # drawn larger and shrunk, so that dots are round
NAMED = 40  # classes in the legend

Floats = npt.NDArray[np.float32]


def draw_embedding(
    path: Path, title: str, places: Floats, labels: Sequence[str], colour: dict[str, str], new: Sequence[bool] = ()
) -> None:
    """Write the picture as PNG, whole or not at all.

    Args:
        path: the file.
        title: its lines stand above the legend.
        places: N, 2.
        labels: what the colour of each stands for.
        colour: label → colour as #rrggbb, in the order of the legend.
        new: those to be shown large, before all others; the old ones are grey then.
    """
    image = Image.new("RGB", ((SIDE + LEGEND) * FINER, SIDE * FINER), "white")
    pen = ImageDraw.Draw(image)
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    room = (SIDE - 2 * MARGIN) * FINER
    shift = (room - (high - low) / span * room) / 2
    at = MARGIN * FINER + shift + (places - low) / span * room
    at[:, 1] = SIDE * FINER - at[:, 1]  # upwards, as on paper
    radius = FINER * float(np.clip(150 / np.sqrt(max(len(places), 1)), 1.2, 7))
    late = np.array(new if len(new) else [False] * len(places))
    # In an order that favours no class.
    for place in np.random.default_rng(0).permutation(len(places)).tolist():
        if not late[place]:
            shown = GREY if late.any() else colour[labels[place]]
            _dot(pen, at[place], radius, ImageColor.getrgb(shown))
    for place in np.flatnonzero(late).tolist():
        _dot(pen, at[place], radius + 4 * FINER, ImageColor.getrgb(colour[labels[place]]), outline=INK)
    image = image.resize((SIDE + LEGEND, SIDE), Image.Resampling.LANCZOS)
    _legend(ImageDraw.Draw(image), title, labels, colour)
    with atomic_file(path) as temporary:
        image.save(temporary, "PNG", optimize=True)


def _dot(
    pen: ImageDraw.ImageDraw, at: Floats, radius: float, fill: tuple[int, ...], outline: tuple[int, ...] | None = None
) -> None:
    x, y = map(float, at)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline, width=FINER)


def _legend(pen: ImageDraw.ImageDraw, title: str, labels: Sequence[str], colour: dict[str, str]) -> None:
    x, y = SIDE + 10, MARGIN
    for line in title.split("\n"):
        draw_text(pen, (x, y), _short(line), INK, 16)
        y += 24
    counts = dict.fromkeys(colour, 0)
    for label in labels:
        counts[label] += 1
    present = [name for name in colour if counts[name]]
    largest = set(sorted(present, key=lambda name: -counts[name])[:NAMED])
    y += 12
    for name in present:
        if name in largest:
            pen.ellipse((x, y + 3, x + 12, y + 15), fill=ImageColor.getrgb(colour[name]))
            draw_text(pen, (x + 22, y), f"{_short(name)}  {counts[name]:,}", INK, 14)
            y += 22
    if len(present) > NAMED:
        draw_text(pen, (x, y), f"and {len(present) - NAMED} smaller classes", SOFT_INK, 14)


def _short(text: str, most: int = 32) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
