"""Whether images hold colour, and whether colour says which of their strokes are the text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tellapart.core import image_io as images
from tellapart.core.errors import ImageError
from tellapart.core.image_io import Pixels
from tellapart.data.catalog import Catalog

SAMPLE = 64  # images looked at to tell grey from colour
NOISE = 12  # of 255; JPEG's own colour error stays well below it on a grey picture
INK = 60.0  # distance from the ground, of 442: a stroke
TINTED = 0.3  # share of a stroke's difference from its ground that is colour, from where on it has a hue
HUES = 24  # of 15 degrees each
STROKES = 0.1  # share of an image's strokes that makes an ink
NEARLY_ALL = 0.95  # images
MOST = 200_000  # pixels of an image
FEWEST = 8  # images, below which two inks may be the same by chance
# Two axes of colour that are orthogonal to grey and to each other.
CHROMA = np.array([[2, 0], [-1, 3**0.5], [-1, -(3**0.5)]], np.float32) / 6**0.5


def is_grey(catalog: Catalog) -> bool:
    """Whether a sample of the images, spread over the set, holds no colour.

    An image holds colour where the channels of more than one pixel in a hundred lie more than ``NOISE`` apart. Images
    that cannot be decoded say nothing.
    """
    for image in _sample(catalog):
        pixels = image.astype(np.int16)
        if np.percentile(pixels.max(axis=2) - pixels.min(axis=2), 99) > NOISE:
            return False
    return True


def is_colour_coded(catalog: Catalog) -> bool:
    """Whether one ink of the same hue stands in nearly every image of a sample, each time beside an ink of another.

    Such colour may say which strokes are the text: the red letters among black ones, the letters below a red line.
    Where each letter or picture has any colour, or all strokes have one, colour says nothing. Images that cannot be
    decoded say nothing.
    """
    shares = np.array([stroke_hues(image) for image in _sample(catalog)])
    if len(shares) < FEWEST:
        return False
    hues, strokes = shares[:, :HUES], shares.sum(axis=1, keepdims=True)
    same = np.sum([np.roll(hues, turn, axis=1) for turn in (-1, 0, 1)], axis=0)
    alike = np.sum([np.roll(hues, turn, axis=1) for turn in range(-3, 4)], axis=0)
    both = (same >= STROKES) & (strokes - alike >= STROKES)
    return bool(both.mean(axis=0).max() >= NEARLY_ALL)


def stroke_hues(image: Pixels) -> npt.NDArray[np.float64]:
    """How the strokes of an image share the hues, the last number that of strokes without one, HUES + 1.

    A stroke's colour is its difference from the ground, the most frequent colour: so its blurred edge has the hue of
    its core. All numbers are zero where there are no strokes.

    Args:
        image: ``uint8`` H, W, 3.
    """
    pixels = image.reshape(-1, 3)[:: max(1, image.size // 3 // MOST)]
    coarse = (pixels >> 4).astype(np.int64) @ np.array([256, 16, 1])
    ground = pixels[coarse == np.bincount(coarse).argmax()].mean(axis=0, dtype=np.float32)
    apart = pixels.astype(np.float32) - ground
    length = np.linalg.norm(apart, axis=1)
    strokes = length > INK
    if not strokes.any():
        return np.zeros(HUES + 1)
    chroma = apart[strokes] @ CHROMA
    tinted = np.linalg.norm(chroma, axis=1) > TINTED * length[strokes]
    turn = np.arctan2(chroma[:, 1], chroma[:, 0]) / (2 * np.pi) % 1
    hue = np.where(tinted, (turn * HUES).astype(np.int64) % HUES, HUES)
    return np.bincount(hue, minlength=HUES + 1) / len(hue)


def _sample(catalog: Catalog) -> Iterator[Pixels]:
    """Images spread over the set, those that can be decoded."""
    rows = catalog.rows()
    for _, data in catalog.read(rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]):
        try:
            yield images.decode(data, at_least=64)
        except ImageError:
            continue
