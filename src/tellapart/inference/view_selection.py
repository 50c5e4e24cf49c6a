"""The views in which a reader reads the pictures of a scheme best, found from its own answers, without labels.

A reader knows some kinds of ink, and letters of some heights and widths, best. The pictures of one scheme are alike, so
the same views suit all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from tellapart.inference.geometry import WIDTHS, Frame, Geometry
from tellapart.inference.ink import Grey, Ink, Stroke
from tellapart.inference.picture_view import AS_IS, Scale, View

_NEARLY = 0.6  # of the largest mean confidence, from which the length of a view's texts counts

Readings = Sequence[tuple[str, float]]  # of the same pictures: text and confidence


def search_views(
    read: Callable[[View], Readings],
    start: Readings,
    frames: Sequence[Frame] = ("trim", "pad"),
    scales: Sequence[Scale] = (),
) -> list[View]:
    """Look for the views in which a reader reads some pictures best, one property after the other.

    First the grey, then the frame in the best two greys, then the scale, the width and the stroke: of a graph of any
    height 18 views instead of all 810.

    Args:
        read: reads the pictures in a view.
        start: what was read in `AS_IS`.
        frames: those that are tried.
        scales: likewise.

    Returns:
        Those that were looked at, the best first.
    """
    readings: dict[View, Readings] = {AS_IS: start}

    def look(*views: View) -> list[View]:
        readings.update({view: read(view) for view in views if view not in readings})
        return rank_views(readings)

    best, second, *_ = look(*(View(Ink(grey)) for grey in get_args(Grey)))
    best, *_ = look(*(replace(each, geometry=Geometry(frame)) for each in (best, second) for frame in frames))
    best, *_ = look(*(replace(best, scale=scale) for scale in scales))
    best, *_ = look(*(replace(best, geometry=replace(best.geometry, width=width)) for width in WIDTHS))
    return look(*(replace(best, ink=replace(best.ink, stroke=stroke)) for stroke in get_args(Stroke)))


def rank_views(readings: Mapping[View, Readings]) -> list[View]:
    """Order views by how well a reader reads the same pictures in them, as far as its own answers tell.

    A view is better where the reader is surer and where it finds more characters: many errors are characters lost. The
    score is mean confidence × (mean length / the largest mean length)²; the largest is that of the views of nearly the
    highest confidence, as a reader that sees nothing but noise finds characters in it.

    Args:
        readings: of each view, the text and the confidence of each picture; N ≥ 1.

    Returns:
        The best first; of equals the earlier one.

    >>> trimmed = View(geometry=Geometry("trim"))
    >>> rank_views({AS_IS: [("74", 0.9)], trimmed: [("7411", 0.8)]})[0] == trimmed
    True
    """
    confidence = {each: sum(sure for _, sure in those) / len(those) for each, those in readings.items()}
    length = {each: sum(len(text) for text, _ in those) / len(those) for each, those in readings.items()}
    enough = _NEARLY * max(confidence.values())
    longest = max(length[each] for each in readings if confidence[each] >= enough) or 1.0
    return sorted(readings, key=lambda each: -confidence[each] * min(1.0, length[each] / longest) ** 2)
