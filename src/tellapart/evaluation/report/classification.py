"""The sections of a classifier's report: confusion, classes, thresholds, and pictures of its mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tellapart.core.errors import join_some
from tellapart.evaluation.report.common import SHOWN, Evaluation, gallery, percent
from tellapart.metrics.curves import Curve, precision_recall, roc
from tellapart.viz.html import Html, Pictures, card, join, name, path_name, scrolled, table, tag
from tellapart.viz.svg import Axes, columns, diagonal, dots, line, plot, upright

MOST = 40  # classes of a confusion that is shown whole
PAIRS = 20  # confusions that are named

Section = tuple[str, str, Html | None]  # its key, its title, what stands in it


def sections(evaluation: Evaluation, pictures: Pictures) -> Iterator[Section]:
    """Return the sections about classes, in the order of the page."""
    figures = evaluation.figures
    yield "confusion", "What is taken for what", _confusion(figures["confusion"])
    if "fine_confusion" in figures:
        yield "fine", "Fine classes", _confusion(figures["fine_confusion"])
        yield "groups", "Each group", _classes(figures["per_class"])
    yield "classes", "Each class", _classes(figures.get("fine_per_class") or figures["per_class"])
    if len(evaluation.bundle.labels) == 2 and len(set(evaluation.truth)) == 2:
        yield "threshold", "The threshold", _threshold(evaluation)
    what = " in fine classes" if "fine_confusion" in figures else ""
    yield "errors", f"The worst mistakes{what}", _errors(evaluation, pictures)
    yield "boundary", "Nearest to the boundary", _boundary(evaluation, pictures)


def _confusion(table_of: Mapping[str, Any]) -> Html:
    labels, counts = table_of["labels"], np.array(table_of["counts"])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = [(int(counts[a, b]), labels[a], labels[b]) for a, b in np.argwhere(counts) if a != b]
    wrong.sort(key=lambda item: (-item[0], item[1:]))
    confusions = [
        tag("li", name(truth), " taken for ", name(answer), f": {number:,} of {counts[labels.index(truth)].sum():,}")
        for number, truth, answer in wrong[:PAIRS]
    ]
    parts = [tag("ol", *confusions) if confusions else tag("p", "Nothing is taken for anything else.")]
    if len(wrong) > PAIRS:
        parts.append(tag("p", f"{len(wrong) - PAIRS:,} rarer confusions are not named here.", class_="note"))
    if len(labels) <= MOST:
        rows = []
        for place, label in enumerate(labels):
            cells = [
                tag("td", f"{number:,}" if number else "", tag("small", f" {percent(part)}") if number else None,
                    class_=f"heat h{min(10, round(10 * part))}{' own' if column == place else ''}")
                for column, (number, part) in enumerate(zip(counts[place].tolist(), share[place].tolist(), strict=True))
            ]  # fmt: skip
            rows.append(tag("tr", tag("th", name(label), scope="row"), *cells))
        head = tag("tr", tag("td", "truth ↓, answer →"), *(tag("th", name(label), scope="col") for label in labels))
        grid = tag("table", tag("thead", head), tag("tbody", *rows), class_="confusion")
        parts.insert(0, scrolled(grid))
    else:
        note = f"A table of {len(labels)} classes would be unreadable; `tellapart evaluate --picture` draws it."
        parts.append(tag("p", note, class_="note"))
    return join(parts)


def _classes(scores: Mapping[str, Mapping[str, float]]) -> Html:
    present = {label: score for label, score in scores.items() if score["support"]}
    ordered = sorted(present.items(), key=lambda item: (item[1]["f1"], item[0]))
    rows = [
        [
            name(label),
            f"{score['f1']:.3f}",
            percent(score["precision"]),
            percent(score["recall"]),
            f"{score['support']:,}",
        ]
        for label, score in ordered
    ]
    note = (
        "The weakest first. Precision: of the answers with this name, how many are right. Recall: of its images, how "
        "many are found. F1: the harmonic mean of both."
    )
    absent = sorted(set(scores) - set(present))
    parts = [tag("p", note, class_="note"), table(["class", "F1", "precision", "recall", "images"], rows)]
    if absent:
        parts.append(tag("p", f"Without images here: {join_some(absent, 20)}.", class_="note"))
    return join(parts)


def _threshold(evaluation: Evaluation) -> Html:
    """Return probabilities of two classes, and the curves that show what another threshold would give."""
    threshold = evaluation.bundle.calibration.threshold if evaluation.bundle.calibration else None
    positive = threshold.positive if threshold else evaluation.bundle.labels[1]
    at = float(threshold.at) if threshold else 0.5
    score = np.array([answer.probabilities[positive] for answer in evaluation.answers])
    truth = np.array(evaluation.truth) == positive
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(score[of], edges)[0].tolist() for of in (truth, ~truth)]
    axes = Axes(y=(0, max(1, *counts[0], *counts[1]) * 1.05))
    histogram = plot(
        axes, columns(axes, edges.tolist(), counts[0]), columns(axes, edges.tolist(), counts[1], "column wrong"),
        upright(axes, at, f"threshold {at:.2f}"), across=f"probability of {positive}", up="images",
        told=f"Probability of {positive}, of images that are and that are not",
        note=f"Images that are {positive} (blue) and that are not (red).",
    )  # fmt: skip
    receiver, recall = roc(truth, score), precision_recall(truth, score)
    marked = f"threshold {at:.2f}"
    return tag(
        "div", histogram,
        _curve(receiver, at, "false alarms", f"{positive} found", marked, "Receiver operating characteristic"),
        _curve(recall, at, f"{positive} found (recall)", "precision", marked, "Precision against recall"),
        class_="charts",
    )  # fmt: skip


def _curve(curve: Curve, at: float, across: str, up: str, marked: str, description: str) -> Html:
    axes = Axes()
    at_or_above = np.flatnonzero(curve.at >= at)
    if not len(at_or_above):
        note = f"{description}. At the {marked} no image is called so."
        return plot(axes, line(axes, curve.x.tolist(), curve.y.tolist()), across=across, up=up, told=note, note=note)
    here = int(at_or_above[-1])
    x, y = float(curve.x[here]), float(curve.y[here])
    return plot(
        axes, diagonal(axes) if description.startswith("Receiver") else None, line(axes, curve.x.tolist(),
        curve.y.tolist()), dots(axes, [x], [y], [marked], "marked"), across=across, up=up,
        told=f"{description}; at the threshold {x:.2f}, {y:.2f}",
        note=f"{description}. At the {marked}: {across} {percent(x)}, {up} {percent(y)}.",
    )  # fmt: skip


def _errors(evaluation: Evaluation, pictures: Pictures) -> Html:
    wrong = np.flatnonzero(~evaluation.right)
    worst = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:SHOWN]
    return gallery([_card(evaluation, pictures, int(at)) for at in worst], "No image is answered wrong.")


def _boundary(evaluation: Evaluation, pictures: Pictures) -> Html:
    threshold = evaluation.bundle.calibration.threshold if evaluation.bundle.calibration else None
    if threshold:
        margin = np.array(
            [abs(answer.probabilities[threshold.positive] - threshold.at) for answer in evaluation.answers]
        )
    else:
        chances = np.sort([list(answer.probabilities.values()) for answer in evaluation.answers], axis=1)
        margin = chances[:, -1] - chances[:, -2]
    nearest = np.argsort(margin, kind="stable")[: SHOWN // 2]
    what = "Where a little less would have changed the answer; right or wrong, these are the ones to look at."
    return join([tag("p", what, class_="note"), gallery([_card(evaluation, pictures, int(at)) for at in nearest], "")])


def _card(evaluation: Evaluation, pictures: Pictures, at: int) -> Html:
    answer, truth = evaluation.answers[at], evaluation.truth[at]
    row = evaluation.rows[at]
    best = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:2]
    chances = ", ".join(f"{label} {chance:.2f}" for label, chance in best)
    verdict = (
        tag("b", name(answer.answer), class_="good")
        if answer.answer == truth
        else join([tag("b", name(answer.answer), class_="bad"), " is ", tag("b", name(truth))])
    )
    return card(pictures.show(row, 200, 144), tag("span", verdict), tag("span", chances),
                tag("span", path_name(pictures.files[row]), class_="file"))  # fmt: skip
