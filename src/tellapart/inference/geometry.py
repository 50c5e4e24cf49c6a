"""The geometry of a picture as a reader sees it: which part of it, and how wide its letters are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.image_io import Pixels

_CONTRAST = 0.35  # of the largest difference from the margin's colour, from which a pixel counts as content
_LEAST_CONTRAST = 40  # grey levels, likewise
_LEAST_SHARE = 0.03  # of a row or column that is content, from which it belongs to the text
_LEAST_SIDE = 4  # px of content across and down, below which nothing is trimmed
_MARGIN = 0.12  # of the text's height, left around it
_PAD = 0.18  # of the picture's height, added above and below it
_SMALL = 0.6  # of the picture's height, up to which a text is small


Frame = Literal["whole", "trim", "pad", "zoom"]


@dataclass(frozen=True)
class Geometry:
    """How a picture is framed and stretched before it is preprocessed.

    Args:
        frame: ``whole`` picture, ``trim`` to its content, ``pad`` it above and below, or ``zoom``: trim it
            where the text is small.
        width: of the result, as a factor of its own.
    """

    frame: Frame = "whole"
    width: float = 1.0

    def __str__(self) -> str:
        """Say it in words."""
        frame = {
            "whole": "whole", "trim": "trimmed to the text", "pad": "with more room above and below",
            "zoom": "trimmed to the text where that is small",
        }[self.frame]  # fmt: skip
        return frame if self.width == 1 else f"{frame}, {self.width:g} times as wide"

    @property
    def trims(self) -> bool:
        """Whether the size of the result depends on what the picture shows."""
        return self.frame in ("trim", "zoom")

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the picture in this geometry: RGB ``uint8`` (h, w, 3) to (h', w', 3).

        >>> Geometry("pad", 1.5).apply(np.zeros((50, 100, 3), np.uint8)).shape
        (68, 150, 3)
        """
        if self.trims:
            left, top, right, bottom = content_box(pixels)
            if self.frame == "trim" or bottom - top <= _SMALL * len(pixels):
                pixels = pixels[top:bottom, left:right]
        elif self.frame == "pad":
            pad = int(pixels.shape[0] * _PAD)
            pixels = np.pad(pixels, ((pad, pad), (0, 0), (0, 0)), mode="edge")
        if self.width == 1:
            return pixels
        image = Image.fromarray(pixels)
        return np.asarray(
            image.resize((max(1, round(image.width * self.width)), image.height), Image.Resampling.BICUBIC)
        )

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Size in px of a picture of this size in this geometry, at most: what is trimmed depends on the picture."""
        if self.frame == "pad":
            height += 2 * int(height * _PAD)
        return max(1, round(width * self.width)), height


WHOLE = Geometry()
WIDTHS = (1.0, 0.7, 0.85, 1.2, 1.5, 1.9)


def content_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Find the text of a picture: what differs from the colour of its margin.

    Args:
        pixels: RGB ``uint8`` (h, w, 3).

    Returns:
        left, top, right, bottom in px, with a small margin; the whole picture where no content stands out.

    >>> picture = np.full((60, 200, 3), 255, np.uint8)
    >>> picture[20:40, 50:120] = 0
    >>> content_box(picture)
    (44, 17, 126, 43)
    """
    height, width = pixels.shape[:2]
    whole = (0, 0, width, height)
    content = content_mask(pixels)
    columns = np.flatnonzero(content.mean(axis=0) > _LEAST_SHARE)
    rows = np.flatnonzero(content.mean(axis=1) > _LEAST_SHARE)
    if len(columns) < _LEAST_SIDE or len(rows) < _LEAST_SIDE:
        return whole
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    around = int((bottom - top) * _MARGIN) + 1
    left, right = int(columns[0]) - 2 * around, int(columns[-1]) + 1 + 2 * around
    return max(0, left), max(0, top - around), min(width, right), min(height, bottom + around)


def content_mask(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """Which pixels of a picture, ``uint8`` (h, w, channels), differ from the colour of its margin: (h, w)."""
    levels = pixels.astype(np.int16)
    margin = np.median(np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]]), axis=0)
    contrast = np.abs(levels - margin).max(axis=2)
    content: npt.NDArray[np.bool_] = contrast > max(_LEAST_CONTRAST, contrast.max() * _CONTRAST)
    return content
