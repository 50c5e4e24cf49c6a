"""Statistics of one picture: light, sharpness, and the traces that a camera or a drawing program leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = 256  # px: larger pictures are measured at this size, so that a measure means the same for all
_STEPS = (0, 1, 2, 4, 8, 16)  # grey levels between neighbours
_BACKGROUND = 6  # grey levels around the most frequent one

_LEVELS = np.arange(256.0)
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


def image_statistics(picture: Image.Image) -> npt.NDArray[np.float32]:
    """The numbers of `NAMES` for one RGB picture, ``float32``.

    >>> white = image_statistics(Image.new("RGB", (60, 40), "white"))
    >>> float(white[NAMES.index("brightness")]), float(white[NAMES.index("entropy")])
    (1.0, 0.0)
    """
    if max(picture.size) > SIZE:
        picture = picture.copy()
        picture.thumbnail((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    light = picture.convert("L")
    levels = np.array(light.histogram()) / (light.width * light.height)  # Pillow counts several times faster than numpy
    mode = int(levels.argmax())
    ahead = np.abs(_LEVELS - mode) > _BACKGROUND  # which grey levels are foreground
    every = max(1, light.height // 64)  # some 64 rows tell as much as all
    grey = np.asarray(light)[::every].astype(np.int16)
    front = (grey < mode - _BACKGROUND) | (grey > mode + _BACKGROUND)
    both = front[:, :-1] & front[:, 1:]
    slope = grey[:, 1:] - grey[:, :-1]
    steps, steps_ours = _shares(np.abs(slope), both, 256)
    ripples, ripples_ours = _shares(np.abs(slope[:, 1:] - slope[:, :-1]), both[:, 1:] & both[:, :-1], 511)
    second, fourth = float(ripples @ _SQUARES), float(ripples @ _SQUARES**2)
    red, green, blue = np.ascontiguousarray(np.asarray(picture)[::every, ::2].transpose(2, 0, 1))
    ours = front[:, ::2]
    colour, colour_ours = (
        _largest_first(share)
        for share in _shares((red.astype(np.uint16) >> 4 << 8) | (green & 0xF0) | (blue >> 4), ours, 4096)
    )
    depth, depth_ours = _shares(
        np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue), ours, 256
    )
    grain = _grain(grey)
    mean = float(levels @ _LEVELS) / 255
    return np.array(
        [
            mean,
            np.sqrt(max(float(levels @ (_LEVELS / 255) ** 2) - mean**2, 0.0)),
            _entropy(levels),
            second,
            float(depth @ _LEVELS) / 255,
            levels[mode],
            *steps.cumsum()[list(_STEPS)],
            *steps_ours.cumsum()[list(_STEPS)],
            levels[ahead].sum(),
            _entropy(levels[ahead]),
            _entropy(colour),
            _entropy(colour_ours),
            *(colour[:count].sum() for count in (1, 4, 16)),
            *(colour_ours[:count].sum() for count in (1, 4, 16)),
            np.log1p(np.count_nonzero(colour > 1e-4)),
            np.count_nonzero(grain < 1) / len(grain),
            *np.log1p(grain[[len(grain) // 4, len(grain) // 2]]),
            *(np.log1p(_quantile(ripples_ours, q)) for q in (0.25, 0.5)),
            ripples_ours[0],
            np.log1p(fourth / max(second**2, 1e-6)),
            np.count_nonzero(levels) / 256,
            depth_ours[:4].sum(),
        ],
        np.float32,
    )


def _shares(values: Array, ours: Array, kinds: int) -> tuple[Array, Array]:
    """How often each of the values 0..kinds - 1 occurs: of all, and where ``ours`` holds; counted in one pass."""
    numbers = values + ours * np.int16(kinds)
    counts = np.bincount(numbers.ravel(), minlength=2 * kinds).reshape(2, kinds)
    return _share(counts[0] + counts[1]), _share(counts[1])


def _share(counts: Array) -> Array:
    total = counts.sum()
    if not total:
        counts[0] = total = 1  # nothing there: as if all were flat
    result: Array = counts / total
    return result


def _largest_first(share: Array) -> Array:
    """Those that occur."""
    return np.sort(share[share > 0])[::-1]


def _entropy(share: Array) -> float:
    some = share[share > 0]
    some = some / max(some.sum(), 1e-9)
    return float(-(some * np.log2(some)).sum()) + 0.0


def _quantile(share: Array, part: float) -> float:
    return float(share.cumsum().searchsorted(part))


def _grain(grey: Array) -> Array:
    """Standard deviations of blocks of 4 x 8, smallest first."""
    height, width = grey.shape[0] // 4 * 4, grey.shape[1] // 8 * 8
    if not height or not width:
        return np.array([grey.std()])
    blocks = grey[:height, :width].astype(np.float32)

    def mean(values: Array) -> Array:  # columns by addition, rows by a product: numpy sums short axes slowly
        bands = values.reshape(height // 4, 4, width).sum(axis=1)
        result: Array = bands.reshape(-1, 8) @ _EIGHT / 32
        return result

    deviation: Array = np.sqrt(np.maximum(mean(blocks**2) - mean(blocks) ** 2, 0))
    return np.sort(deviation)


_EIGHT = np.ones(8, np.float32)
