"""The parts that every report has: figures in words, confidence, and the course of the training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.data.catalog import Catalog
from tellapart.inference.bundle import Bundle
from tellapart.inference.model_card import FIGURES
from tellapart.inference.prediction import Prediction
from tellapart.metrics.curves import reliability
from tellapart.viz.html import Html, join, tag
from tellapart.viz.svg import Axes, columns, diagonal, dots, key, line, plot, upright

SHOWN = 24  # pictures of a gallery
# Micro-F1 is the accuracy where an image has one label.
NAMES = {name: what for name, what in FIGURES.items() if name != "micro_f1"}
RIGHT = {  # the share of right answers of each task, of what, and what is right of them
    "exact_match": ("texts", "read exactly"),
    "subset_accuracy": ("images", "answered with all their tags and no other"),
    "accuracy": ("images", "answered right"),
}
SHARES = (
    "subset_accuracy", "accuracy", "fine_accuracy", "exact_match", "exact_match_folded", "cer", "answered",
    "answered_accuracy",
)  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """A bundle's answers on a catalog.

    Args:
        bundle: the model.
        catalog: the data.
        rows: the rows of the catalog that were scored.
        answers: the predictions, in the order of ``rows``.
        figures: what `tellapart.evaluate` returns.
        history: the epochs of the training; empty where they are not known.
        unseen: whether the model has met none of the images in its training; None where that is not known.
    """

    bundle: Bundle
    catalog: Catalog
    rows: Sequence[int]
    answers: Sequence[Prediction]
    figures: dict[str, Any]
    history: Sequence[dict[str, Any]] = ()
    unseen: bool | None = None

    @property
    def truth(self) -> list[str]:
        """Labels, in the order of ``rows``."""
        label = self.catalog.column("label")
        return [label[row] for row in self.rows]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each answer equals its label, N."""
        return np.array([answer.answer == label for answer, label in zip(self.answers, self.truth, strict=True)])

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Confidence of each answer, N."""
        return np.array([answer.confidence for answer in self.answers])


def percent(value: float) -> str:
    """Return a share as a percentage with about three digits.

    >>> percent(0.98765), percent(1), percent(0.9999), percent(0.0004)
    ('98.8 %', '100 %', '99.99 %', '0.04 %')
    """
    shown = 100 * value
    if shown in (0, 100):
        return f"{shown:.0f} %"
    # Almost all is not all, and almost nothing is something.
    return f"{shown:.3g} %" if shown < 1 else f"{shown:.1f} %" if shown < 99.95 else f"{shown:.5g} %"


def shown(name: str, value: float) -> str:
    """Return a figure's value: shares in per cent, others such as F1 as a number."""
    return percent(value) if name in SHARES else f"{value:.3f}"


def headline(figures: dict[str, Any], *, unseen: bool | None = True) -> str:
    """Return the first figure as a sentence, and one on what may be expected of other images.

    Args:
        figures: what `tellapart.evaluate` returns.
        unseen: whether the model has met none of the images; None where that is not known.

    >>> headline({"n": 100, "exact_match": {"value": 0.95, "ci95": [0.888, 0.978], "n": 100}})[:42]
    'Of 100 texts, 95 are read exactly: 95.0 %.'
    """
    name = next(each for each in RIGHT if each in figures)
    what, done = RIGHT[name]
    if "fine_accuracy" in figures:
        done = "put into the right group"
    figure = figures[name]
    low, high = figure["ci95"]
    right = round(figure["value"] * figure["n"])
    sentence = f"Of {figure['n']:,} {what}, {right:,} are {done}: {percent(figure['value'])}."
    if unseen is False:
        return f"{sentence} It knows them from its training; new ones it answers less well."
    if unseen is None:
        return f"{sentence} Whether some of them taught it cannot be told."
    between = f"between {100 * low:.1f} and {100 * high:.1f} %"
    return f"{sentence} The share among all such {what} lies, with 95 % confidence, {between}."


def tiles(figures: dict[str, Any]) -> Html:
    """Return the headline figures with their intervals."""
    shown_too = {"micro_f1"} if "per_label" in figures else set()
    headlines = [(name, figures[name]) for name in FIGURES if name in figures and (name in NAMES or name in shown_too)]
    return tag(
        "div",
        *(
            tag("div", tag("b", shown(name, figure["value"])), FIGURES[name], tag("br"),
                f"{shown(name, figure['ci95'][0])} to {shown(name, figure['ci95'][1])}", class_="tile")
            for name, figure in headlines
        ),
        class_="tiles",
    )  # fmt: skip


