"""Warps of a picture: waves and perspective, applied as one mesh by a single resampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tellapart.synthesis.random_stream import Draw, round_to_1024, uniform_float
from tellapart.synthesis.scheme import Scheme

_TILE = 16  # pixels; a power of two keeps the mesh's division by it exact


@dataclass(frozen=True)
class Waves:
    """The elastic warp: maps a point of the canvas to the offset of the point whose ink it shows.

    Args:
        amplitude: px; no point moves by more along either axis.
        periods: px, of four waves.
        phases: in turns, of four waves.
    """

    amplitude: float
    periods: tuple[float, ...]
    phases: tuple[float, ...]

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Return the offset (dx, dy) of a point, in px."""
        along = (y, x + y, x, x - y)  # each direction is moved by one wave across it and one aslant
        waves = [
            math.sin(math.tau * (place / period + phase))
            for place, period, phase in zip(along, self.periods, self.phases, strict=True)
        ]
        half = self.amplitude / 2
        return half * (waves[0] + waves[1]), half * (waves[2] + waves[3])

    @classmethod
    def drawn(cls, uniform: Draw, amplitude: float, period: float) -> Waves:
        """Return four random waves of about the given period in px."""
        return cls(
            amplitude,
            tuple(period * uniform_float(uniform, (0.75, 1.25)) for _ in range(4)),
            tuple(uniform() for _ in range(4)),
        )


def apply_mesh(
    image: Image.Image, size: tuple[int, int], source: Callable[[float, float], tuple[float, float]]
) -> Image.Image:
    """Return a picture whose point (x, y) shows what ``image`` has at ``source(x, y)``.

    Args:
        image: the picture.
        size: width and height in px that the result has at least.
        source: point of the result → point of the image.
    """
    columns, rows = -(-size[0] // _TILE), -(-size[1] // _TILE)
    knots = {
        (row, column): source(column * _TILE, row * _TILE) for row in range(rows + 1) for column in range(columns + 1)
    }
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
    return image.transform(whole, Image.Transform.MESH, mesh, resample=Image.Resampling.BILINEAR)


def apply_warp(scheme: Scheme, uniform: Draw, canvas: Image.Image) -> Image.Image:
    """Return the whole picture warped by waves and perspective; beyond its edges the edge pixels repeat."""
    waves = Waves.drawn(uniform, scheme.warp_amplitude, scheme.warp_period)
    slants = [uniform_float(uniform, (0.0, scheme.perspective)) for _ in range(4)]  # how far each corner moves inwards
    width, height = scheme.width, scheme.height
    pad = margin(scheme) + math.ceil(scheme.perspective * max(width, height) / 2) + 1
    wide = Image.fromarray(np.pad(np.asarray(canvas), ((pad, pad), (pad, pad), (0, 0)), mode="edge"))

    def source(x: float, y: float) -> tuple[float, float]:
        right, down = min(x / width, 1.0), min(y / height, 1.0)
        upper = slants[0] + (slants[1] - slants[0]) * right
        lower = slants[2] + (slants[3] - slants[2]) * right
        grow = 1 + upper + (lower - upper) * down
        dx, dy = waves(x, y)
        x, y = min(x, width), min(y, height)
        return (
            round_to_1024(width / 2 + (x - width / 2) * grow + dx + pad),
            round_to_1024(height / 2 + (y - height / 2) * grow + dy + pad),
        )

    return apply_mesh(wide, (width, height), source).crop((0, 0, width, height))


def margin(scheme: Scheme) -> int:
    """Return how many pixels the waves of the whole picture may take from its edges."""
    return math.ceil(scheme.warp_amplitude)
