"""A scheme a picture: training data for a reader of any CAPTCHA."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tellapart.core.errors import ConfigError
from tellapart.core.image_conversion import LUMA
from tellapart.synthesis.fonts import FONTS
from tellapart.synthesis.random_stream import Draw, choice, uniform_float, uniform_integer
from tellapart.synthesis.scheme import BADGE_SHAPES, GROUNDS, STYLES, Scheme, YamlDataclass

DIGITS, LOWER, UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = (DIGITS, DIGITS, LOWER, UPPER, LOWER + DIGITS, UPPER + DIGITS, LOWER + UPPER, LOWER + UPPER + DIGITS)

_LIMITS: dict[str, tuple[float, float]] = {
    "min_length": (1, 32),
    "max_length": (1, 32),
    "height": (16, 512),
    "plain": (0, 1),
    "size": (0, 4),
    "least_size": (0, 1),
    "overlap": (0, 1),
    "spread": (0, 4),
    "room": (0, 4),
    "contrast": (0, 1),
    "uneven": (0, 1),
    "rotation": (2, 60),
    "warp": (0, 1),
    "cut": (0, 1),
    "aspect": (0.5, 2),
    "margins": (0, 1),
    "hues": (0, 1),
    "gradients": (0, 1),
    "badges": (0, 1),
    "strokes": (0, 1),
    "frames": (0, 1),
    "contours": (0, 1),
    "patches": (0, 1),
    "hatches": (0, 1),
    "shapes": (0, 1),
    "negatives": (0, 1),
    "bends": (0, 1),
    "slopes": (0, 1),
    "screens": (0, 1),
}

# Those that the first stream chooses from, so that a seed keeps its picture.
_STYLES, _GROUNDS = STYLES[:5], GROUNDS[:6]
_SHARES = ("margins", "hues", "gradients", "badges", "strokes", "frames", "contours", "patches", "hatches")


@dataclass(frozen=True)
class RandomScheme(YamlDataclass):
    """Draws a new scheme for each picture, every option from a wide range. Lengths are in pixels.

    Raises:
        ConfigError: a value is of the wrong kind or out of its range.

    >>> random_scheme = RandomScheme()
    >>> random_scheme.of(0, 1) == random_scheme.of(0, 1), random_scheme.of(0, 1) == random_scheme.of(0, 2)
    (True, False)
    """

    _limits = _LIMITS

    name: str = "random"
    alphabets: tuple[str, ...] = ALPHABETS  # a picture has its letters from one of them
    min_length: int = 3
    max_length: int = 12
    height: tuple[int, int] = (24, 80)
    fonts: tuple[str, ...] = tuple(FONTS)
    plain: float = 0.15  # share of the pictures without anything but letters
    size: tuple[float, float] = (0.5, 0.9)  # of a letter, in heights of the picture
    least_size: float = 1.0  # where each letter has its own manner, its size is this part of the largest, or more
    overlap: float = 0.18  # of tight letters, at most, in sizes
    spread: tuple[float, float] = (0.05, 0.4)  # between loose letters, in sizes
    room: tuple[float, float] = (0.95, 1.5)  # width of the picture, in those of its text
    contrast: tuple[float, float] = (0.3, 0.85)  # of ink and paper, in lightness
    uneven: float = 0.08  # lightness by which the inks of one picture differ from their mean
    rotation: float = 35.0
    warp: float = 1 / 16  # of the whole picture, at most, in heights
    cut: float = 0.0  # share of the pictures whose lines and spots have the paper's colour and cut the letters

    # What a second stream draws, on top of the first; each of these is a share of the pictures, but for `aspect`.
    aspect: tuple[float, float] = (1.0, 1.0)  # width of all letters, as a factor of the font's own
    margins: float = 0.0  # the canvas is up to 2.5 times as wide and twice as high
    hues: float = 0.0  # ink and paper are of one lightness; their hues differ
    gradients: float = 0.0  # the paper runs from dark to light, the letters have many colours
    badges: float = 0.0  # every letter stands on a filled disc or box
    strokes: float = 0.0  # lines over the letters, as thick as a letter's stroke and in its colour
    frames: float = 0.0  # a line runs around the picture
    contours: float = 0.0  # letters are a thin line around nothing
    patches: float = 0.0  # coloured discs and boxes lie behind the letters
    hatches: float = 0.0  # the paper is covered with fine slanting lines
    shapes: float = 0.0  # of the pictures with badges: these are gears, rings or octagons
    negatives: float = 0.0  # lines and spots over the letters turn what they cover into its negative
    bends: float = 0.0  # lines have sharp bends
    slopes: float = 0.0  # the line of text climbs, falls or is arched
    screens: float = 0.0  # letters are made of stripes or dots

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("alphabets", "fonts"):
            if not getattr(self, option):
                raise ConfigError(f"{self._where(option)} is empty")
        self.of(0, 0)  # a scheme checks the rest

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RandomScheme:
        """Return the scheme of plain values; an option that is left out takes its default.

        Raises:
            ConfigError: an option is unknown, of the wrong kind or out of its range.
        """
        cls.check_options(values, f"scheme {values.get('name')!r}")
        return cls(**values)

    def of(self, seed: int, index: int) -> Scheme:
        """Return the scheme of the picture of a seed and an index."""
        scheme = self._sample(seed, index)
        wide = self.aspect != (1.0, 1.0) or any(getattr(self, option) for option in _SHARES)
        return self._widen(scheme, np.random.RandomState([seed, index, 8]).random_sample) if wide else scheme

    def _sample(self, seed: int, index: int) -> Scheme:
        uniform: Draw = np.random.RandomState([seed, index, 7]).random_sample
        alphabet = choice(uniform, self.alphabets)
        # Most texts are of four to six letters.
        length = self.min_length + int((self.max_length - self.min_length + 1) * uniform() ** 1.7)
        height = uniform_integer(uniform, self.height)
        size = max(10, int(height * uniform_float(uniform, self.size)))
        tight = uniform() < 0.4
        gap = (
            (-min(self.overlap * size, 16), 0.0)
            if tight
            else (0.0, min(uniform_float(uniform, self.spread) * size, 64))
        )
        room = length * size * uniform_float(uniform, (0.55, 0.75)) + length * max(gap[1], 0.0) + 12
        width = int(max(room * uniform_float(uniform, self.room), 8 * length, 24))
        shape = {
            "name": self.name, "width": min(width, 2048), "height": height, "alphabet": alphabet,
            "min_length": length, "max_length": length, "font_size": (size, size), "gap": gap,
            "fonts": tuple(choice(uniform, self.fonts) for _ in range(3)), **self._colours(uniform),
        }  # fmt: skip
        # Options at their defaults draw no number, so that a seed keeps its picture.
        if self.least_size < 1:
            shape["font_size"] = max(10, int(size * uniform_float(uniform, (self.least_size, 1.0)))), size
        if self.cut and uniform() < self.cut:
            shape["clutter_ink"] = shape["paper"]
        if uniform() < self.plain:
            return Scheme(**shape)

        def sometimes(share: float, ends: tuple[float, float]) -> float:
            """Draw a number for a share of the pictures, 0 for the others."""
            return uniform_float(uniform, ends) if uniform() < share else 0.0

        return Scheme(
            **shape,
            mixed=uniform() < 0.4,
            styles=_STYLES if uniform() < 0.06 else (choice(uniform, _STYLES),) if uniform() < 0.3 else ("solid",),
            rotation=sometimes(0.7, (2, self.rotation)),
            stretch=(uniform_float(uniform, (0.75, 1.0)), uniform_float(uniform, (1.0, 1.25))),
            shear=sometimes(0.4, (0.05, 0.35)),
            jitter=sometimes(0.6, (1, height / 6)),
            elastic_amplitude=sometimes(0.3, (0.5, min(16.0, size / 12))),
            elastic_period=uniform_float(uniform, (16, 128)),
            grounds=(choice(uniform, _GROUNDS),) if uniform() < 0.4 and not shape["black_and_white"] else ("flat",),
            over=uniform() < 0.5,
            lines=_upto(sometimes(0.5, (1, 9))),
            line_width=(0.6, uniform_float(uniform, (0.8, min(16.0, max(1.0, size / 14))))),
            spots=_upto(sometimes(0.45, (5, min(5000, width * height / 60)))),
            spot_radius=(0.4, uniform_float(uniform, (0.5, 1.8))),
            arcs=_upto(sometimes(0.25, (1, 6))),
            boxes=_upto(sometimes(0.08, (1, 6))),
            grid=(0, 0) if uniform() < 0.92 else (6, 24),
            decoys=_upto(sometimes(0.08, (3, 20))),
            warp_amplitude=sometimes(0.25, (0.5, min(16.0, max(0.5, height * self.warp)))),
            warp_period=uniform_float(uniform, (20, 160)),
            perspective=sometimes(0.15, (0.02, 0.15)),
            blur=(0.0, sometimes(0.2, (0.3, min(8.0, height / 50)))),
            grey=uniform() < 0.15,
            salt=sometimes(0.1, (0.005, 0.08)),
            noise=int(sometimes(0.35, (4, 60))),
            jpeg_quality=int(sometimes(0.35, (25, 90))),
        )

    def _widen(self, scheme: Scheme, uniform: Draw) -> Scheme:
        """Return the scheme with letters of another aspect, wider margins, and looks that few schemes have."""
        aspect = math.exp(uniform_float(uniform, (math.log(self.aspect[0]), math.log(self.aspect[1]))))
        width, height, size = scheme.width * max(aspect, 0.7), float(scheme.height), scheme.font_size[1]
        if uniform() < self.margins:
            width *= uniform_float(uniform, (1.0, 2.5))
            height = min(height * uniform_float(uniform, (1.0, 2.0)), max(height, 3.0 * size))
        changes: dict[str, Any] = {
            "aspect": round(aspect, 3),
            "width": min(max(int(width), 8 * scheme.max_length), 1024),
            "height": min(int(height), 240),
        }
        look = uniform()
        if scheme.black_and_white:
            pass
        elif look < self.hues:
            changes |= _equal_lightness(uniform)
        elif look < self.hues + self.gradients:
            changes |= _gradient(uniform)
        elif look < self.hues + self.gradients + self.badges:
            changes |= _badges(uniform, size)
            changes["width"] = min(int(changes["width"] * 1.3), 1024)
        elif look < self.hues + self.gradients + self.badges + self.hatches:
            changes |= _hatching(uniform)
        if uniform() < self.strokes:
            thick = uniform_float(uniform, (0.05, 0.15)) * size
            changes |= {
                "lines": (1, uniform_integer(uniform, (1, 4))), "over": True, "spots": (0, 0),
                "line_width": (max(0.6, min(thick * 0.7, 15.0)), max(0.8, min(thick, 16.0))),
                "clutter_ink": changes.get("ink", scheme.ink) if uniform() < 0.6 else scheme.clutter_ink,
            }  # fmt: skip
        if uniform() < self.frames:
            changes["frame"] = uniform_integer(uniform, (1, 3))
        if uniform() < self.contours and size >= 14:
            changes["styles"] = (choice(uniform, ("contour", "contour", "hollow")),)
        changes |= self._hide(scheme, uniform, changes)
        if uniform() < self.patches:
            lightness = uniform_float(uniform, (0.55, 0.9))
            changes |= {"patches": (3, 30)}
            if not scheme.clutter_ink or "clutter_ink" not in changes:
                changes["clutter_ink"] = tuple(_hue(uniform(), lightness, uniform()) for _ in range(6))
        return replace(scheme, **changes)

    def _hide(self, scheme: Scheme, uniform: Draw, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return what hides letters: negatives, bends, slopes, screens and shapes of badges, in their shares."""
        hiding: dict[str, Any] = {}
        size = scheme.font_size[1]
        # Shares of nothing draw no number, so that a seed keeps its picture.
        if self.shapes and "badges" in changes and uniform() < self.shapes:
            hiding |= {"badge_shape": choice(uniform, BADGE_SHAPES[1:]), "patches": (10, 60)}
        if self.negatives and uniform() < self.negatives and not scheme.black_and_white:
            hiding |= _negative(uniform, size)
        if self.bends and uniform() < self.bends:
            hiding["bent"] = True
        if self.slopes and uniform() < self.slopes:
            hiding |= {"rise": min(uniform() * size, 128.0), "arch": min(uniform() * size / 2, 128.0)}
            hiding["height"] = min(int(changes["height"] * uniform_float(uniform, (1.0, 1.5))), 240)
        if self.screens and uniform() < self.screens and size >= 24:
            hiding["styles"] = (choice(uniform, ("striped", "dotted")),)
        return hiding

    def _colours(self, uniform: Draw) -> dict[str, Any]:
        """Draw paper and inks of any hue, different enough in lightness to be read."""
        bits = uniform() < 0.08
        dark_on_light = uniform() < 0.8
        apart = uniform_float(
            uniform, (0.7, 0.85) if bits else self.contrast
        )  # far enough for one bit to tell them apart
        light = (
            uniform_float(uniform, (max(apart, 0.6), 1.0))
            if dark_on_light
            else uniform_float(uniform, (0.0, min(1 - apart, 0.4)))
        )
        ink = light - apart if dark_on_light else light + apart
        coloured = uniform() < 0.7 and not bits

        def colour(lightness: float, most: float) -> str:
            hue, saturation = uniform(), uniform() * most if coloured else 0.0
            red, green, blue = colorsys.hls_to_rgb(hue, min(max(lightness, 0.0), 1.0), saturation)
            return "#" + "".join(f"{min(255, max(0, int(part * 255 + 0.5))):02x}" for part in (red, green, blue))

        paper = tuple(colour(light + uniform_float(uniform, (-0.04, 0.04)), 0.6) for _ in range(2))
        inks = tuple(
            colour(_apart(ink + uniform_float(uniform, (-self.uneven, self.uneven)), light), 1.0) for _ in range(4)
        )
        clutter = tuple(colour((light + ink) / 2 if uniform() < 0.5 else ink, 1.0) for _ in range(2))
        inks = tuple(one for one in inks if one not in paper)
        return {"paper": paper, "ink": inks, "clutter_ink": clutter, "black_and_white": bits}


