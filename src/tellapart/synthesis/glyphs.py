"""Letters: their glyphs, their poses, and their layout on the canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from tellapart.core.errors import ConfigError
from tellapart.synthesis.fonts import font_file
from tellapart.synthesis.random_stream import Draw, choice, round_to_1024, uniform_float, uniform_integer
from tellapart.synthesis.scheme import Scheme
from tellapart.synthesis.warp import Waves, apply_mesh
from tellapart.synthesis.warp import margin as outer_margin

_MARGIN = 2  # pixels of paper left on every side of the text
_PAD = 2  # pixels of nothing around a glyph, so that its edge fades when turned
_FIT = 0.97  # the least step by which a text that is too wide shrinks


@dataclass(frozen=True)
class Pose:
    """One letter and its pose."""

    character: str
    font: str
    size: int
    ink: str
    style: str
    angle: float  # radians
    stretch: tuple[float, float]
    shear: float
    drop: float  # pixels below the line


def sample_poses(scheme: Scheme, uniform: Draw, text: str) -> list[Pose]:
    """Draw the pose of each letter of a text."""

    def sample_look() -> tuple[str, int, str, str]:
        look = choice(uniform, scheme.fonts), uniform_integer(uniform, scheme.font_size), choice(uniform, scheme.ink)
        return *look, choice(uniform, scheme.styles) if len(scheme.styles) > 1 else scheme.styles[0]

    shared = sample_look()
    # Options at their defaults draw no number, so that a seed keeps its picture.
    rise = uniform_float(uniform, (-scheme.rise, scheme.rise)) if scheme.rise else 0.0
    arch = uniform_float(uniform, (-scheme.arch, scheme.arch)) if scheme.arch else 0.0
    result = []
    for index, character in enumerate(text):
        font, size, ink, style = sample_look() if scheme.mixed else shared
        angle = math.radians(uniform_float(uniform, (-scheme.rotation, scheme.rotation)))
        stretch = uniform_float(uniform, scheme.stretch) * scheme.aspect, uniform_float(uniform, scheme.stretch)
        shear = uniform_float(uniform, (-scheme.shear, scheme.shear))
        drop = uniform_float(uniform, (-scheme.jitter, scheme.jitter))
        if rise or arch:
            place = 2 * index / max(len(text) - 1, 1) - 1  # -1 at the first letter, 1 at the last
            drop += round_to_1024(arch * (place * place - 0.5) - rise * place / 2)
        result.append(Pose(character, font, size, ink, style, angle, stretch, shear, drop))
    return result


Placed = tuple[Pose, tuple[int, int], Image.Image]  # a letter, its left upper corner, its mask


def layout_glyphs(scheme: Scheme, uniform: Draw, poses: list[Pose]) -> list[Placed]:
    """Return every letter's place and mask: one line of text, whole, somewhere on the canvas."""
    gaps = [uniform_float(uniform, scheme.gap) for _ in poses[1:]]
    spare = uniform(), uniform()  # which part of the free room lies left of the text, and above it
    waves = Waves.drawn(uniform, scheme.elastic_amplitude, scheme.elastic_period)
    margin = _MARGIN + outer_margin(scheme)
    room = scheme.width - 2 * margin, scheme.height - 2 * margin
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

    left = margin + int(spare[0] * (room[0] - wide + 1))
    # The line on which the letters stand goes where all of them have room, if there is such a place.
    highest = max(margin - top for _, top in letters)
    lowest = min(scheme.height - margin - top - mask.height for mask, top in letters)
    line = highest + int(spare[1] * (lowest - highest + 1)) if lowest >= highest else (highest + lowest) // 2
    placements = []
    for (mask, top), pose, space in zip(letters, poses, [*spaces, 0], strict=True):
        y = min(max(line + top, margin), scheme.height - margin - mask.height)
        placements.append((pose, (left, y), mask))
        left += mask.width + space
    return placements


def paint(canvas: Image.Image, letter: Placed, paper: str) -> None:
    """Put a letter on the canvas in its style."""
    pose, (left, top), mask = letter
    if pose.style == "solid":
        canvas.paste(pose.ink, (left, top), mask)
        return
    edge = ImageOps.expand(mask, 2)
    corner = left - 2, top - 2
    if pose.style == "hollow":
        canvas.paste(pose.ink, corner, ImageChops.subtract(edge.filter(_GROW), edge.filter(_SHRINK)))
    elif pose.style == "contour":  # a line of one pixel around nothing
        canvas.paste(pose.ink, corner, ImageChops.subtract(edge.filter(_GROW), edge))
    elif pose.style == "outlined":  # light inside a line of ink
        canvas.paste(pose.ink, corner, edge.filter(_GROW))
        canvas.paste(blend(pose.ink, paper, 0.75), corner, edge)
    elif pose.style in ("striped", "dotted"):
        canvas.paste(pose.ink, (left, top), ImageChops.multiply(mask, _screen(mask.size, pose)))
    elif pose.style == "shadow":
        canvas.paste(blend(pose.ink, paper, 0.55), (left + 2, top + 2), mask)
        canvas.paste(pose.ink, (left, top), mask)
    else:  # embossed: a lit and a dark edge
        canvas.paste(blend(pose.ink, "#ffffff", 0.8), (left - 1, top - 1), mask)
        canvas.paste(blend(pose.ink, "#000000", 0.6), (left + 1, top + 1), mask)
        canvas.paste(blend(pose.ink, paper, 0.5), (left, top), mask)


