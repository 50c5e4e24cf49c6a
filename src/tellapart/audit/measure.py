"""One picture → numbers: light, sharpness, and the traces that a camera or a drawing program leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.images import Pixels

SIZE = 256  # px: larger pictures are measured at this size, so that a measure means the same for all
_STEPS = (0, 1, 2, 4, 8, 16)  # grey levels between neighbours
_BACKGROUND = 6  # grey levels around the most frequent one

_SQUARES = np.arange(511.0) ** 2

Array = npt.NDArray[Any]

# What is measured, in order. Shares are 0..1. "Foreground" leaves out the most frequent grey: clip art and
# product photos both lie on white, and differ in what lies on it.
NAMES = (
    "brightness",  # mean, 0..1
    "contrast",  # standard deviation of grey, 0..1
    "entropy",  # of grey, bits
    "sharpness",  # variance of the second difference of grey, of 0..255
    "saturation",  # mean difference of the largest and smallest channel, 0..1
    "background",  # share of the most frequent grey
    *(f"step_{step}" for step in _STEPS),  # share of neighbours at most so many grey levels apart
    *(f"step_{step}_foreground" for step in _STEPS),
    "foreground",  # share of the picture
    "entropy_foreground",
    "colours",  # entropy of colours, 4 bits a channel
    "colours_foreground",
    "colour_1", "colour_4", "colour_16",  # share of the most frequent colours
    "colour_1_foreground", "colour_4_foreground", "colour_16_foreground",
    "colour_count",  # how many colours, as a logarithm
    "grain_flat", "grain_quarter", "grain_half",  # of blocks: share without structure; quantiles of deviation
    "ripple_quarter", "ripple_half", "ripple_none",  # second differences in the foreground: quantiles, share of none
    "tails",  # how much the second differences are few and large: logarithm of their kurtosis
    "grey_levels",  # share of the 256 that occur
    "grey_foreground",  # share of the foreground without colour
)  # fmt: skip


def measure(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The numbers of `NAMES` for one picture, ``float32``.

    >>> white = measure(np.full((40, 60, 3), 255, np.uint8))
    >>> float(white[NAMES.index("brightness")]), float(white[NAMES.index("entropy")])
    (1.0, 0.0)
    """
    image = Image.fromarray(pixels)
    if max(image.size) > SIZE:
        image.thumbnail((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    grey = np.asarray(image.convert("L"))
    levels = np.bincount(grey.ravel(), minlength=256)
    mode = int(levels.argmax())
    value = np.arange(256)
    ahead = np.abs(value - mode) > _BACKGROUND  # which grey levels are foreground
    rows = grey[:: max(1, len(grey) // 64)]  # some 64 rows tell as much as all
    front = ahead[rows]
    left, right = rows[:, :-1], rows[:, 1:]
    steps = np.maximum(left, right) - np.minimum(left, right)
    both = front[:, :-1] & front[:, 1:]
    whole, ours = _shares(steps, 256), _shares(steps[both], 256)
    wave = rows.astype(np.int16)
    ripple = np.abs(2 * wave[:, 1:-1] - wave[:, :-2] - wave[:, 2:])
    ripples = _shares(ripple, 511)
    ripples_ours = _shares(ripple[both[:, 1:] & both[:, :-1]], 511)
    second, fourth = float(ripples @ _SQUARES), float(ripples @ _SQUARES**2)
    few = np.asarray(image)[:: max(1, len(grey) // 64), ::2]
    codes = few.astype(np.uint16) >> 4
    code = (codes[..., 0] << 8) | (codes[..., 1] << 4) | codes[..., 2]
    colour, colour_ours = _shares(code, 4096), _shares(code[front[:, ::2]], 4096)
    most, most_ours = _largest(colour), _largest(colour_ours)
    red, green, blue = few[..., 0], few[..., 1], few[..., 2]
    depth = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    depth_ours = depth[front[:, ::2]]
    grain = _grain(rows)
    share = levels / grey.size
    mean = float(share @ value) / 255
    return np.array(
        [
            mean,
            np.sqrt(max(float(share @ (value / 255.0) ** 2) - mean**2, 0.0)),
            _entropy(share),
            second,
            depth.mean() / 255,
            share[mode],
            *np.cumsum(whole)[list(_STEPS)],
            *np.cumsum(ours)[list(_STEPS)],
            share[ahead].sum(),
            _entropy(share * ahead),
            _entropy(colour),
            _entropy(colour_ours),
            *(most[:count].sum() for count in (1, 4, 16)),
            *(most_ours[:count].sum() for count in (1, 4, 16)),
            np.log1p(np.count_nonzero(colour > 1e-4)),
            np.mean(grain < 1),
            *np.log1p(grain[[len(grain) // 4, len(grain) // 2]]),
            *(np.log1p(_quantile(ripples_ours, q)) for q in (0.25, 0.5)),
            ripples_ours[0],
            np.log1p(fourth / max(second**2, 1e-6)),
            np.mean(levels > 0),
            np.mean(depth_ours < 4) if depth_ours.size else 1.0,
        ],
        np.float32,
    )


def _shares(values: Array, kinds: int) -> Array:
    counts = np.bincount(values.ravel(), minlength=kinds)
    if not values.size:
        counts[0] = 1  # nothing there: as if all were flat
    result: Array = counts / counts.sum()
    return result


def _largest(share: Array) -> Array:
    """The sixteen largest, largest first."""
    return np.sort(np.partition(share, -16)[-16:])[::-1]


def _entropy(share: Array) -> float:
    some = share[share > 0]
    some = some / max(some.sum(), 1e-9)
    return float(-(some * np.log2(some)).sum()) + 0.0


def _quantile(share: Array, part: float) -> float:
    return float(np.searchsorted(np.cumsum(share), part))


def _grain(rows: Array) -> Array:
    height, width = rows.shape[0] // 4 * 4, rows.shape[1] // 8 * 8
    if not height or not width:
        return np.array([rows.std()])
    blocks = rows[:height, :width].astype(np.float32).reshape(height // 4, 4, width // 8, 8)
    mean = blocks.mean(axis=(1, 3))
    deviation: Array = np.sqrt(np.maximum((blocks**2).mean(axis=(1, 3)) - mean**2, 0)).ravel()
    return np.sort(deviation)