def _hue(hue: float, lightness: float, saturation: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, min(max(lightness, 0.0), 1.0), saturation)
    return "#" + "".join(f"{min(255, max(0, int(part * 255 + 0.5))):02x}" for part in (red, green, blue))


def _of_luma(uniform: Draw, hue: float, luma: float) -> str:
    """Return a colour of a hue whose grey value is ``luma``, 0 to 1."""
    saturation = uniform_float(uniform, (0.7, 1.0))
    low, high = 0.0, 1.0
    for _ in range(10):  # grey grows with the lightness
        middle = (low + high) / 2
        red, green, blue = colorsys.hls_to_rgb(hue % 1.0, middle, saturation)
        grey = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        low, high = (middle, high) if grey < luma else (low, middle)
    return _hue(hue, low, saturation)


def _equal_lightness(uniform: Draw) -> dict[str, Any]:
    """Draw a paper and inks that only hue tells apart."""
    luma, hue = uniform_float(uniform, (0.25, 0.75)), uniform()
    paper = _of_luma(uniform, hue, luma)
    far = [hue + uniform_float(uniform, (0.25, 0.75)) for _ in range(3)]
    inks = tuple(_of_luma(uniform, each, luma + uniform_float(uniform, (-0.08, 0.08))) for each in far)
    inks = tuple(ink for ink in inks if ink != paper) or ("#000000",)
    return {"paper": (paper,), "ink": inks, "grey": False, "grounds": ("flat",), "noise": 0, "mixed": uniform() < 0.5}


