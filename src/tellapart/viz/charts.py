"""Charts of a page as inline SVG: bars, and a scatter of sizes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, log2, sqrt

from tellapart.core.errors import pluralize
from tellapart.viz.html import Content, Html, join, name, tag

COLUMN = 20  # bars one below the other; more stand beside them
ROOM = 17  # letters of a name beside its bar


def bars(pairs: Sequence[tuple[str, int]], what: str, *, most: int = 60, ends: int = 20) -> Html:
    """Horizontal bars with names and counts; of too many, the largest and the smallest.

    Lengths are in per cent and not in a view box, so that letters stay as large as they are on any screen.

    Args:
        pairs: name and count, in the order to be shown.
        what: what is counted, for those who do not see it.
        most: more pairs than this are cut down, and
        ends: this many of the largest and of the smallest are left.
    """
    peak = max((number for _, number in pairs), default=0) or 1
    room = min(max((_wide(one) for one, _ in pairs), default=0), ROOM)
    blocks: list[Content] = []
    if len(pairs) > most:
        ordered = sorted(pairs, key=lambda pair: -pair[1])
        middle = ordered[ends:-ends]
        blocks += [
            tag("div", _block(ordered[:ends], peak, room, f"The largest of {what}"),
                _block(ordered[-ends:], peak, room, f"The smallest of {what}"), class_="charts"),
            tag("p", f"Left: the {ends} largest. Right: the {ends} smallest. {len(middle):,} lie between, "
                f"with {middle[-1][1]:,} to {middle[0][1]:,} each.", class_="note"),
        ]  # fmt: skip
    else:
        # Columns of one height: 48 are three of 16, and not two of 20 with 8 left over.
        height = ceil(len(pairs) / max(ceil(len(pairs) / COLUMN), 1)) or 1
        blocks.append(tag("div", *(_block(pairs[start : start + height], peak, room, what)
                                   for start in range(0, len(pairs), height)), class_="charts"))  # fmt: skip
    if len(pairs) > COLUMN:
        lines = [tag("tr", tag("th", name(one), scope="row"), tag("td", f"{number:,}")) for one, number in pairs]
        blocks.append(tag("details", tag("summary", f"All {len(pairs):,} as a table"), tag("table", *lines)))
    return join(blocks)


def _block(pairs: Sequence[tuple[str, int]], peak: int, room: int, what: str) -> Html:
    lines = []
    left = 4 + 2 * room  # per cent: a letter needs two on a phone
    for place, (one, number) in enumerate(pairs):
        base, length = 20 * place + 14, max((82 - left) * number / peak, 0.4)
        lines.append(tag(
            "g", tag("title", f"{one}: {number:,}"), tag("text", _short(one), x=f"{left}%", y=base, text_anchor="end"),
            tag("rect", x=f"{left + 2}%", y=base - 11, width=f"{length:.1f}%", height=14, rx=2),
            tag("text", f"{number:,}", x=f"{left + length + 3:.1f}%", y=base, class_="number"),
        ))  # fmt: skip
    description = ", ".join(f"{one} {number}" for one, number in pairs)
    return tag("svg", *lines, class_="bars", width="100%", height=20 * len(pairs), role="img",
               aria_label=f"{what}: {description}")  # fmt: skip


def _wide(text: str) -> int:
    """How many letters' room a text takes: Chinese, Japanese and Korean signs take two."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def _short(text: str) -> str:
    """A name cut to the room that a bar leaves it."""
    if _wide(text) <= ROOM:
        return text
    return text[: next(end for end in range(len(text), 0, -1) if _wide(text[:end]) < ROOM)] + "…"


def scatter(sizes: Mapping[tuple[int, int], int], odd: Mapping[tuple[int, int], int]) -> Html:
    """Width against height of all images, as dots whose area says how many; both axes logarithmic.

    Args:
        sizes: width and height in px → how many images.
        odd: the same for those to be pointed out.
    """
    sides = [side for size in sizes for side in size]
    low, high = min(sides) / 1.25, max(sides) * 1.25
    if high / low < 4:
        low, high = sqrt(low * high) / 2, sqrt(low * high) * 2
    span = log2(high / low)
    left, top, wide, tall = 46, 8, 340, 252

    def across(side: float) -> float:
        return left + wide * log2(side / low) / span

    def down(side: float) -> float:
        return top + tall - tall * log2(side / low) / span

    ticks = [base * 10**power for power in range(7) for base in (1, 2, 5) if low <= base * 10**power <= high]
    marks = [
        *(tag("path", d=f"M{across(t):.0f} {top}v{tall}M{left} {down(t):.0f}h{wide}", class_="grid") for t in ticks),
        tag("path", d=f"M{left} {top + tall}L{left + wide} {top}", class_="diagonal"),
        *(tag("text", f"{t:,}", x=f"{across(t):.0f}", y=top + tall + 15, text_anchor="middle") for t in ticks),
        *(tag("text", f"{t:,}", x=left - 5, y=f"{down(t) + 4:.0f}", text_anchor="end") for t in ticks),
        tag("text", "width in px", x=left + wide / 2, y=top + tall + 31, text_anchor="middle"),
        tag("text", "height in px", x=11, y=top + tall / 2, text_anchor="middle",
            transform=f"rotate(-90 11 {top + tall / 2})"),
    ]  # fmt: skip
    cell = span / 48
    peak = 1
    for kind, shown in (("dot", sizes), ("dot odd", odd)):
        binned: Counter[tuple[int, int]] = Counter()
        for (width, height), number in shown.items():
            binned[round(log2(width / low) / cell), round(log2(height / low) / cell)] += number
        peak = max(peak, *binned.values()) if binned else peak
        for (x, y), number in sorted(binned.items()):
            at = low * 2 ** (x * cell), low * 2 ** (y * cell)
            description = f"{pluralize(number, 'image')} of about {at[0]:.0f} × {at[1]:.0f} px"
            marks.append(tag(
                "circle", tag("title", description), class_=kind,
                cx=f"{across(at[0]):.1f}", cy=f"{down(at[1]):.1f}", r=f"{2 + 7 * sqrt(number / peak):.1f}",
            ))  # fmt: skip
    return tag("svg", *marks, class_="scatter", viewBox=f"0 0 {left + wide + 10} {top + tall + 38}", role="img",
               aria_label="Width against height of all images, both axes logarithmic")  # fmt: skip
