"""The sections of a tagger's report: each tag with its threshold, tags that are missed or said too often, mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tellapart.core.errors import join_some
from tellapart.core.tag_sets import split_tags
from tellapart.evaluation.report.classification import PAIRS, Section
from tellapart.evaluation.report.common import SHOWN, Evaluation, gallery, percent
from tellapart.viz.html import Html, Pictures, card, join, name, path_name, table, tag

NOTE = (
    "The weakest first. Precision: of the images where the tag is said, how many have it. Recall: of the images that "
    "have it, how many are found. F1: the harmonic mean of both. Average precision: how well its probability ranks the "
    "images, whatever the threshold. From the threshold on it is said."
)


def sections(evaluation: Evaluation, pictures: Pictures) -> Iterator[Section]:
    """Return the sections about tags, in the order of the page."""
    yield "tags", "Each tag", _tags(evaluation)
    yield "swapped", "What is said in place of what", _swapped(evaluation)
    yield "errors", "The worst mistakes", _errors(evaluation, pictures)
    yield "boundary", "Nearest to a threshold", _boundary(evaluation, pictures)


def _tags(evaluation: Evaluation) -> Html:
    scores, at = evaluation.figures["per_label"], evaluation.figures["thresholds"]["at"]
    present = {label: score for label, score in scores.items() if score["support"]}
    rows = [
        [
            name(label),
            f"{score['f1']:.3f}",
            percent(score["precision"]),
            percent(score["recall"]),
            f"{score['average_precision']:.3f}",
            f"{at[label]:.3f}",
            f"{score['support']:,}",
        ]
        for label, score in sorted(present.items(), key=lambda item: (item[1]["f1"], item[0]))
    ]
    head = ["tag", "F1", "precision", "recall", "average precision", "threshold", "images"]
    parts = [tag("p", NOTE, class_="note"), table(head, rows)]
    if absent := sorted(set(scores) - set(present)):
        parts.append(tag("p", f"Without images here: {join_some(absent, 20)}.", class_="note"))
    return join(parts)


def _swapped(evaluation: Evaluation) -> Html:
    """Return the tags that are said where another is missed, the most frequent first."""
    pairs: Counter[tuple[str, str]] = Counter()
    for answer, truth in zip(evaluation.answers, evaluation.truth, strict=True):
        said, has = set(split_tags(answer.answer)), set(split_tags(truth))
        pairs.update((missed, wrong) for missed in has - said for wrong in said - has)
    if not pairs:
        return tag("p", "No image lacks one of its tags and has a wrong one in its place.")
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    lines = [tag("li", name(wrong), " said where ", name(missed), f" is: {n:,}") for (missed, wrong), n in ordered]
    more = f"{len(lines) - PAIRS:,} rarer pairs are not named here."
    return join([tag("ol", *lines[:PAIRS]), tag("p", more, class_="note") if len(lines) > PAIRS else tag("span")])


def _errors(evaluation: Evaluation, pictures: Pictures) -> Html:
    wrong = np.flatnonzero(~evaluation.right)
    worst = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:SHOWN]
    legend = "The surest first. Green: right. Red: said, and not there. Struck: there, and not said."
    cards = gallery([_card(evaluation, pictures, int(at)) for at in worst], "No image is answered wrong.")
    return join([tag("p", legend, class_="note"), cards])


def _boundary(evaluation: Evaluation, pictures: Pictures) -> Html:
    at = evaluation.figures["thresholds"]["at"]
    margins = np.array([
        min(abs(chance - at[label]) for label, chance in answer.probabilities.items()) for answer in evaluation.answers
    ])  # fmt: skip
    nearest = np.argsort(margins, kind="stable")[: SHOWN // 2]
    what = "Where a little less would have changed a tag; right or wrong, these are the ones to look at."
    return join([tag("p", what, class_="note"), gallery([_card(evaluation, pictures, int(at)) for at in nearest], "")])


def _card(evaluation: Evaluation, pictures: Pictures, at: int) -> Html:
    answer, truth, row = evaluation.answers[at], evaluation.truth[at], evaluation.rows[at]
    said, has = set(split_tags(answer.answer)), set(split_tags(truth))
    lines = []
    for label in sorted(said | has):
        shown = name(label)
        if label not in said:
            shown = tag("s", shown)
        chance = f" {answer.probabilities.get(label, 0.0):.2f}"
        lines.append(tag("span", tag("b", shown, class_="good" if label in said & has else "bad"), chance))
    return card(
        pictures.show(row, 200, 144),
        *(lines or [tag("span", tag("i", "no tag"))]),
        tag("span", path_name(pictures.files[row]), class_="file"),
    )