def _gradient(uniform: Draw) -> dict[str, Any]:
    """Draw a paper from dark to light and inks beyond both, or of strong colours."""
    low, high = uniform_float(uniform, (0.05, 0.5)), uniform_float(uniform, (0.6, 0.98))
    kind, tint = uniform(), uniform() * 0.2
    inks: tuple[str, ...]
    if kind < 0.25:
        inks, high = ("#ffffff",), min(high, 0.85)
    elif kind < 0.5:
        inks, low = ("#000000",), max(low, 0.15)
    else:
        inks = tuple(_hue(uniform(), uniform_float(uniform, (0.3, 0.6)), 1.0) for _ in range(6))
    hue = uniform()
    papers = (_hue(hue, low, tint), _hue(hue, high, tint))
    ground = "gradient" if uniform() < 0.8 else "clouds"
    inks = tuple(ink for ink in inks if ink not in papers) or ("#000000",)
    return {"paper": papers, "ink": inks, "grounds": (ground,), "mixed": kind >= 0.5 or uniform() < 0.3, "grey": False}


def _hatching(uniform: Draw) -> dict[str, Any]:
    """Draw two colours of fine lines and an ink beyond the darker or the lighter of them."""
    low, apart, tint = uniform_float(uniform, (0.15, 0.4)), uniform_float(uniform, (0.1, 0.4)), uniform() * 0.5
    hue, dark = uniform(), uniform() < 0.6
    papers = (_hue(hue, low, tint), _hue(hue, low + apart, tint))
    if not dark:
        papers = (_hue(hue, 1 - low, tint), _hue(hue, 1 - low - apart, tint))
    ink = _hue(uniform(), 0.05 * uniform(), uniform()) if dark else "#ffffff"
    return {"paper": papers, "ink": (ink,), "grounds": ("hatch",), "lines": (0, 1), "spots": (0, 0)}