def confidence(evaluation: Evaluation) -> Html:
    """Return a histogram of confidences and a reliability diagram."""
    right, sure = evaluation.right, evaluation.confidence
    edges = np.linspace(0, 1, 21)
    good, bad = (np.histogram(sure[of], edges)[0].tolist() for of in (right, ~right))
    axes = Axes(y=(0, max(1, *good, *bad) * 1.05))
    calibration = evaluation.bundle.calibration
    abstain = calibration.abstain if calibration else None
    limit = upright(axes, abstain.below, "not sure") if abstain and abstain.below <= 1 else None
    histogram = plot(
        axes, columns(axes, edges.tolist(), good), columns(axes, edges.tolist(), bad, "column wrong"), limit,
        across="confidence", up="answers",
        told=f"Confidences: {_spread(sure[right])} of right answers, {_spread(sure[~right])} of wrong ones",
        note="How sure the right answers are (blue) and the wrong ones (red).",
    )  # fmt: skip
    bins, unit = reliability(sure, right), Axes()
    by_chance = evaluation.figures["ece_by_chance"]
    descriptions = [f"{n} answers: {c:.2f} sure, {r:.2f} right" for c, r, n in zip(*bins, strict=True)]
    diagram = plot(
        unit, diagonal(unit), line(unit, bins.confidence.tolist(), bins.right.tolist()),
        dots(unit, bins.confidence.tolist(), bins.right.tolist(), descriptions),
        across="confidence", up="share right", told="Reliability: " + "; ".join(descriptions),
        note=f"On the dashed line, an answer that is 0.8 sure is right 8 times of 10. The mean distance from it (ECE) "
        f"is {evaluation.figures['ece']:.3f}; of so many answers that are right exactly as often as they say it would "
        f"be {by_chance['mean']:.3f}, and 19 times of 20 below {by_chance['high95']:.3f}.",
    )  # fmt: skip
    return tag("div", histogram, diagram, class_="charts")


def _spread(values: npt.NDArray[np.float64]) -> str:
    return f"half above {np.median(values):.2f}" if len(values) else "none"


def learning(history: Sequence[dict[str, Any]]) -> Html | None:
    """Return plots of losses and the validation score by epoch, or None for fewer than two epochs."""
    lines = [row for row in history if "val_loss" in row]
    if len(lines) < 2:
        return None
    epochs = list(range(1, len(lines) + 1))
    losses = {
        name: [
            (epoch, float(row[name]))
            for epoch, row in zip(epochs, lines, strict=True)
            if name in row and math.isfinite(row[name])
        ]
        for name in ("val_loss", "train_loss")
    }
    top = max((value for points in losses.values() for _, value in points), default=1.0)
    axes = Axes((1, len(lines)), (0, (top or 1.0) * 1.05))
    curves = [
        line(axes, [epoch for epoch, _ in points], [value for _, value in points], kind)
        for points, kind in ((losses["val_loss"], "line"), (losses["train_loss"], "line other"))
    ]
    first = plot(
        axes, *curves, key(("", "validation"), ("other", "training")), across="epoch", up="loss",
        told=f"Losses over {len(lines)} epochs; validation from {lines[0]['val_loss']:.3g} to "
        f"{lines[-1]['val_loss']:.3g}",
    )  # fmt: skip
    score = next((name for name in ("val_exact_match", "val_accuracy") if name in lines[0]), None)
    if score is None:
        return first
    unit = Axes((1, len(lines)))
    values = [row[score] for row in lines]
    own = score.replace("val_", "train_")
    shown = [(epoch, row[own]) for epoch, row in zip(epochs, lines, strict=True) if own in row]
    training = [line(unit, [epoch for epoch, _ in shown], [value for _, value in shown], "line other")] if shown else []
    keys = [key(("", "validation"), ("other", "training"))] if shown else []
    gap = f"; that of training less it in the last epoch {lines[-1]['gap']:+.3f}" if "gap" in lines[-1] else ""
    second = plot(
        unit, line(unit, epochs, values), *training, *keys, across="epoch",
        up=score.removeprefix("val_").replace("_", " "),
        told=f"Validation score over {len(lines)} epochs, from {values[0]:.3f} to {values[-1]:.3f}{gap}",
        note="Training: the images as they were shown, augmented and with dropout." if shown else "",
    )  # fmt: skip
    return tag("div", first, second, class_="charts")


def gallery(parts: Sequence[Html], none: str) -> Html:
    """Return cards, or a sentence where there are none."""
    return tag("div", *parts, class_="cards wide") if parts else tag("p", none)


def spell(characters: Sequence[tuple[str, float]]) -> Html:
    """Return a text with a colour a character: green is sure, red is unsure."""
    if not characters:
        return tag("i", "nothing")
    return join(
        tag("span", character, class_=f"sure s{min(4, int(5 * chance))}", title=f"{chance:.2f}")
        for character, chance in characters
    )
