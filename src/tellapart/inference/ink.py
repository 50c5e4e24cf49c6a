"""The ink of a picture as a reader sees it: which grey stands for its colours, and how fat its strokes are.

Letters that differ from the paper or from the lines over them by their hue alone are lost in the usual grey; letters
on a paper from dark to light are neither dark nor light. In another grey they stand out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from tellapart.core.image_conversion import LUMA
from tellapart.core.image_io import Pixels

Grey = Literal["usual", "darkest", "brightest", "contrast", "flattened"]
Stroke = Literal["usual", "smoothed", "bolder"]

_SMOOTHING = 0.8  # px, the standard deviation of the Gaussian
_FITS = 4  # of the paper, each to the half that the last one fitted best

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ink:
    """How the colours and the strokes of a picture are changed before it is preprocessed.

    Args:
        grey: ``usual`` leaves the colours to the preprocessing; ``darkest`` and ``brightest`` take the channel that is,
            pixel by pixel; ``contrast`` is the distance from the picture's median colour, and ``flattened`` that from a
            paper whose colour may run from one side to the other.
        stroke: ``smoothed``, or ``bolder`` by a pixel.
    """

    grey: Grey = "usual"
    stroke: Stroke = "usual"

    def __str__(self) -> str:
        """Say it in words; nothing of what is usual."""
        grey = {
            "usual": "", "darkest": "in their darkest channel", "brightest": "in their brightest channel",
            "contrast": "by the distance from their commonest colour", "flattened": "by the distance from their paper",
        }[self.grey]  # fmt: skip
        return " and ".join(each for each in (grey, self.stroke if self.stroke != "usual" else "") if each)

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the picture in this ink: RGB ``uint8`` (h, w, 3), of the same size.

        >>> red_on_green = np.array([[[200, 0, 0], [0, 200, 0], [0, 200, 0]]], np.uint8)
        >>> Ink("contrast").apply(red_on_green)[..., 0].tolist()
        [[0, 255, 255]]
        """
        if self.grey == "darkest":
            pixels = _stack(pixels.min(axis=2))
        elif self.grey == "brightest":
            pixels = _stack(pixels.max(axis=2))
        elif self.grey != "usual":
            level: Floats = pixels.astype(np.float64)
            paper = np.median(level, axis=(0, 1)) if self.grey == "contrast" else _paper(level)
            distance = np.abs(level - paper).max(axis=2)
            pixels = _stack(255 - distance * (255 / max(1.0, float(distance.max()))))
        if self.stroke == "smoothed":
            return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(_SMOOTHING)))
        return _bolder(pixels) if self.stroke == "bolder" else pixels


USUAL = Ink()


def _stack(grey: npt.NDArray[Any]) -> Pixels:
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def _paper(level: Floats) -> Floats:
    """The colour of the paper at each pixel, (h, w, 3): a plane through the half of the pixels that lie nearest to it.

    A trimmed least-squares fit (Rousseeuw 1984): letters and lines, which cover less than half, do not count.
    """
    height, width = level.shape[:2]
    down, across = np.mgrid[:height, :width].reshape(2, -1)
    place = np.stack([np.ones(height * width), across / width, down / height], axis=1)
    colours = level.reshape(-1, 3)
    kept = np.ones(len(place), dtype=bool)
    plane = np.zeros_like(colours)
    for _ in range(_FITS):
        plane = place @ np.linalg.lstsq(place[kept], colours[kept], rcond=None)[0]
        distance = np.abs(colours - plane).max(axis=1)
        kept = distance <= np.median(distance)
    return plane.reshape(level.shape)


def _bolder(pixels: Pixels) -> Pixels:
    """Each stroke a pixel broader to the right and down, whether it is darker or lighter than most of the picture."""
    grey = pixels @ LUMA
    widen = np.minimum if grey.mean() < np.median(grey) else np.maximum
    wider = widen(pixels, np.pad(pixels, ((0, 0), (1, 0), (0, 0)), mode="edge")[:, :-1])
    result: Pixels = widen(wider, np.pad(wider, ((1, 0), (0, 0), (0, 0)), mode="edge")[:-1])
    return result
