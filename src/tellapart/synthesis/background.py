"""Backgrounds and clutter: papers of many kinds, lines, arcs, boxes, grids, spots, stray letters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tellapart.synthesis.fonts import font_file
from tellapart.synthesis.glyphs import blend
from tellapart.synthesis.random_stream import Draw, choice, uniform_float, uniform_integer
from tellapart.synthesis.scheme import Scheme

Box = tuple[int, int, int, int]

_FINE = 4  # lines and spots are drawn this many times larger, for smooth edges
_STEPS = [step / 16 for step in range(17)]


def draw_background(scheme: Scheme, uniform: Draw, stream: np.random.RandomState) -> tuple[Image.Image, str]:
    """Draw an empty canvas; return it and the colour of its paper."""
    paper = choice(uniform, scheme.paper)
    canvas = Image.new("RGB", (scheme.width, scheme.height), paper)
    kind = choice(uniform, scheme.grounds) if len(scheme.grounds) > 1 else scheme.grounds[0]
    if kind == "flat":
        return canvas, paper
    if kind == "photo":
        canvas = Image.merge("RGB", [
            Image.fromarray(_cloud(scheme, stream)).point([low + (high - low) * level // 255 for level in range(256)])
            for low, high in ((max(part - 70, 0), min(part + 40, 255)) for part in _parts(paper))
        ])  # fmt: skip
        return canvas, paper
    other = choice(uniform, scheme.paper) if len(scheme.paper) > 1 else blend(paper, "#808080", 0.35)
    x, y = np.arange(scheme.width)[None], np.arange(scheme.height)[:, None]
    a, b = uniform_integer(uniform, (-8, 8)), uniform_integer(uniform, (-8, 8)) or 1
    period = uniform_integer(uniform, (4, 24))
    if kind == "gradient":
        ramp = a * x + b * y
        mask = (ramp - ramp.min()) * 255 // max(int(ramp.max() - ramp.min()), 1)
    elif kind == "stripes":
        mask = ((a * x + b * y) // (8 * period) % 2) * 255
    elif kind == "checks":
        mask = ((x // period + y // period) % 2) * 255
    elif kind == "hatch":
        mask = _hatch(scheme, uniform, stream)
    else:
        mask = _cloud(scheme, stream)
    canvas.paste(other, (0, 0), Image.fromarray(mask.astype(np.uint8)))
    return canvas, paper


def _cloud(scheme: Scheme, stream: np.random.RandomState) -> np.ndarray:
    """Return soft shapes of three sizes, ``uint8`` H, W."""
    size = scheme.width, scheme.height
    total = np.zeros((scheme.height, scheme.width), np.int32)
    for cells, weight in ((3, 4), (9, 2), (27, 1)):
        across, down = cells + 1, max(2, cells * scheme.height // scheme.width + 1)
        small = Image.frombytes("L", (across, down), stream.bytes(across * down))
        total += np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.int32) * weight
    return (total // 7).astype(np.uint8)


def _hatch(scheme: Scheme, uniform: Draw, stream: np.random.RandomState) -> np.ndarray:
    """Return fine slanting lines whose direction differs from region to region, ``uint8`` H, W: 0 or 255."""
    x, y = np.arange(scheme.width)[None], np.arange(scheme.height)[:, None]
    period = uniform_integer(uniform, (3, 7))
    line = uniform_integer(uniform, (1, period - 1))
    cloud = _cloud(scheme, stream)
    slope = np.where(cloud > np.median(cloud), 1, -1)
    return (((x + slope * y) % period < line) * 255).astype(np.uint8)


def draw_clutter(scheme: Scheme, uniform: Draw) -> Image.Image:
    """Return the mask of lines, spots, arcs, boxes and grid; a line is a curve from the left part to the right."""
    width, height = scheme.width * _FINE, scheme.height * _FINE
    mask = Image.new("1", (width, height))
    pen = ImageDraw.Draw(mask)

    def thickness() -> int:
        return math.floor(uniform_float(uniform, scheme.line_width) * _FINE + 0.5)

    for _ in range(uniform_integer(uniform, scheme.lines)):
        if scheme.bent:
            corners = sorted(int(uniform() * width) for _ in range(uniform_integer(uniform, (2, 5))))
            pen.line([(x, int(uniform() * height)) for x in corners], fill=1, width=thickness())
            continue
        x = [part * width for part in (0.3 * uniform(), 0.2 + 0.6 * uniform(), 0.7 + 0.3 * uniform())]
        y = [uniform() * height for _ in range(3)]
        points = [
            tuple(math.floor((1 - t) ** 2 * at[0] + 2 * t * (1 - t) * at[1] + t**2 * at[2]) for at in (x, y))
            for t in _STEPS
        ]
        pen.line(points, fill=1, width=thickness())
    for _ in range(uniform_integer(uniform, scheme.spots)):
        x0, y0 = int(uniform() * width), int(uniform() * height)
        radius = math.floor(uniform_float(uniform, scheme.spot_radius) * _FINE + 0.5)
        pen.ellipse((x0 - radius, y0 - radius, x0 + radius, y0 + radius), fill=1)
    if scheme.arcs[1]:
        for _ in range(uniform_integer(uniform, scheme.arcs)):
            x0, y0 = int(uniform() * width), int(uniform() * height)
            across, down = (
                int(uniform_float(uniform, (0.2, 1.0)) * height),
                int(uniform_float(uniform, (0.2, 1.0)) * height),
            )
            begin = int(uniform() * 360)
            box = (x0 - across, y0 - down, x0 + across, y0 + down)
            pen.arc(box, begin, begin + 90 + int(uniform() * 270), fill=1, width=thickness())
    if scheme.boxes[1]:
        for _ in range(uniform_integer(uniform, scheme.boxes)):
            x0, y0 = int(uniform() * width), int(uniform() * height)
            size = int(uniform_float(uniform, (0.1, 0.8)) * height), int(uniform_float(uniform, (0.1, 0.8)) * height)
            pen.rectangle((x0, y0, x0 + size[0], y0 + size[1]), outline=1, width=thickness())
    if scheme.grid[1] and (step := uniform_integer(uniform, scheme.grid)):
        first = int(uniform() * step), int(uniform() * step)
        thick = thickness()
        for at in range(first[0] * _FINE, width, step * _FINE):
            pen.line((at, 0, at, height), fill=1, width=thick)
        for at in range(first[1] * _FINE, height, step * _FINE):
            pen.line((0, at, width, at), fill=1, width=thick)
    return mask.convert("L").reduce(_FINE)


def draw_stray_letters(scheme: Scheme, uniform: Draw, canvas: Image.Image, paper: str) -> None:
    """Draw letters that are not of the text onto a canvas: small and faint."""
    pen = ImageDraw.Draw(canvas)
    for _ in range(uniform_integer(uniform, scheme.decoys)):
        size = max(6, int(scheme.font_size[0] * uniform_float(uniform, (0.25, 0.5))))
        face = ImageFont.truetype(font_file(choice(uniform, scheme.fonts)), size, layout_engine=ImageFont.Layout.BASIC)
        colour = blend(choice(uniform, scheme.ink), paper, uniform_float(uniform, (0.5, 0.8)))
        place = int(uniform() * scheme.width), int(uniform() * scheme.height)
        pen.text(place, choice(uniform, scheme.alphabet), fill=colour, font=face, anchor="mm")


def draw_patches(scheme: Scheme, uniform: Draw, canvas: Image.Image) -> None:
    """Draw filled discs and boxes of many colours onto a canvas."""
    pen = ImageDraw.Draw(canvas)
    for _ in range(uniform_integer(uniform, scheme.patches)):
        colour = choice(uniform, scheme.clutter_ink or scheme.ink)
        across = int(uniform_float(uniform, (0.05, 0.5)) * scheme.height)
        down = int(uniform_float(uniform, (0.05, 0.5)) * scheme.height)
        left, top = int(uniform() * scheme.width) - across // 2, int(uniform() * scheme.height) - down // 2
        box = (left, top, left + across, top + down)
        if uniform() < 0.5:
            pen.ellipse(box, fill=colour)
        else:
            pen.rectangle(box, fill=colour)


def draw_badges(scheme: Scheme, uniform: Draw, canvas: Image.Image, boxes: Sequence[Box]) -> None:
    """Draw a filled disc or box behind each letter.

    Args:
        scheme: its ``badges`` are the colours.
        uniform: the stream of random numbers.
        canvas: is drawn on.
        boxes: left, top, right and bottom of each letter, in px.
    """
    round_ones, slack = uniform() < 0.7 or scheme.badge_shape != "round", uniform_float(uniform, (0.05, 0.3))
    for left, top, right, bottom in boxes:
        colour = choice(uniform, scheme.badges)
        half = math.hypot(right - left, bottom - top) / 2 if round_ones else max(right - left, bottom - top) / 2
        radius = math.ceil(half * (1 + slack)) + 1
        x, y = (left + right) // 2, (top + bottom) // 2
        mask = Image.new("L", (2 * radius * _FINE, 2 * radius * _FINE))
        pen, edge = ImageDraw.Draw(mask), (0, 0, 2 * radius * _FINE - 1, 2 * radius * _FINE - 1)
        if scheme.badge_shape in _CORNERS:
            pen.polygon(_around(radius * _FINE, *_CORNERS[scheme.badge_shape]), fill=255)
        elif round_ones:
            pen.ellipse(edge, fill=255)
            if scheme.badge_shape == "ring":
                inner, thick = int(radius * _FINE * 0.1), max(_FINE, int(radius * _FINE * 0.06))
                pen.ellipse((inner, inner, edge[2] - inner, edge[3] - inner), outline=0, width=thick)
        else:
            pen.rectangle(edge, fill=255)
        canvas.paste(colour, (x - radius, y - radius), mask.reduce(_FINE))


_CORNERS = {"octagon": (8, 1.0), "gear": (48, 0.88)}  # how many, and how far every second pair of them lies


def _around(radius: int, corners: int, inner: float) -> list[tuple[int, int]]:
    """Return the corners of a polygon around the middle of a square of two radii, px."""
    far = [radius * (inner if corner % 4 in (2, 3) else 1.0) for corner in range(corners)]
    turns = [math.tau * (corner + 0.5) / corners for corner in range(corners)]
    return [
        (int(radius + reach * math.cos(turn)), int(radius + reach * math.sin(turn)))
        for reach, turn in zip(far, turns, strict=True)
    ]


def draw_frame(scheme: Scheme, uniform: Draw, canvas: Image.Image) -> None:
    """Draw a line along the edge of the picture."""
    colour = choice(uniform, scheme.clutter_ink or scheme.ink)
    ImageDraw.Draw(canvas).rectangle((0, 0, scheme.width - 1, scheme.height - 1), outline=colour, width=scheme.frame)


def has_clutter(scheme: Scheme) -> bool:
    """Return whether a scheme has any clutter."""
    return any(most for _, most in (scheme.lines, scheme.spots, scheme.arcs, scheme.boxes, scheme.grid))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
