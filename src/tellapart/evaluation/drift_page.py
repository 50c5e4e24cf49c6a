"""The drift report as one self-contained page."""

from __future__ import annotations

from typing import Any

import numpy as np

from tellapart.evaluation.drift_reference import MEASURES, Sample
from tellapart.viz import svg
from tellapart.viz.html import Html, document, name, package_text, table, tag
from tellapart.viz.svg import Axes, columns, plot

TITLES = {
    "light": "Light", "contrast": "Contrast", "sharpness": "Sharpness", "colour": "Colour", "width": "Width",
    "confidence": "Confidence", "answers": "Answers", "features": "What the network sees",
    "strangers": "Images like none before",
}  # fmt: skip
STYLE = svg.STYLE + "\n" + package_text("tellapart.evaluation", "drift_page.css")


def page(result: dict[str, Any], reference: Sample, window: Sample) -> str:
    """Return the page's HTML.

    Args:
        result: what `tellapart.drift` returns.
        reference: the images that the bundle keeps.
        window: the new images.
    """
    positive = [check for check in result["checks"] if check["found"]]
    verdict = (
        "Something has changed: " + ", ".join(TITLES[check["check"]].lower() for check in positive) + "."
        if positive
        else "Nothing has changed that could be told from chance."
    )
    checks = [
        (TITLES[check["check"]], f"{check['distance']:.3f}", f"{check['p']:.4f}", f"{check['adjusted']:.4f}",
         "changed" if check["found"] else "")
        for check in result["checks"]
    ]  # fmt: skip
    changed = [number for number, check in enumerate(result["checks"]) if check["found"]]
    summary = (
        f"{result['n']:,} images beside {result['n_reference']:,} that were kept from its learning. "
        f"Of 100 windows without a change, about {100 * result['alpha']:g} at most are called changed: each check is a "
        "test (see below), and their p-values are raised for their number (Holm 1979)."
    )
    pictures = [
        _histogram(TITLES[each], reference.measures[:, place], window.measures[:, place])
        for place, each in enumerate(MEASURES)
    ]
    pictures.append(_histogram(TITLES["confidence"], reference.confidence, window.confidence))
    unreadable = f"{result['unreadable']:,} files of the window could not be read." if result["unreadable"] else None
    body = tag(
        "div",
        tag("main", tag("h1", "Has the input changed?"), tag("p", tag("b", verdict)), tag("p", summary),
            tag("p", unreadable) if unreadable else None,
            table(["", "distance", "p", "p of all", ""], checks, changed),
            tag("section", tag("h2", "Before (blue) and now (red)"), tag("div", *pictures, class_="charts")),
            tag("section", tag("h2", "Answers"), _answers(reference, window)),
            tag("section", tag("h2", "How it is told"), *(tag("p", line) for line in _methods())),
            id="content"),
        class_="whole",
    )  # fmt: skip
    return document("Has the input changed?", body, style=STYLE)


def _histogram(title: str, before: Any, now: Any) -> Html:
    both = np.concatenate([before, now])
    low, high = float(both.min()), float(both.max())
    high = high if high > low else low + 1
    edges = np.linspace(low, high, 21)
    shares = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (before, now)]
    axes = Axes((low, high), (0, max(0.01, *(float(share.max()) for share in shares)) * 1.05))
    return plot(
        axes, columns(axes, edges.tolist(), shares[0].tolist()),
        columns(axes, edges.tolist(), shares[1].tolist(), "column wrong"), across=title.lower(), up="share of images",
        told=f"{title}: before mostly about {np.median(before):.3g}, now {np.median(now):.3g}",
    )  # fmt: skip


def _answers(reference: Sample, window: Sample) -> Html:
    names = sorted({*reference.answers, *window.answers})
    rows = []
    for each in names:
        before, now = (sample.answers.count(each) / max(1, len(sample)) for sample in (reference, window))
        rows.append((abs(now - before), each, before, now))
    lines = [
        (name(each), f"{100 * before:.1f} %", f"{100 * now:.1f} %")
        for _, each, before, now in sorted(rows, reverse=True)[:30]
    ]
    return table(["answer", "before", "now"], lines)


def _methods() -> list[str]:
    return [
        "Light, contrast, sharpness, colour, width and confidence: the two-sample test of Kolmogorov and Smirnov.",
        "Answers (of texts, their lengths): total variation of the two mixtures, by 1,999 permutations.",
        "What the network sees: the energy distance (Székely & Rizzo 2013) of its features, their direction on 12 "
        "principal axes and the logarithm of their length, by 1,999 permutations.",
        "Images like none before: of the fortieth, twentieth, tenth and fifth of all whose features lie farthest from "
        "every old one (Sun et al. 2022), how many are new; the one furthest above chance, by 1,999 permutations.",
        "A change need not be harmful, and an unchanged input may still be answered worse: labels of new images tell.",
    ]
