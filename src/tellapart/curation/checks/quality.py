"""Checks on the picture itself: size, shape, light, sharpness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import pluralize
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.findings import Finding, not_judged

Array = npt.NDArray[Any]


def _far(values: Array) -> Array:
    """Return distances from the median in robust deviations (median absolute deviation; Leys et al. 2013)."""
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    result: Array = np.abs(values - middle) / max(float(spread), 0.1)
    return result


USUAL = ("odd_size", "odd_aspect", "blurry", "grey_among_colour")  # what is odd beside what is usual in the set
FEWEST = 5  # images, below which nothing is usual


def _by_score(
    name: str,
    context: CheckContext,
    threshold: float,
    values: Array,
    flagged: Array,
    reason: Callable[[int], str],
    what: str,
) -> Finding:
    if not context.rows:
        return not_judged(name, threshold, "no image can be decoded")
    if name in USUAL and len(context.rows) < FEWEST:
        return not_judged(name, threshold, f"fewer than {FEWEST} images, too few to say what is usual")
    score = dict(zip(context.rows, map(float, values), strict=True))
    why = {context.rows[place]: reason(int(place)) for place in np.flatnonzero(flagged)}
    return Finding(
        name, f"{pluralize(len(why), 'image')} {what}" if why else f"no images {what}", threshold, score, why
    )


def _odd_size(context: CheckContext, threshold: float) -> Finding:
    sides = np.array([[context.widths[row], context.heights[row]] for row in context.rows], float).reshape(-1, 2)
    far = _far(np.log2(sides.prod(axis=1))) if len(sides) else np.zeros(0)
    middle = np.median(sides, axis=0) if len(sides) else np.zeros(2)
    return _by_score(
        "odd_size", context, threshold, far, far >= threshold,
        lambda at: f"{sides[at, 0]:.0f} x {sides[at, 1]:.0f} px, where {middle[0]:.0f} x {middle[1]:.0f} is usual",
        "far larger or smaller than the rest",
    )  # fmt: skip


def _odd_aspect(context: CheckContext, threshold: float) -> Finding:
    shape = np.array([context.widths[row] / context.heights[row] for row in context.rows], float)
    far = _far(np.log2(shape)) if len(shape) else np.zeros(0)
    return _by_score(
        "odd_aspect", context, threshold, far, far >= threshold,
        lambda at: f"{shape[at]:.2f} times as wide as tall, where {np.median(shape):.2f} is usual",
        "far wider or taller than the rest",
    )  # fmt: skip


def _dark(context: CheckContext, threshold: float) -> Finding:
    dark = 1 - context.measure("brightness")
    # A few light letters on black are as they should be; where nothing is lighter than the rest, it is the light.
    lost = (dark >= threshold) & (context.measure("contrast") < 0.1)
    return _by_score("dark", context, threshold, dark, lost,
                     lambda at: f"mean brightness {1 - dark[at]:.0%}", "nearly black")  # fmt: skip


def _bright(context: CheckContext, threshold: float) -> Finding:
    light = context.measure("brightness")
    # Drawings and scans on white are as they should be; a photo that burnt out leaves nothing to see either.
    lost = (light >= threshold) & (context.measure("contrast") < 0.1) & (context.measure("foreground") < 0.01)
    return _by_score("bright", context, threshold, light, lost,
                     lambda at: f"brightness {light[at]:.0%}, hardly any contrast", "nearly white")  # fmt: skip


def _blurry(context: CheckContext, threshold: float) -> Finding:
    sharp = np.log10(context.measure("sharpness") / np.maximum(context.measure("contrast") * 255, 1) ** 2 + 1e-6)
    usual = np.median(sharp) if len(sharp) else 0.0
    blur = usual - sharp
    # Flat drawings have no fine detail to lose: a blur shows by neighbours that differ, but only a little.
    something = (context.measure("contrast") > 0.05) & (context.measure("step_0") < 0.6)
    return _by_score("blurry", context, threshold, blur, (blur >= threshold) & something,
                     lambda at: f"{min(10 ** blur[at], 999):.0f} times less detail than usual",
                     "blurred")  # fmt: skip


def _low_information(context: CheckContext, threshold: float) -> Finding:
    bits = context.measure("entropy")
    return _by_score("low_information", context, threshold, -bits, bits <= threshold,
                     lambda at: f"{bits[at]:.2f} bits a pixel: blank", "showing next to nothing")  # fmt: skip


def _hardly_any_content(context: CheckContext, threshold: float) -> Finding:
    # Of a grey picture grey tells; of a coloured one, letters as light as their ground stand out by their colour.
    grey, colour = context.measure("foreground"), 1 - context.measure("colour_1")
    share = np.where(context.measure("saturation") < 0.004, np.minimum(grey, colour), np.maximum(grey, colour))
    return _by_score("hardly_any_content", context, threshold, -share, share <= threshold,
                     lambda at: f"{max(share[at], 0):.2%} of it stands out from its ground",
                     "with hardly any content left")  # fmt: skip


def _grey(context: CheckContext, threshold: float) -> Finding:
    # By whether each channel says the same, not by faintness: a pale photo is coloured.
    colour = context.measure("saturation")
    grey = colour < 0.004
    few = 0 < grey.mean() <= threshold if len(grey) else False
    return _by_score("grey_among_colour", context, threshold, -colour, grey & few,
                     lambda _: f"no colour, where {1 - grey.mean():.0%} of the images have some",
                     "grey among coloured ones")  # fmt: skip


CHECKS = (
    Check("odd_size", "Odd sizes", 6.0, None, _odd_size),
    Check("odd_aspect", "Odd shapes", 6.0, None, _odd_aspect),
    Check("dark", "Nearly black", 0.95, None, _dark),
    Check("bright", "Nearly white", 0.97, None, _bright),
    Check("blurry", "Blurred", 1.3, None, _blurry),
    Check("low_information", "Blank", 0.05, None, _low_information),
    Check("hardly_any_content", "Hardly any content left", 0.002, None, _hardly_any_content),
    Check("grey_among_colour", "Grey among coloured", 0.2, None, _grey),
)
