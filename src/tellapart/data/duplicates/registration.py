"""Registration: the thumbnails of two pictures are aligned, and what then differs decides whether they are copies.

A copy may be scaled, stretched, recompressed, lighter or darker, cropped by a few per cent, turned by some
degrees, mirrored, made grey or watermarked. Another colour, or another detail, is another picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.image_conversion import LUMA
from tellapart.core.parallel import map_threads
from tellapart.data.duplicates.hashing import SIDE

Array = npt.NDArray[Any]

CHUNK = 128  # pairs: more no longer fit into the processor's cache

_LUMA = np.array(LUMA, np.float32)


@dataclass(frozen=True)
class Limits:
    """What two pictures that lie over each other may still differ by, and count as one."""

    likeness: float = 0.96  # correlation of the grey thumbnails at 24 px
    mirrored: float = 0.99  # the same at 48 px for a mirrored one: mirroring loses nothing, chance likenesses do
    colour: float = 0.30  # difference of the colours, of the stronger one's colour
    contrast: float = 2.5  # how many times stronger the one's light and dark may be
    grey: float = 0.02  # difference of brightness between a coloured picture and a grey one, of the full range


LIMITS = Limits()


@dataclass(frozen=True)
class Match:
    """How one picture lies over another."""

    likeness: float  # correlation of grey, -1..1
    mirrored: bool
    turned: float  # degrees
    zoomed: float  # of its size: 1.05 shows a crop
    lightened: float  # of the full range
    grey: bool  # one is grey, the other is not

    def sentence(self) -> str:
        """What was done to the picture, in a few words.

        >>> Match(0.99, True, 0.2, 1.0, 0.0, False).sentence()
        'mirrored (likeness 0.990)'
        """
        changes = [
            "mirrored" if self.mirrored else "",
            f"turned {abs(self.turned):.0f}°" if abs(self.turned) >= 1 else "",
            "cropped" if abs(self.zoomed - 1) >= 0.02 else "",
            "made grey" if self.grey else "",
            "lighter or darker" if abs(self.lightened) >= 0.03 else "",
        ]
        words = ", ".join(word for word in changes if word)
        same = "the same picture" if self.likeness >= 0.99 else "nearly the same picture"
        return f"{words or same} (likeness {self.likeness:.3f})"


def matches(
    thumbs: Array, pairs: Sequence[tuple[int, int, bool]], limits: Limits = LIMITS
) -> dict[tuple[int, int], Match]:
    """Those of the candidate pairs that show one picture.

    The second thumbnail is warped by the affine map that lays it over the first, found by Gauss-Newton
    on a pyramid of 12, 24 and 48 px; pairs without hope are left behind at each step. Source: the inverse
    compositional algorithm of Baker & Matthews, "Lucas-Kanade 20 years on" (2004), with gain and offset as in
    Evangelidis & Psarakis (2008).

    Args:
        thumbs: ``uint8`` N, SIDE, SIDE, 3.
        pairs: rows of ``thumbs``, and whether the second is to be mirrored.
        limits: what two pictures may differ by.
    """
    pairs = _hopeful(thumbs, pairs)
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    best: dict[tuple[int, int], Match] = {}
    for results in map_threads(lambda chunk: _judge(thumbs, chunk, limits), chunks):
        for pair, match in results:
            if pair not in best or best[pair].likeness < match.likeness:
                best[pair] = match
    return best


def _hopeful(thumbs: Array, pairs: Sequence[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Pairs that are alike at 8 px: half of the candidates, for a hundredth of the work."""
    if not pairs:
        return []
    cells = np.concatenate([_shrunk(thumbs[start : start + 1024] @ _LUMA, 8) for start in range(0, len(thumbs), 1024)])
    plain = _standard(cells, np.ones(cells.shape, np.float32))
    mirrored = plain.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    one, other, flipped = (np.array(part) for part in zip(*pairs, strict=True))
    alike = np.where(flipped, np.einsum("nd,nd->n", plain[one], mirrored[other]),
                     np.einsum("nd,nd->n", plain[one], plain[other]))  # fmt: skip
    # What is mirrored must be nothing else: it lies over the other one as it is.
    return [pairs[int(at)] for at in np.flatnonzero(alike >= np.where(flipped, 0.95, 0.72))]


