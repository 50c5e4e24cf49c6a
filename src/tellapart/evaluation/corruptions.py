"""Pictures made worse in seven ways, at five severities: what cameras, networks and programs do to them.

The kinds, and the amounts of all but rotation, are those of Hendrycks & Dietterich, "Benchmarking neural network
robustness to common corruptions and perturbations" (2019). Lengths are shares of the picture's shorter side.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from tellapart.core.image_io import Pixels

SEVERITIES = (1, 2, 3, 4, 5)

Floats = npt.NDArray[np.float64]
Generator = np.random.Generator


def corrupt(pixels: Pixels, kind: str, severity: int, seed: int = 0) -> Pixels:
    """A worse copy of a picture.

    Args:
        pixels: RGB ``uint8`` H, W, 3.
        kind: one of `KINDS`.
        severity: 1 to 5.
        seed: of the noise, and of the direction of a rotation and of a change of brightness.

    Returns:
        RGB ``uint8`` H, W, 3.

    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> corrupt(grey, "contrast", 5).max(), corrupt(grey, "pixelate", 5).shape
    (np.uint8(100), (4, 4, 3))
    """
    change, amounts = KINDS[kind]
    return change(pixels, amounts[severity - 1], np.random.default_rng([seed, severity]))


def _noise(pixels: Pixels, spread: float, generator: Generator) -> Pixels:
    return _bytes(pixels / 255 + generator.normal(0, spread, pixels.shape))


def _blur(pixels: Pixels, share: float, _generator: Generator) -> Pixels:
    radius = share * min(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _jpeg(pixels: Pixels, quality: float, _generator: Generator) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=round(quality))
    return np.asarray(Image.open(file).convert("RGB"))


def _brightness(pixels: Pixels, change: float, generator: Generator) -> Pixels:
    return _bytes(pixels / 255 + change * _sign(generator))


def _contrast(pixels: Pixels, factor: float, _generator: Generator) -> Pixels:
    mean = pixels.mean(axis=(0, 1)) / 255
    return _bytes(mean + (pixels / 255 - mean) * factor)


def _pixelate(pixels: Pixels, share: float, _generator: Generator) -> Pixels:
    image = Image.fromarray(pixels)
    small = max(1, round(image.width * share)), max(1, round(image.height * share))
    return np.asarray(image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST))


def _rotation(pixels: Pixels, degrees: float, generator: Generator) -> Pixels:
    """Turned about the middle; what comes into the picture has the colour of its edge."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    fill = tuple(int(value) for value in np.median(edge, axis=0))
    turned = Image.fromarray(pixels).rotate(degrees * _sign(generator), Image.Resampling.BICUBIC, fillcolor=fill)
    return np.asarray(turned)


def _sign(generator: Generator) -> int:
    return 1 if generator.random() < 0.5 else -1


def _bytes(values: Floats) -> Pixels:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


Change = Callable[[Pixels, Any, Generator], Pixels]
KINDS: dict[str, tuple[Change, tuple[float, ...]]] = {  # how, and how much at each severity
    "noise": (_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),  # standard deviation, of the 0..1 range
    "blur": (_blur, (1 / 224, 2 / 224, 3 / 224, 4 / 224, 6 / 224)),  # of a Gaussian, as a share of the shorter side
    "jpeg": (_jpeg, (25, 18, 15, 10, 7)),  # quality
    "brightness": (_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),  # lighter or darker by so much of the 0..1 range
    "contrast": (_contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),  # factor
    "pixelate": (_pixelate, (0.6, 0.5, 0.4, 0.3, 0.25)),  # share of the pixels across that is left
    "rotation": (_rotation, (5, 10, 15, 20, 30)),  # degrees, either way
}
