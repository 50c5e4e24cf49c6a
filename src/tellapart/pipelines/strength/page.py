"""The strength of a CAPTCHA as one page that stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Any

from tellapart.core.image_io import Pixels
from tellapart.core.notebook import data_uri
from tellapart.pipelines.strength.verdict import percent
from tellapart.viz.html import Content, Html, document, table, tag

WIDE, HIGH, LEFT, TOP = 640, 300, 56, 16  # px of the curve's picture
STYLE = """
.curve { max-width: 100%; height: auto } .curve text { font: 13px system-ui, sans-serif; fill: var(--text) }
.curve .axis { stroke: var(--line) } .curve .line { fill: none; stroke: var(--accent); stroke-width: 2.5 }
.curve .dot { fill: var(--accent) } .curve .error { stroke: var(--accent); stroke-width: 1.5 }
.curve .limit { stroke: var(--red); stroke-dasharray: 6 4 } .curve .red { fill: var(--red) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0 } .scroll { overflow-x: auto }
td, th { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line) }
.samples { display: flex; flex-wrap: wrap; gap: 1rem } .samples figure { margin: 0 } .samples img { max-width: 220px }
td:first-child, th:first-child { text-align: left }
"""


def page(result: dict[str, Any], pictures: Mapping[str, Pixels] | None = None) -> str:
    """The page's HTML.

    Args:
        result: as `tellapart.strength` answers it.
        pictures: file → RGB, of the samples.
    """
    title = f"How strong is {result['target']}?"
    body = tag(
        "div",
        tag(
            "main",
            tag("h1", title),
            tag("p", tag("b", result["verdict"])),
            tag("ul", *(tag("li", sentence) for sentence in result["advice"])),
            tag("p", "For CAPTCHAs that you own or may test.", class_="note"),
            _samples(result, pictures),
            tag("section", tag("h2", "What an attacker reads"), _curve(result["curve"]), *_steps(result)),
            _changes(result["changes"]),
            _characters(result),
            tag("section", tag("h2", "What this does not say"), *(tag("p", limit) for limit in result["limits"])),
            id="content",
        ),
        class_="whole",
    )
    return document(title, body, style=STYLE)


def budget(step: Mapping[str, Any]) -> str:
    """What the attacker of a step of the curve had: labels, and pictures without any.

    >>> budget({"labels": 1000}), budget({"labels": 0, "pictures": 800})
    ('1,000', '0, 800 pictures')
    """
    return f"{step['labels']:,}" + (f", {step['pictures']:,} pictures" if "pictures" in step else "")


def _interval(figure: dict[str, Any]) -> str:
    low, high = figure["ci95"]
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _curve(curve: list[dict[str, Any]]) -> Html:
    """Exact match against labels, the labels by orders of magnitude."""
    most = max((step["labels"] for step in curve), default=1) or 1

    def across(labels: int) -> float:
        return LEFT + (WIDE - LEFT - 20) * (log10(1 + labels) / log10(1 + most))

    def down(share: float) -> float:
        return TOP + (HIGH - TOP - 40) * (1 - share)

    parts: list[Content] = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = down(share)
        parts += [
            tag("line", x1=LEFT, x2=WIDE - 10, y1=y, y2=y, class_="axis"),
            tag("text", f"{share:.0%}".replace("%", " %"), x=LEFT - 8, y=y + 4, text_anchor="end"),
        ]
    limit = down(0.01)
    parts += [
        tag("line", x1=LEFT, x2=WIDE - 10, y1=limit, y2=limit, class_="limit"),
        tag("text", "1 %: broken", x=WIDE - 10, y=limit - 6, text_anchor="end", class_="red"),
        tag(
            "polyline", class_="line",
            points=" ".join(
                f"{across(s['labels']):.1f},{down(s['exact_match']['value']):.1f}" for s in curve if "pictures" not in s
            ),
        ),
    ]  # fmt: skip
    for step in curve:
        x, (low, high) = across(step["labels"]), step["exact_match"]["ci95"]
        parts += [
            tag("line", x1=x, x2=x, y1=down(low), y2=down(high), class_="error"),
            tag("circle", cx=x, cy=down(step["exact_match"]["value"]), r=4, class_="dot"),
            tag("text", "self-taught", x=x + 8, y=down(step["exact_match"]["value"]) + 5)
            if "pictures" in step
            else tag("text", f"{step['labels']:,}", x=x, y=HIGH - 18, text_anchor="middle"),
        ]
    parts.append(tag("text", "labels", x=WIDE - 10, y=HIGH - 2, text_anchor="end"))
    description = "; ".join(f"labels {budget(step)}: {percent(step['exact_match']['value'])}" for step in curve)
    return tag(
        "svg", *parts, class_="curve", viewBox=f"0 0 {WIDE} {HIGH}", width=WIDE, height=HIGH, role="img",
        aria_label=f"Texts read exactly: {description}",
    )  # fmt: skip


def _steps(result: dict[str, Any]) -> list[Html]:
    rows = [
        [
            budget(step),
            percent(step["exact_match"]["value"]),
            _interval(step["exact_match"]),
            percent(step["exact_match_folded"]["value"]),
            percent(step["cer"]["value"]),
            f"{step['seconds']:.0f} s",
        ]
        for step in result["curve"]
    ]
    head = ["labels", "texts read", "95 % interval", "case ignored", "characters misread", "training"]
    return [
        table(head, rows),
        *(
            tag(
                "p",
                f"With no labels but {step['pictures']:,} pictures, it taught itself what it was sure to read.",
                class_="note",
            )
            for step in result["curve"]
            if "pictures" in step
        ),
        *(tag("p", f"{note[0].upper()}{note[1:]}.", class_="note") for note in result["left_out"]),
        tag(
            "p", f"Judged on {result['n']:,} texts that taught nothing. Trained on {result['machine']}.", class_="note"
        ),
        tag("p", f"From 1 % on a scheme counts as broken: {result['broken_by']}.", class_="note"),
    ]


def _changes(changes: list[dict[str, Any]]) -> Html | None:
    if not changes:
        return None
    own = changes[0]["exact_match"]["value"]
    rows = [
        [row["change"], percent(row["exact_match"]["value"]), _interval(row["exact_match"]),
         "" if not place else f"{100 * (row['exact_match']['value'] - own):+.1f}"]
        for place, row in enumerate(changes)
    ]  # fmt: skip
    sentence = f"An attacker with {changes[0]['labels']:,} labels, trained anew on each change."
    return tag(
        "section", tag("h2", "What its hardships are worth, and what others would be"), tag("p", sentence),
        table(["change", "texts read", "95 % interval", "points"], rows),
    )  # fmt: skip


def _samples(result: dict[str, Any], pictures: Mapping[str, Pixels] | None) -> Html | None:
    """Pictures that the strongest attacker read, and pictures that it did not."""
    if not result["samples"]:
        return None
    parts: list[Content] = []
    for heading, right in (("Read", True), ("Not read", False)):
        those = [sample for sample in result["samples"] if (sample["read"] == sample["text"]) is right]
        shown = [
            tag(
                "figure", tag("img", src=data_uri((pictures or {})[each["file"]]), alt=f"the text {each['text']}"),
                tag("figcaption", each["text"] if right else f"{each['text']}: read as {each['read'] or 'nothing'}"),
            )
            for each in those if each["file"] in (pictures or {})
        ]  # fmt: skip
        parts += [tag("h3", heading), tag("div", *shown, class_="samples") if shown else tag("p", "none")]
    return tag("section", tag("h2", "Pictures before the strongest attacker"), *parts)


def _characters(result: dict[str, Any]) -> Html | None:
    if not result["characters"]:
        return None
    shown = ", ".join(f"{row['character']} ({row['missed']})" for row in result["characters"][:20])
    most = result["curve"][-1]["labels"]
    return tag(
        "section", tag("h2", "Characters that hold out longest"),
        tag("p", f"How often the attacker with {most:,} labels misread each, in {result['n']:,} texts: {shown}."),
    )  # fmt: skip
