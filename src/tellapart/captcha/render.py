"""One image from (scheme, seed, index), the same on any machine.

Only the frozen stream of `numpy.random.RandomState` is drawn from, and geometry is rounded to binary
fractions before Pillow sees it: its arithmetic on them is exact, so the compiler and the processor have no
say. What remains is the font rasteriser inside Pillow: another FreeType may shade an edge differently.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tellapart.captcha.fonts import font_file
from tellapart.captcha.schemes import Scheme
from tellapart.errors import ConfigError
from tellapart.images import Pixels

_MARGIN = 2  # pixels of paper left on every side of the text
_TILE = 16  # pixels; a power of two keeps the mesh's division by it exact
_PAD = 2  # pixels of nothing around a glyph, so that its edge fades when turned
_FINE = 4  # lines and spots are drawn this many times larger, for smooth edges
_FIT = 0.97  # the least step by which a text that is too wide shrinks

_Draw = Callable[[], float]  # the next number of the stream, in 0..1


def draw(scheme: Scheme, seed: int, indices: Iterable[int]) -> list[tuple[Pixels, str]]:
    """The images of ``indices``: the batch function that a pool or a cluster can run.

    Raises:
        ConfigError: as in `render`.

    >>> from tellapart.captcha.schemes import scheme
    >>> [text for _, text in draw(scheme("digits"), 0, range(2))]
    ['11027', '40683']
    """
    return [render(scheme, seed, index) for index in indices]


def render(scheme: Scheme, seed: int, index: int) -> tuple[Pixels, str]:
    """Draw one image: RGB ``uint8`` of shape (height, width, 3), and its text.

    Raises:
        ConfigError: ``seed`` or ``index`` is not within 0 to 2**32 - 1, a font is not installed, or a font
            lacks a character of the alphabet.

    >>> from tellapart.captcha.schemes import scheme
    >>> pixels, text = render(scheme("plain"), seed=0, index=7)
    >>> pixels.shape, text
    ((60, 160, 3), '8bnnt')
    """
    for name, value in (("seed", seed), ("index", index)):
        if not 0 <= value < 2**32:
            raise ConfigError(f"{name} is {value}; it must be within 0 to {2**32 - 1}")
    stream = np.random.RandomState([seed, index])
    uniform = stream.random_sample
    length = _whole(uniform, (scheme.min_length, scheme.max_length))
    text = "".join(_pick(uniform, scheme.alphabet) for _ in range(length))
    canvas = Image.new("RGB", (scheme.width, scheme.height), _pick(uniform, scheme.paper))
    poses = _poses(scheme, uniform, text)
    if scheme.lines[1] or scheme.spots[1]:
        canvas.paste(_pick(uniform, scheme.ink), (0, 0), _clutter(scheme, uniform))
    for ink, corner, mask in _laid_out(scheme, uniform, poses):
        canvas.paste(ink, corner, mask)
    return _copied(scheme, canvas, stream), text


def encode(scheme: Scheme, pixels: Pixels) -> bytes:
    """The image as PNG, packed lightly: at these sizes time matters more than a few bytes.

    >>> from tellapart.captcha.schemes import scheme
    >>> encode(scheme("digits"), render(scheme("digits"), 0, 0)[0])[:4]
    b'\\x89PNG'
    """
    image = Image.fromarray(pixels)
    if scheme.black_and_white:
        image = image.convert("1", dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Pose:
    """One letter and how it lies."""

    character: str
    font: str
    size: int
    ink: str
    angle: float  # radians
    stretch: tuple[float, float]
    shear: float
    drop: float  # pixels below the line


@dataclass(frozen=True)
class _Waves:
    """The elastic bend: where the canvas point (x, y) takes its ink from, relative to itself."""

    amplitude: float
    periods: tuple[float, ...]
    phases: tuple[float, ...]

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        along = (y, x + y, x, x - y)  # each direction is moved by one wave across it and one aslant
        waves = [
            math.sin(math.tau * (place / period + phase))
            for place, period, phase in zip(along, self.periods, self.phases, strict=True)
        ]
        half = self.amplitude / 2
        return half * (waves[0] + waves[1]), half * (waves[2] + waves[3])


def _poses(scheme: Scheme, uniform: _Draw, text: str) -> list[_Pose]:
    def manner() -> tuple[str, int, str]:
        return _pick(uniform, scheme.fonts), _whole(uniform, scheme.font_size), _pick(uniform, scheme.ink)

    shared = manner()
    poses = []
    for character in text:
        font, size, ink = manner() if scheme.mixed else shared
        angle = math.radians(_between(uniform, (-scheme.rotation, scheme.rotation)))
        stretch = _between(uniform, scheme.stretch), _between(uniform, scheme.stretch)
        shear = _between(uniform, (-scheme.shear, scheme.shear))
        drop = _between(uniform, (-scheme.jitter, scheme.jitter))
        poses.append(_Pose(character, font, size, ink, angle, stretch, shear, drop))
    return poses


def _laid_out(scheme: Scheme, uniform: _Draw, poses: list[_Pose]) -> list[tuple[str, tuple[int, int], Image.Image]]:
    """Every letter's ink, place and mask: one line of text, whole, somewhere on the canvas."""
    gaps = [_between(uniform, scheme.gap) for _ in poses[1:]]
    spare = uniform(), uniform()  # which part of the free room lies left of the text, and above it
    waves = _Waves(
        scheme.elastic_amplitude,
        tuple(scheme.elastic_period * _between(uniform, (0.75, 1.25)) for _ in range(4)),
        tuple(uniform() for _ in range(4)),
    )
    room = scheme.width - 2 * _MARGIN, scheme.height - 2 * _MARGIN
    fit = 1.0
    while True:
        letters = [
            _letter(pose, fit, waves, (scheme.width * (place + 0.5) / len(poses), scheme.height / 2))
            for place, pose in enumerate(poses)
        ]
        spaces = [math.floor(gap * fit + 0.5) for gap in gaps]
        wide = sum(mask.width for mask, _ in letters) + sum(spaces)
        high = max(mask.height for mask, _ in letters)
        if wide <= room[0] and high <= room[1]:
            break
        fit *= min(_FIT, room[0] / wide, room[1] / high)

    left = _MARGIN + int(spare[0] * (room[0] - wide + 1))
    # The line on which the letters stand goes where all of them have room, if there is such a place.
    highest = max(_MARGIN - top for _, top in letters)
    lowest = min(scheme.height - _MARGIN - top - mask.height for mask, top in letters)
    line = highest + int(spare[1] * (lowest - highest + 1)) if lowest >= highest else (highest + lowest) // 2
    placed = []
    for (mask, top), pose, space in zip(letters, poses, [*spaces, 0], strict=True):
        y = min(max(line + top, _MARGIN), scheme.height - _MARGIN - mask.height)
        placed.append((pose.ink, (left, y), mask))
        left += mask.width + space
    return placed


