"""One image from (scheme, seed, index), the same on any machine.

Only the frozen stream of `numpy.random.RandomState` is drawn from, and geometry is rounded to binary
fractions before Pillow sees it: its arithmetic on them is exact, so the compiler and the processor have no
say. What remains is the font rasteriser inside Pillow: another FreeType may shade an edge differently.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from tellapart.core.errors import ConfigError
from tellapart.core.image_io import Pixels
from tellapart.synthesis.background import (
    draw_background,
    draw_badges,
    draw_clutter,
    draw_frame,
    draw_patches,
    draw_stray_letters,
    has_clutter,
)
from tellapart.synthesis.glyphs import layout_glyphs, paint, sample_poses
from tellapart.synthesis.random_scheme import RandomScheme
from tellapart.synthesis.random_stream import Draw, choice, round_to_1024, uniform_float, uniform_integer
from tellapart.synthesis.scheme import Scheme
from tellapart.synthesis.warp import apply_warp


def draw(scheme: Scheme | RandomScheme, seed: int, indices: Iterable[int]) -> list[tuple[Pixels, str]]:
    """Draw several images, each with its text; a pool or a cluster can run this function.

    Args:
        scheme: what they look like.
        seed: 0 to 2**32 - 1.
        indices: 0 to 2**32 - 1 each.

    Raises:
        ConfigError: as in `render`.

    >>> from tellapart.synthesis.presets import scheme
    >>> [text for _, text in draw(scheme("digits"), 0, range(2))]
    ['11027', '40683']
    """
    return [render(scheme, seed, index) for index in indices]


def _check_range(name: str, value: int) -> None:
    """Refuse a number that a stream cannot begin with."""
    if not 0 <= value < 2**32:
        raise ConfigError(f"{name} is {value}; it must be within 0 to {2**32 - 1}")


def render(scheme: Scheme | RandomScheme, seed: int, index: int) -> tuple[Pixels, str]:
    """Draw one image and return its pixels, RGB ``uint8`` H, W, 3, and its text.

    Args:
        scheme: what it looks like.
        seed: 0 to 2**32 - 1.
        index: 0 to 2**32 - 1.

    Raises:
        ConfigError: ``seed`` or ``index`` is not within 0 to 2**32 - 1, a font is not installed, or a font
            lacks a character of the alphabet.

    >>> from tellapart.synthesis.presets import scheme
    >>> pixels, text = render(scheme("plain"), seed=0, index=7)
    >>> pixels.shape, text
    ((60, 160, 3), '8bnnt')
    """
    _check_range("seed", seed)
    _check_range("index", index)
    scheme = scheme.of(seed, index)
    stream = np.random.RandomState([seed, index])
    uniform = stream.random_sample
    length = uniform_integer(uniform, (scheme.min_length, scheme.max_length))
    text = "".join(choice(uniform, scheme.alphabet) for _ in range(length))
    canvas, paper = draw_background(scheme, uniform, stream)
    letters = sample_poses(scheme, uniform, text)
    if scheme.patches[1]:
        draw_patches(scheme, uniform, canvas)
    if scheme.decoys[1]:
        draw_stray_letters(scheme, uniform, canvas, paper)
    clutter = None
    if has_clutter(scheme):
        clutter = choice(uniform, scheme.clutter_ink or scheme.ink), draw_clutter(scheme, uniform)
    if clutter and not scheme.over:
        canvas.paste(clutter[0], (0, 0), clutter[1])
    placed = layout_glyphs(scheme, uniform, letters)
    if scheme.badges:
        boxes = [(left, top, left + mask.width, top + mask.height) for _, (left, top), mask in placed]
        draw_badges(scheme, uniform, canvas, boxes)
    for letter in placed:
        paint(canvas, letter, paper)
    if clutter and scheme.over:
        canvas.paste(ImageChops.invert(canvas) if scheme.negative else clutter[0], (0, 0), clutter[1])
    if scheme.warp_amplitude or scheme.perspective:
        canvas = apply_warp(scheme, uniform, canvas)
    if scheme.frame:
        draw_frame(scheme, uniform, canvas)
    return _degrade(scheme, canvas, uniform, stream), text


def encode(scheme: Scheme | RandomScheme, pixels: Pixels) -> bytes:
    """Return the image as PNG of low compression: at these sizes time matters more than a few bytes.

    Args:
        scheme: a black-and-white scheme gives one bit a pixel.
        pixels: ``uint8`` H, W, 3.

    >>> from tellapart.synthesis.presets import scheme
    >>> encode(scheme("digits"), render(scheme("digits"), 0, 0)[0])[1:4]
    b'PNG'
    """
    image = Image.fromarray(pixels)
    if isinstance(scheme, Scheme) and scheme.black_and_white:
        image = image.convert("1", dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _degrade(scheme: Scheme, canvas: Image.Image, uniform: Draw, stream: np.random.RandomState) -> Pixels:
    """Return the pixels after blur, loss of colour, noise, stray pixels, thresholding and JPEG."""
    if scheme.blur[1]:
        canvas = canvas.filter(ImageFilter.BoxBlur(round_to_1024(uniform_float(uniform, scheme.blur))))
    if scheme.grey:
        canvas = canvas.convert("L").convert("RGB")
    pixels: Pixels = np.array(canvas)
    if scheme.noise:
        grain = np.frombuffer(stream.bytes(scheme.width * scheme.height), np.uint8)
        levels = (grain.astype(np.int32) * (2 * scheme.noise + 1) >> 8) - scheme.noise
        noisy = pixels + levels.reshape(scheme.height, scheme.width, 1)
        pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    if scheme.salt:
        size = scheme.height, scheme.width
        hit = np.frombuffer(stream.bytes(2 * size[0] * size[1]), "<u2").reshape(size) < int(scheme.salt * 65536)
        grains = np.frombuffer(stream.bytes(size[0] * size[1] * 3), np.uint8).reshape(*size, 3)
        pixels[hit] = grains[hit] if not scheme.grey else grains[hit][:, :1]
    if scheme.black_and_white:
        grey = np.array(Image.fromarray(pixels).convert("L"))
        pixels = np.repeat(np.where(grey < 128, np.uint8(0), np.uint8(255))[..., None], 3, axis=2)
    if scheme.jpeg_quality:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=scheme.jpeg_quality)
        pixels = np.array(Image.open(buffer))
    return pixels