def _badges(uniform: Draw, size: int) -> dict[str, Any]:
    """Draw dark badges with light letters, or the other way about."""
    dark = uniform() < 0.7
    ends = (0.15, 0.45) if dark else (0.6, 0.9)
    badges = tuple(_hue(uniform(), uniform_float(uniform, ends), uniform()) for _ in range(6))
    ink = "#ffffff" if dark else "#000000"
    clutter = tuple(_hue(uniform(), uniform_float(uniform, ends), uniform()) for _ in range(6))
    paper = _hue(uniform(), uniform_float(uniform, (0.85, 0.99)), uniform()) if uniform() < 0.8 else "#202020"
    return {
        "badges": badges, "ink": (ink,), "paper": (paper,), "clutter_ink": clutter, "over": False,
        "patches": (0, 40) if uniform() < 0.5 else (0, 0), "styles": ("solid",), "rotation": 20 * uniform(),
        "jitter": uniform() * min(256.0, size / 2), "gap": (min(0.2 * size, 60.0), min(0.6 * size, 64.0)),
    }  # fmt: skip


def _negative(uniform: Draw, size: int) -> dict[str, Any]:
    """Draw lines over the letters, and now and then spots as large as parts of them, for their negative."""
    thick = uniform_float(uniform, (0.04, 0.12)) * size
    large = uniform() < 0.3
    return {
        "negative": True, "over": True, "lines": (0, 2) if large else (2, uniform_integer(uniform, (2, 6))),
        "line_width": (max(0.6, min(thick * 0.6, 15.0)), max(0.8, min(thick, 16.0))),
        "spots": (1, 6) if large else (0, 0), "spot_radius": (min(0.2 * size, 15.0), min(0.6 * size, 32.0)),
    }  # fmt: skip


def _upto(most: float) -> tuple[int, int]:
    return int(most * 0.6), int(most)


def _apart(ink: float, light: float) -> float:
    """Return the lightness of ink, moved away from the paper's where both are nearly equal."""
    return ink if abs(ink - light) >= 0.2 else light - 0.2 if light > 0.5 else light + 0.2
