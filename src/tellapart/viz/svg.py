"""Plots of a page as inline SVG: two axes, and what is drawn between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tellapart.viz.html import Content, Html, package_text, tag

WIDE, HIGH = 320, 200  # of the field between the axes, in units of the picture
LEFT, TOP, RIGHT, BELOW = 52, 10, 12, 40
STYLE = "\n" + package_text("tellapart.viz", "plot.css")


class Axes(NamedTuple):
    """The range of either axis."""

    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)

    def across(self, value: float) -> float:
        """Where a value of x stands."""
        low, high = self.x
        return LEFT + WIDE * (value - low) / (high - low)

    def down(self, value: float) -> float:
        """Where a value of y stands."""
        low, high = self.y
        return TOP + HIGH * (1 - (value - low) / (high - low))


def plot(axes: Axes, *marks: Content, across: str, up: str, told: str, note: str | None = None) -> Html:
    """A plot: two axes with ticks and names, and the marks between them.

    Args:
        axes: the ranges.
        marks: what is drawn, such as `line` or `columns`.
        across: the name of the x axis.
        up: the name of the y axis.
        told: the plot in words, for screen readers.
        note: a caption below.
    """
    lines: list[Content] = []
    for value in ticks(*axes.x):
        x = axes.across(value)
        lines += [tag("path", d=f"M{x:.1f} {TOP}v{HIGH}", class_="grid"),
                  tag("text", f"{value:g}", x=f"{x:.1f}", y=TOP + HIGH + 15, text_anchor="middle")]  # fmt: skip
    for value in ticks(*axes.y):
        y = axes.down(value)
        lines += [tag("path", d=f"M{LEFT} {y:.1f}h{WIDE}", class_="grid"),
                  tag("text", f"{value:g}", x=LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end")]  # fmt: skip
    middle = TOP + HIGH / 2
    names = [
        tag("text", across, x=LEFT + WIDE / 2, y=TOP + HIGH + 33, text_anchor="middle", class_="number"),
        tag("text", up, x=12, y=middle, text_anchor="middle", transform=f"rotate(-90 12 {middle})", class_="number"),
    ]
    picture = tag("svg", *lines, *marks, *names, class_="plot", role="img", aria_label=told,
                  viewBox=f"0 0 {LEFT + WIDE + RIGHT} {TOP + HIGH + BELOW}")  # fmt: skip
    return tag("figure", picture, tag("figcaption", note) if note else None, class_="chart")


def line(axes: Axes, x: Sequence[float], y: Sequence[float], class_: str = "line") -> Html:
    """A line through points."""
    points = " ".join(f"{axes.across(a):.1f},{axes.down(b):.1f}" for a, b in zip(x, y, strict=True))
    return tag("polyline", points=points, class_=class_)


def columns(axes: Axes, edges: Sequence[float], heights: Sequence[float], class_: str = "column") -> list[Html]:
    """Columns between neighbouring edges, from the axis up."""
    floor = axes.down(max(0.0, axes.y[0]))
    return [
        tag("rect", tag("title", f"{low:g} to {high:g}: {height:g}"), class_=class_,
            x=f"{axes.across(low) + 0.5:.1f}", width=f"{max(axes.across(high) - axes.across(low) - 1, 1):.1f}",
            y=f"{axes.down(height):.1f}", height=f"{floor - axes.down(height):.1f}")
        for (low, high), height in zip(pairwise(edges), heights, strict=True) if height
    ]  # fmt: skip


def dots(axes: Axes, x: Sequence[float], y: Sequence[float], told: Sequence[str], class_: str = "point") -> list[Html]:
    """Dots that say what they are."""
    return [
        tag("circle", tag("title", text), cx=f"{axes.across(a):.1f}", cy=f"{axes.down(b):.1f}", r=4, class_=class_)
        for a, b, text in zip(x, y, told, strict=True)
    ]


def upright(axes: Axes, x: float, text: str) -> Html:
    """A limit on the axis of x with its name."""
    at = axes.across(x)
    end = x > sum(axes.x) / 2
    return tag(
        "g", tag("path", d=f"M{at:.1f} {TOP}v{HIGH}", class_="limit"),
        tag("text", text, x=f"{at + (-5 if end else 5):.1f}", y=TOP + 12, text_anchor="end" if end else "start"),
    )  # fmt: skip


def diagonal(axes: Axes) -> Html:
    """From the lower left to the upper right."""
    return tag("path", class_="diagonal", d=f"M{axes.across(axes.x[0]):.1f} {axes.down(axes.y[0]):.1f}"
               f"L{axes.across(axes.x[1]):.1f} {axes.down(axes.y[1]):.1f}")  # fmt: skip


def key(*entries: tuple[str, str]) -> Html:
    """Which line is which: its class and its name, in the upper right corner."""
    return tag(
        "g",
        *(
            tag("g", tag("path", d=f"M{LEFT + WIDE - 110} {TOP + 10 + 16 * place}h18", class_=f"line {class_}"),
                tag("text", name, x=LEFT + WIDE - 87, y=TOP + 14 + 16 * place))
            for place, (class_, name) in enumerate(entries)
        ),
    )  # fmt: skip


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within a range, at most about so many.

    >>> ticks(0, 1), ticks(0, 37), ticks(1, 14)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 10.0, 20.0, 30.0], [5.0, 10.0])
    """
    span = high - low
    step = next(
        base * 10.0**power
        for power in range(math.floor(math.log10(span)) - 2, math.floor(math.log10(span)) + 2)
        for base in (1, 2, 5)
        if span / (base * 10.0**power) <= most
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
