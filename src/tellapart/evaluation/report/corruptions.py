"""The section of a report on pictures that are made worse: accuracy by severity, a table, and what they look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from tellapart.core.image_io import Pixels
from tellapart.evaluation.corruptions import KINDS, SEVERITIES, corrupt
from tellapart.evaluation.report.common import Evaluation, percent
from tellapart.evaluation.robustness import sample_pictures, sample_rows
from tellapart.viz.html import Html, card, cards, embedded, join, scrolled, tag
from tellapart.viz.svg import Axes, dots, key, line, plot

SHOWN = (1, 3, 5)  # severities of which there is a picture


def robustness(evaluation: Evaluation) -> Html:
    """Return the section.

    Args:
        evaluation: its figures hold ``corruptions``.
    """
    scores = evaluation.figures["corruptions"]
    worst = min(scores["kinds"], key=lambda kind: scores["kinds"][kind]["mean"]["value"])
    kept, (low, high) = scores["relative"]["value"], scores["relative"]["ci95"]
    done = "read exactly" if evaluation.bundle.task == "read" else "put into the right class"
    lead = (
        f"Of a sample of {scores['n']:,}, {percent(scores['clean']['value'])} are {done}. When they are made worse in "
        f"seven ways, at five severities each, {percent(kept)} of that is left (95 % interval {percent(low)} to "
        f"{percent(high)}); least with {worst}."
    )
    note = (
        "The kinds and severities are those of Hendrycks & Dietterich (2019), but for rotation, by 5 to 30 degrees. "
        "Pictures are first shrunk to what the model sees of them."
    )
    return join(
        [tag("p", lead), _chart(scores, worst), _table(scores), tag("p", note, class_="note"), _examples(evaluation)]
    )


def _chart(scores: Mapping[str, Any], worst: str) -> Html:
    """Return the mean of all kinds, and the worst kind, by severity; severity 0 is the picture as it is."""
    clean = scores["clean"]["value"]
    x = [0, *SEVERITIES]
    kinds = {kind: [clean, *(each["value"] for each in one["severities"])] for kind, one in scores["kinds"].items()}
    mean = [sum(values) / len(kinds) for values in zip(*kinds.values(), strict=True)]
    axes = Axes((0, len(SEVERITIES)), (0, 1))
    told = [f"severity {at}: {value:.3f}" for at, value in zip(x, mean, strict=True)]
    return plot(
        axes, line(axes, x, kinds[worst], "line other"), line(axes, x, mean), dots(axes, x, mean, told),
        key(("", "mean of all"), ("other", worst)), across="severity", up="share right",
        told=f"Mean of all kinds: {'; '.join(told)}",
    )  # fmt: skip


def _table(scores: Mapping[str, Any]) -> Html:
    heads = ["", *(f"severity {level}" for level in SEVERITIES), "mean", "of clean"]
    rows = []
    for kind, one in scores["kinds"].items():
        cells = [
            tag("td", percent(each["value"]), class_=f"heat h{min(10, round(10 * each['value']))}",
                title=f"95 % interval {percent(each['ci95'][0])} to {percent(each['ci95'][1])}")
            for each in one["severities"]
        ]  # fmt: skip
        means = [tag("td", percent(one[name]["value"])) for name in ("mean", "relative")]
        rows.append(tag("tr", tag("th", kind, scope="row"), *cells, *means))
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    return scrolled(tag("table", tag("thead", head), tag("tbody", *rows)))


def _examples(evaluation: Evaluation) -> Html:
    """Return the first picture of the sample, in each kind at some severities."""
    rows = sample_rows(evaluation.rows, evaluation.figures["corruptions"]["n"])[:1]
    ((row, pixels),) = sample_pictures(evaluation.catalog, rows, evaluation.bundle.preprocess)

    def each() -> Iterator[Html]:
        for kind in KINDS:
            for level in SHOWN:
                yield _example(corrupt(pixels, kind, level, row), f"{kind}, severity {level}")

    return cards(each(), class_="cards wide" if evaluation.bundle.task == "read" else "cards")


def _example(pixels: Pixels, name: str) -> Html:
    return card(embedded(Image.fromarray(pixels), (200, 144), name), tag("span", name))
