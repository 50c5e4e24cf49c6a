"""What a scheme is made of: itself without each of its hardships, and with others added."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from tellapart.core.errors import ConfigError
from tellapart.synthesis import Scheme
from tellapart.synthesis.fonts import FONTS
from tellapart.synthesis.glyphs import has_all

# Hardship → the values that take it away. A scheme has the hardship if one of its values differs.
_PLAIN: dict[str, dict[str, Any]] = {
    "letters turned": {"rotation": 0.0},
    "letters stretched or slanted": {"stretch": (1.0, 1.0), "shear": 0.0},
    "letters up and down": {"jitter": 0.0},
    "letters bent": {"elastic_amplitude": 0.0},
    "a look of its own for each letter": {"mixed": False},
    "hollow or otherwise styled letters": {"styles": ("solid",)},
    "lines": {"lines": (0, 0)},
    "arcs": {"arcs": (0, 0)},
    "spots": {"spots": (0, 0)},
    "boxes and grids": {"boxes": (0, 0), "grid": (0, 0)},
    "stray letters": {"decoys": (0, 0)},
    "the whole picture warped": {"warp_amplitude": 0.0, "perspective": 0.0},
    "ground": {"grounds": ("flat",)},
    "noise": {"noise": 0, "salt": 0.0},
    "blur": {"blur": (0.0, 0.0)},
    "one bit a pixel": {"black_and_white": False},
    "JPEG": {"jpeg_quality": 0},
}


def without_hardships(scheme: Scheme) -> dict[str, Scheme]:
    """The scheme without each hardship that it has; letters that touch are set apart.

    >>> from tellapart.synthesis.presets import scheme
    >>> list(without_hardships(scheme("digits")))[:2]
    ['without letters turned', 'without letters stretched or slanted']
    """
    schemes = {
        f"without {name}": replace(scheme, **plain)
        for name, plain in _PLAIN.items()
        if any(getattr(scheme, option) != value for option, value in plain.items())
    }
    if scheme.gap[0] < 1:
        schemes["letters set apart"] = replace(scheme, gap=(2.0, max(4.0, scheme.gap[1])))
    if len(scheme.fonts) > 1:
        schemes["one font"] = replace(scheme, fonts=scheme.fonts[:1])
    return schemes


def with_hardships(scheme: Scheme) -> dict[str, Scheme]:
    """The scheme with more of what attackers are said to find hard, one change each; those that it has room for.

    >>> from tellapart.synthesis.presets import scheme
    >>> with_hardships(scheme("digits"))["two letters more"].max_length
    7
    """
    size = scheme.font_size[1]
    lines = (max(4, scheme.lines[1]), 2 * max(4, scheme.lines[1]))
    others = [font for font in FONTS if has_all(font, scheme.alphabet)]
    changes: dict[str, dict[str, Any]] = {
        "letters overlap": {"gap": (max(-16.0, -0.3 * size), max(-16.0, -0.1 * size))},
        "many fonts, each letter its own": {"fonts": tuple(dict.fromkeys((*scheme.fonts, *others))), "mixed": True},
        "hollow letters": {"styles": ("hollow",)},
        "twice the lines, over the letters": {"lines": lines, "over": True},
        "strong warp": {"warp_amplitude": min(16.0, scheme.height / 10), "warp_period": 2.0 * scheme.height},
        "letters turned by up to 40 degrees": {"rotation": 40.0},
        "stray letters": {"decoys": (20, 40)},
        "two letters more": {
            "min_length": scheme.min_length + 2,
            "max_length": scheme.max_length + 2,
            "width": round(scheme.width * (scheme.max_length + 2) / scheme.max_length),
        },
    }
    changed = {}
    for name, change in changes.items():
        with suppress(ConfigError):  # beyond what a scheme may be
            changed[name] = replace(scheme, **change)
    return {name: other for name, other in changed.items() if other != scheme}