def _judge(
    thumbs: Array, pairs: Sequence[tuple[int, int, bool]], limits: Limits
) -> list[tuple[tuple[int, int], Match]]:
    flipped = np.array([mirrored for _, _, mirrored in pairs])
    one, other = thumbs[[row for row, _, _ in pairs]], thumbs[[row for _, row, _ in pairs]]
    other[flipped] = other[flipped, :, ::-1]
    grey_one, grey_other = one @ (_LUMA / 255), other @ (_LUMA / 255)
    maps = np.tile(np.array([[1, 0, 0], [0, 1, 0]], np.float32), (len(pairs), 1, 1))
    live = np.arange(len(pairs))
    for side, steps, floor in ((12, 5, 0.7), (24, 5, 0.83), (48, 3, 0.88)):
        a, b = _shrunk(grey_one[live], side), _shrunk(grey_other[live], side)
        maps[live] = _aligned(a, b, maps[live], side, steps)
        warped, inside = _warped(b[:, None], maps[live], side)
        live = live[_correlation(a, warped[:, 0], inside) >= floor]
        if not len(live):
            return []
    a = _planes(one[live])
    b = _planes(other[live])
    warped, inside = _warped(b, maps[live], SIDE)
    ga, gb = np.einsum("c,ncp->np", _LUMA, a), np.einsum("c,ncp->np", _LUMA, warped)
    fine = _correlation(ga, gb, inside)
    ua, ub = _standard(ga, inside), _standard(gb, inside)
    coarse = _correlation(_shrunk(ua.reshape(-1, SIDE, SIDE), 24), _shrunk(ub.reshape(-1, SIDE, SIDE), 24))
    area = inside.sum(axis=1)
    ca, cb = (a - ga[:, None]) * inside[:, None], (warped - gb[:, None]) * inside[:, None]
    sa, sb, sd = (np.sqrt((c**2).sum(axis=(1, 2)) / area) for c in (ca, cb, ca - cb))
    light = ((gb - ga) * inside).sum(axis=1) / area
    apart = (np.abs(gb - ga) * inside).sum(axis=1) / area
    contrast = np.abs(np.log(_spread(ga, inside) / _spread(gb, inside)))
    weak, strong = np.minimum(sa, sb), np.maximum(sa, sb)
    greyed = (weak < 0.02) & (strong > 0.03)
    good = (coarse >= limits.likeness) & np.where(greyed, apart < limits.grey, sd <= limits.colour * strong + 0.01)
    good &= contrast <= np.log(limits.contrast)
    good &= ~flipped[live] | ((fine >= limits.mirrored) & (area >= 0.97 * SIDE * SIDE))
    results = []
    for at in np.flatnonzero(good):
        place = live[at]
        m = maps[place]
        match = Match(
            likeness=round(float(coarse[at]), 4),
            mirrored=bool(flipped[place]),
            turned=float(np.degrees(np.arctan2(m[1, 0] - m[0, 1], m[0, 0] + m[1, 1]))),
            zoomed=float(np.sqrt(abs(np.linalg.det(m[:, :2])))),
            lightened=float(light[at]),
            grey=bool(greyed[at]),
        )
        results.append((pairs[place][:2], match))
    return results


def _planes(pictures: Array) -> Array:
    """``uint8`` N, SIDE, SIDE, 3 → ``float32`` N, 3, SIDE² in 0..1."""
    planes = pictures.reshape(len(pictures), -1, 3).transpose(0, 2, 1)
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)


def _shrunk(grey: Array, side: int) -> Array:
    """N, height, height → N, side²: means of boxes."""
    step = grey.shape[1] // side
    bands = grey.reshape(len(grey), side, step, -1).sum(axis=2)
    result: Array = sum(bands[:, :, at::step] for at in range(step)).reshape(len(grey), -1) / step**2
    return result


@cache
def _grid(side: int) -> Array:
    """side², 3: x and y of each pixel's centre in -1..1, and 1."""
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    return np.stack([np.tile(centres, side), np.repeat(centres, side), np.ones(side**2, np.float32)], axis=1)


def _warped(images: Array, maps: Array, side: int) -> tuple[Array, Array]:
    """images: N, C, side²; maps: N, 2, 3 in -1..1 coordinates → bilinear samples, and 1 where they lie inside or 0."""
    middle = np.float32((side - 1) / 2)
    place = (maps * np.float32(side / 2)) @ _grid(side).T  # in pixels from the middle
    within = np.abs(place) < side / 2
    inside = (within[:, 0] & within[:, 1]).astype(np.float32)
    place = np.clip(place + middle, 0, np.float32(side - 1.001))
    corner = place.astype(np.int32)
    right, down = np.moveaxis(place - corner.astype(np.float32), 1, 0)[:, :, None]
    n, channels, area = images.shape
    first = np.arange(n * channels).reshape(n, channels, 1) * area + (corner[:, 1] * side + corner[:, 0])[:, None]
    flat = images.reshape(-1)
    # One view of the pictures for each corner of a cell, so that all four are taken by the same numbers.
    above, above_right, below, below_right = (flat[at:].take(first, mode="clip") for at in (0, 1, side, side + 1))
    above += (above_right - above) * right
    below += (below_right - below) * right
    above += (below - above) * down
    return above, inside