def _letter(pose: _Pose, fit: float, waves: _Waves, place: tuple[float, float]) -> tuple[Image.Image, int]:
    """The letter's mask, cut to its ink, and the row of its upper edge relative to the line it stands on."""
    glyph, middle = _glyph(pose.font, pose.size, pose.character)
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    wide, high = pose.stretch[0] * fit, pose.stretch[1] * fit
    # Glyph to canvas: stretch, then lean, then turn. Canvas to glyph, which Pillow wants, is its inverse.
    a, b = cos * wide, (cos * pose.shear - sin) * high
    c, d = sin * wide, (sin * pose.shear + cos) * high
    area = wide * high
    width = math.ceil(abs(a) * glyph.width + abs(b) * glyph.height + 2 * waves.amplitude)
    height = math.ceil(abs(c) * glyph.width + abs(d) * glyph.height + 2 * waves.amplitude)
    back = tuple(_exact(value) for value in (d / area, -b / area, -c / area, a / area))
    if waves.amplitude:
        mask = _bent(glyph, (width, height), back, waves, place)
    else:
        x, y = _source(back, -width / 2, -height / 2, glyph)
        matrix = (back[0], back[1], x, back[2], back[3], y)
        mask = glyph.transform((width, height), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR)
    box = mask.getbbox() or (0, 0, 1, 1)
    return mask.crop(box), math.floor(middle * high + pose.drop - height / 2 + 0.5) + box[1]