_GROW, _SHRINK = ImageFilter.MaxFilter(3), ImageFilter.MinFilter(3)


def _screen(size: tuple[int, int], pose: Pose) -> Image.Image:
    """Return stripes or dots with gaps between, two to four px apart by the size of the letter."""
    period = min(max(pose.size // 12, 2), 4)
    lines = np.arange(size[1])[:, None] % period < (period + 1) // 2
    columns = np.arange(size[0])[None] % period < (period + 1) // 2
    kept = lines & columns if pose.style == "dotted" else np.broadcast_to(lines, (size[1], size[0]))
    return Image.fromarray(np.where(kept, np.uint8(255), np.uint8(0)))


def blend(one: str, other: str, share: float) -> str:
    """Mix two colours ``#rrggbb``; a share of 0 gives the first, of 1 the second.

    >>> blend("#000000", "#ffffff", 0.5)
    '#7f7f7f'
    """
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{a + int((b - a) * share):02x}" for a, b in pairs)


def _letter(pose: Pose, fit: float, waves: Waves, place: tuple[float, float]) -> tuple[Image.Image, int]:
    """Return a letter's mask, cut to its ink, and the row of its upper edge relative to its baseline."""
    glyph, middle = _glyph(pose.font, pose.size, pose.character)
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    wide, high = pose.stretch[0] * fit, pose.stretch[1] * fit
    # Glyph to canvas: stretch, then lean, then turn. Canvas to glyph, which Pillow wants, is its inverse.
    a, b = cos * wide, (cos * pose.shear - sin) * high
    c, d = sin * wide, (sin * pose.shear + cos) * high
    area = wide * high
    width = math.ceil(abs(a) * glyph.width + abs(b) * glyph.height + 2 * waves.amplitude)
    height = math.ceil(abs(c) * glyph.width + abs(d) * glyph.height + 2 * waves.amplitude)
    back = tuple(round_to_1024(value) for value in (d / area, -b / area, -c / area, a / area))
    if waves.amplitude:

        def source(x: float, y: float) -> tuple[float, float]:
            x, y = x - width / 2, y - height / 2
            dx, dy = waves(place[0] + x, place[1] + y)
            return _source(back, x + dx, y + dy, glyph)

        mask = apply_mesh(glyph, (width, height), source)
    else:
        x, y = _source(back, -width / 2, -height / 2, glyph)
        matrix = (back[0], back[1], x, back[2], back[3], y)
        mask = glyph.transform((width, height), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR)
    box = mask.getbbox() or (0, 0, 1, 1)
    return mask.crop(box), math.floor(middle * high + pose.drop - height / 2 + 0.5) + box[1]


def _source(back: tuple[float, ...], x: float, y: float, glyph: Image.Image) -> tuple[float, float]:
    """Return the point of the glyph that shows at (x, y) from the letter's middle."""
    return (
        round_to_1024(back[0] * x + back[1] * y + glyph.width / 2),
        round_to_1024(back[2] * x + back[3] * y + glyph.height / 2),
    )


@lru_cache(maxsize=8192)
def _glyph(font: str, size: int, character: str) -> tuple[Image.Image, float]:
    """Return a character's mask, and how far its middle lies below the baseline, in px."""
    face = _face(font, size)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(character, anchor="ls"))
    mask = Image.new("L", (right - left + 2 * _PAD, bottom - top + 2 * _PAD))
    ImageDraw.Draw(mask).text((_PAD - left, _PAD - top), character, fill=255, font=face, anchor="ls")
    if mask.getbbox() is None or not _has(font, character):
        raise ConfigError(f"the font {font!r} has no {character!r}; take it out of the alphabet or the fonts")
    return mask, (top + bottom) / 2


_MISSING = "\U0010fffe"  # a character that no font has: it draws the box for missing ones


def has_all(font: str, alphabet: str) -> bool:
    """Return whether a font has every letter.

    >>> has_all("lato", "aб"), has_all("roboto", "aб")
    (False, True)
    """
    return all(_has(font, character) for character in alphabet)


@lru_cache(maxsize=65536)
def _has(font: str, character: str) -> bool:
    face = _face(font, 24)
    return bytes(face.getmask(character)) != bytes(face.getmask(_MISSING))


@lru_cache(maxsize=256)  # an open face is about 0.1 MB, and opening it again costs little
def _face(font: str, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout is Pillow's own; the other depends on a library that not every machine has.
    return ImageFont.truetype(font_file(font), size, layout_engine=ImageFont.Layout.BASIC)