def _inner(one: Array, other: Array) -> Array:
    """Inner products of N pairs, N, 1."""
    result: Array = np.einsum("np,np->n", one, other)[:, None]
    return result


def _centred(values: Array, inside: Array) -> Array:
    """Mean 0 over what lies inside, 0 outside."""
    result: Array = values - _inner(values, inside) / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    result *= inside
    return result


def _standard(values: Array, inside: Array) -> Array:
    """Mean 0 and length 1 over what lies inside, 0 outside."""
    centred = _centred(values, inside)
    centred /= np.maximum(np.sqrt(_inner(centred, centred)), 1e-3)
    return centred


def _spread(values: Array, inside: Array) -> Array:
    result: Array = np.sqrt((_centred(values, inside) ** 2).sum(axis=1) / inside.sum(axis=1)) + 1e-3
    return result


def _correlation(one: Array, other: Array, inside: Array | None = None) -> Array:
    inside = np.ones(one.shape, np.float32) if inside is None else inside
    result: Array = _inner(_standard(one, inside), _standard(other, inside))[:, 0]
    return result


def _aligned(one: Array, other: Array, maps: Array, side: int, steps: int) -> Array:
    """Maps after some steps that lay ``other`` over ``one``; both N, side², brightness and contrast free.

    How the picture changes with the six numbers of its map are its two gradients times x, y and 1. These six pictures
    are never made: only their inner products are needed, and those follow from the gradients and the grid.
    """
    n, area = one.shape
    grid = _grid(side)
    square = one.reshape(n, side, side)
    edges = np.stack([np.gradient(square, axis=2), np.gradient(square, axis=1)], axis=1).reshape(n, 2, area)
    edges *= np.float32(side / 2)

    def along(picture: Array) -> Array:
        result: Array = ((edges * picture[:, None]) @ grid).reshape(n, 6)
        return result

    everywhere = np.ones_like(one)
    template = _centred(one, everywhere)
    unit = _standard(one, everywhere)
    level, contrast = along(everywhere) / area, along(unit)  # a change of light or contrast is no movement
    products = (edges[:, [0, 0, 1]] * edges[:, [0, 1, 1]]) @ (grid[:, :, None] * grid[:, None]).reshape(area, 9)
    blocks = products.reshape(n, 3, 3, 3)[:, [[0, 1], [1, 2]]]
    curvature = blocks.transpose(0, 1, 3, 2, 4).reshape(n, 6, 6)
    curvature -= area * level[:, :, None] * level[:, None] + contrast[:, :, None] * contrast[:, None]
    damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 6 + 1e-4
    inverse = np.linalg.inv(curvature + np.eye(6, dtype=np.float32) * damping[:, None, None])
    last = np.tile(np.array([[[0, 0, 1]]], np.float32), (n, 1, 1))
    energy = template**2
    for _ in range(steps):
        warped, inside = _warped(other[:, None], maps, side)
        centred = _centred(warped[:, 0], inside)
        gain = _inner(centred, template) / np.maximum(_inner(energy, inside), 1e-6)
        gain[np.abs(gain) < 0.1] = 0.1  # no fitting part: a small step, to be judged by correlation
        error = centred / gain - template * inside
        uphill = along(error) - level * error.sum(axis=1, keepdims=True) - contrast * _inner(unit, error)
        step = np.clip((inverse @ uphill[:, :, None])[:, :, 0], -0.15, 0.15)
        change = np.concatenate([step.reshape(n, 2, 3), last], axis=1) + np.diag([1, 1, 0]).astype(np.float32)
        maps = (np.concatenate([maps, last], axis=1) @ np.linalg.inv(change))[:, :2].astype(np.float32)
        # Up to about a quarter of crop or stretch and 15 degrees; what needs more is another picture.
        maps[:, [0, 1], [0, 1]] = np.clip(maps[:, [0, 1], [0, 1]], 0.75, 1.33)
        maps[:, [0, 1], [1, 0]] = np.clip(maps[:, [0, 1], [1, 0]], -0.3, 0.3)
        maps[:, :, 2] = np.clip(maps[:, :, 2], -0.25, 0.25)
    return maps