def _bent(
    glyph: Image.Image,
    size: tuple[int, int],
    back: tuple[float, ...],
    waves: _Waves,
    place: tuple[float, float],
) -> Image.Image:
    """The glyph turned and bent in one resampling: a mesh whose knots follow the waves."""
    columns, rows = -(-size[0] // _TILE), -(-size[1] // _TILE)
    knots = {}
    for row in range(rows + 1):
        for column in range(columns + 1):
            x, y = column * _TILE - size[0] / 2, row * _TILE - size[1] / 2
            dx, dy = waves(place[0] + x, place[1] + y)
            knots[row, column] = _source(back, x + dx, y + dy, glyph)
    mesh = [
        (
            (column * _TILE, row * _TILE, (column + 1) * _TILE, (row + 1) * _TILE),
            # Pillow's order of corners: upper left, lower left, lower right, upper right.
            (
                *knots[row, column],
                *knots[row + 1, column],
                *knots[row + 1, column + 1],
                *knots[row, column + 1],
            ),
        )
        for row in range(rows)
        for column in range(columns)
    ]
    whole = columns * _TILE, rows * _TILE
    return glyph.transform(whole, Image.Transform.MESH, mesh, resample=Image.Resampling.BILINEAR)


def _source(back: tuple[float, ...], x: float, y: float, glyph: Image.Image) -> tuple[float, float]:
    """The point of the glyph that shows at (x, y) from the letter's middle."""
    return (
        _exact(back[0] * x + back[1] * y + glyph.width / 2),
        _exact(back[2] * x + back[3] * y + glyph.height / 2),
    )


@lru_cache(maxsize=8192)
def _glyph(font: str, size: int, character: str) -> tuple[Image.Image, float]:
    """A character's mask, and how far below the line it stands on its middle lies, in pixels."""
    face = _face(font, size)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(character, anchor="ls"))
    mask = Image.new("L", (right - left + 2 * _PAD, bottom - top + 2 * _PAD))
    ImageDraw.Draw(mask).text((_PAD - left, _PAD - top), character, fill=255, font=face, anchor="ls")
    if mask.getbbox() is None or bytes(face.getmask(character)) == bytes(face.getmask(_NOBODY)):
        raise ConfigError(f"the font {font!r} has no {character!r}; take it out of the alphabet or the fonts")
    return mask, (top + bottom) / 2


_NOBODY = "\U0010fffe"  # a character that no font has: it draws the box for missing ones


@lru_cache(maxsize=512)
def _face(font: str, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout is Pillow's own; the other depends on a library that not every machine has.
    return ImageFont.truetype(font_file(font), size, layout_engine=ImageFont.Layout.BASIC)


def _clutter(scheme: Scheme, uniform: _Draw) -> Image.Image:
    """The mask of lines and spots: each line a curve from the left part to the right part."""
    width, height = scheme.width * _FINE, scheme.height * _FINE
    mask = Image.new("1", (width, height))
    pen = ImageDraw.Draw(mask)
    for _ in range(_whole(uniform, scheme.lines)):
        x = [part * width for part in (0.3 * uniform(), 0.2 + 0.6 * uniform(), 0.7 + 0.3 * uniform())]
        y = [uniform() * height for _ in range(3)]
        points = [
            tuple(math.floor((1 - t) ** 2 * at[0] + 2 * t * (1 - t) * at[1] + t**2 * at[2]) for at in (x, y))
            for t in _STEPS
        ]
        thick = math.floor(_between(uniform, scheme.line_width) * _FINE + 0.5)
        pen.line(points, fill=1, width=thick)
    for _ in range(_whole(uniform, scheme.spots)):
        x0, y0 = int(uniform() * width), int(uniform() * height)
        radius = math.floor(_between(uniform, scheme.spot_radius) * _FINE + 0.5)
        pen.ellipse((x0 - radius, y0 - radius, x0 + radius, y0 + radius), fill=1)
    return mask.convert("L").reduce(_FINE)


_STEPS = [step / 16 for step in range(17)]


def _copied(scheme: Scheme, canvas: Image.Image, stream: np.random.RandomState) -> Pixels:
    """What a bad copy adds: noise, one bit a pixel, JPEG."""
    pixels: Pixels = np.array(canvas)
    if scheme.noise:
        grain = np.frombuffer(stream.bytes(scheme.width * scheme.height), np.uint8)
        levels = (grain.astype(np.int32) * (2 * scheme.noise + 1) >> 8) - scheme.noise
        noisy = pixels + levels.reshape(scheme.height, scheme.width, 1)
        pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    if scheme.black_and_white:
        grey = np.array(Image.fromarray(pixels).convert("L"))
        pixels = np.repeat(np.where(grey < 128, np.uint8(0), np.uint8(255))[..., None], 3, axis=2)
    if scheme.jpeg_quality:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=scheme.jpeg_quality)
        pixels = np.array(Image.open(buffer))
    return pixels


def _exact(value: float) -> float:
    """Rounded to 1/1024: sums and products of such numbers are exact, whatever order they are taken in."""
    return math.floor(value * 1024 + 0.5) / 1024


def _between(uniform: _Draw, ends: tuple[float, float]) -> float:
    return ends[0] + (ends[1] - ends[0]) * uniform()


def _whole(uniform: _Draw, ends: tuple[int, int]) -> int:
    return ends[0] + int(uniform() * (ends[1] - ends[0] + 1))


def _pick(uniform: _Draw, choices: Sequence[str]) -> str:
    return choices[int(uniform() * len(choices))]
