"""The sections of a reader's report: texts, errors by position and length, and confused characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tellapart.evaluation.report.classification import Section
from tellapart.evaluation.report.common import SHOWN, Evaluation, gallery, percent, spell
from tellapart.metrics.error_analysis import PositionError
from tellapart.viz.html import Html, Pictures, card, join, name, path_name, table, tag
from tellapart.viz.svg import Axes, columns, plot


def sections(evaluation: Evaluation, pictures: Pictures) -> Iterator[Section]:
    """Return the sections about texts, in the order of the page."""
    yield "errors", "The worst mistakes", _errors(evaluation, pictures)
    yield "samples", "Samples", _samples(evaluation, pictures)
    yield "places", "Where errors stand", _places(evaluation)
    yield "confused", "Characters that are confused", _confused(evaluation)


def _errors(evaluation: Evaluation, pictures: Pictures) -> Html:
    wrong = np.flatnonzero(~evaluation.right)
    worst = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:SHOWN]
    legend = "The surest first. A letter's colour is its confidence: green is sure, red is not."
    cards = gallery([_card(evaluation, pictures, int(at)) for at in worst], "No text is misread.")
    return join([tag("p", legend, class_="note"), cards])


def _samples(evaluation: Evaluation, pictures: Pictures) -> Html:
    right = np.flatnonzero(evaluation.right)
    spread = right[:: max(1, len(right) // SHOWN)][:SHOWN]
    return gallery([_card(evaluation, pictures, int(at)) for at in spread], "No text is read exactly.")


def _card(evaluation: Evaluation, pictures: Pictures, at: int) -> Html:
    answer, truth, row = evaluation.answers[at], evaluation.truth[at], evaluation.rows[at]
    lines = [tag("span", spell(answer.characters), class_="spelt")]
    if answer.answer != truth:
        lines.append(tag("span", "is ", tag("b", name(truth))))
    lines.append(tag("span", f"{answer.confidence:.2f} sure"))
    return card(pictures.show(row, 200, 90), *lines, tag("span", path_name(pictures.files[row]), class_="file"))


def _places(evaluation: Evaluation) -> Html:
    return tag(
        "div", _rates(evaluation.figures["by_position"], "position in the text"),
        _rates(evaluation.figures["by_length"], "length of the text"), class_="charts",
    )  # fmt: skip


def _rates(places: Sequence[PositionError], across: str) -> Html:
    first, last = places[0]["at"], places[-1]["at"]
    axes = Axes((first - 0.5, last + 0.5), (0, max(0.01, *(place["cer"] for place in places)) * 1.1))
    bars = [part for place in places for part in columns(axes, [place["at"] - 0.5, place["at"] + 0.5], [place["cer"]])]
    description = ", ".join(f"{place['at']}: {percent(place['cer'])} of {place['n']:,}" for place in places)
    return plot(axes, bars, across=across, up="share misread", told=f"Characters misread by {across}: {description}")


def _confused(evaluation: Evaluation) -> Html:
    pairs = evaluation.figures["confused"]
    if not pairs:
        return tag("p", "None.")
    rows = [
        [name(pair["truth"]) if pair["truth"] else tag("i", "nothing"),
         name(pair["read"]) if pair["read"] else tag("i", "left out"), f"{pair['n']:,}"]
        for pair in pairs
    ]  # fmt: skip
    return table(["stands there", "was read", "times"], rows)
