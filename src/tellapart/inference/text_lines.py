"""Whether a picture holds several lines of text, of which a reader reads one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tellapart.core.image_io import Pixels
from tellapart.inference.geometry import content_mask

_EMPTY = 0.015  # share of a row that is content, up to which it lies between lines
_LEAST_HEIGHT = 0.15  # of the picture, of a line
_LEAST_WIDTH = 0.3  # of the picture, from a line's first to its last column
_LEAST_FILLED = 0.25  # share of all columns that hold something of a line
_MOST_FILLED = 0.6  # share of a line's pixels that are content: more is a bar, no text
_ALIKE = 0.6  # height of one line in those of the next, at least
_BESIDE = 0.5  # share of the wider line's width that lies above or below the other


def has_text_lines(pixels: Pixels) -> bool:
    """Whether two lines of text, or more, stand in a picture, one below the other.

    Rows without content part them; where lines or dots cross these rows too, nothing is found.

    Args:
        pixels: ``uint8`` (h, w, channels).

    >>> picture = np.full((80, 200, 3), 255, np.uint8)
    >>> picture[10:30, 20:180:3] = picture[50:70, 20:180:3] = 0
    >>> has_text_lines(picture), has_text_lines(picture[:40])
    (True, False)
    """
    content = content_mask(pixels)
    filled = content.mean(axis=1) > _EMPTY
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    bands = [content[top:bottom] for top, bottom in zip(edges[::2], edges[1::2], strict=True)]
    lines = [band for band in bands if _is_line(band, len(content))]
    return any(_is_pair(one, other) for one, other in pairwise(lines))


def _is_line(band: npt.NDArray[np.bool_], height: int) -> bool:
    columns = np.flatnonzero(band.any(axis=0))
    if not len(columns) or len(band) < _LEAST_HEIGHT * height:
        return False
    wide = columns[-1] - columns[0] >= _LEAST_WIDTH * band.shape[1]
    return bool(wide and len(columns) >= _LEAST_FILLED * band.shape[1] and band.mean() < _MOST_FILLED)


def _is_pair(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> bool:
    first, second = (np.flatnonzero(band.any(axis=0))[[0, -1]] for band in (one, other))
    shared = min(first[1], second[1]) - max(first[0], second[0])
    alike = min(len(one), len(other)) >= _ALIKE * max(len(one), len(other))
    return bool(alike and shared >= _BESIDE * max(first[1] - first[0], second[1] - second[0]))
