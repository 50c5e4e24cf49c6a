"""Checks on the content of pictures: their kind, and whether their labels fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import pluralize
from tellapart.core.parallel import map_threads
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.checks import label_errors
from tellapart.curation.checks.off_domain import FEWEST, minority_probability
from tellapart.curation.findings import Finding, not_judged

LEAST_ACCURACY = 0.5  # against the given labels; a model below it flags none of them

Array = npt.NDArray[Any]


def _off_domain(context: CheckContext, threshold: float) -> Finding:
    if len(context.rows) < FEWEST:
        return not_judged("off_domain", threshold, f"fewer than {FEWEST} images")
    likely, what = minority_probability(context.measures, context.index.style(context.rows))
    score = dict(zip(context.rows, map(float, likely), strict=True))
    why = {row: f"of another kind than the rest: {what} ({value:.0%})" for row, value in score.items()
           if value >= threshold}  # fmt: skip
    evidence = (
        "flatness, grain and colours" if context.index.evidence == "pixels" else f"features of {context.index.evidence}"
    )
    sentence = f"{pluralize(len(why), 'image')} of another kind: {what}" if why else what
    return Finding("off_domain", sentence, threshold, score, why, facts={"evidence": evidence})


def _label_errors(context: CheckContext, threshold: float) -> Finding:
    features = context.index.content(context.rows)
    evidence = f"features of {context.index.evidence}"
    if features is None:
        features, evidence = _gradients(context), "gradients and colours"
    row_to_group = {row: number for number, group in enumerate(context.copies) for row in group}
    groups = [row_to_group.get(row, len(row_to_group) + row) for row in context.rows]
    result = label_errors.find_label_errors(features, [context.labels[row] for row in context.rows], groups)
    score, why = {}, {}
    for place, row in enumerate(context.rows):
        margin = float(result.margin[place])
        if np.isnan(margin):
            continue
        score[row] = (1 - margin) / 2
        if result.flags[place] and score[row] >= threshold and result.accuracy >= LEAST_ACCURACY:
            why[row] = f"labelled {context.labels[row]!r}, looks more like {result.other[place]!r}"
    facts: dict[str, Any] = {
        "evidence": evidence,
        "ranking": [context.files[row] for row in sorted(score, key=lambda r: -score[r])],
    }
    if not score:
        return not_judged("label_errors", threshold, "fewer than two classes of five images", **facts)
    if unscored := len(context.rows) - len(score):
        facts["left_out"] = f"{pluralize(unscored, 'image')} of classes of fewer than five"
    facts["accuracy"] = round(result.accuracy, 4)
    facts["looks_like"] = {
        context.files[row]: result.other[place] for place, row in enumerate(context.rows) if row in why
    }
    sentence = f"{pluralize(len(why), 'label')} contradicted by a model that agrees with {result.accuracy:.0%} of all"
    if result.accuracy < LEAST_ACCURACY:
        sentence = (
            f"no label is called wrong: the model that would judge agrees with only {result.accuracy:.0%}; "
            "the top of its ranking is worth a look"
        )
        facts["not_judged"] = f"the model that would judge agrees with only {result.accuracy:.0%} of the labels"
    return Finding("label_errors", sentence, threshold, score, why, facts=facts)


def _gradients(context: CheckContext) -> Array:
    """Return gradients of all rows, N, 336; a few at a time, so that intermediates stay in the processor's cache."""
    steps = range(0, max(len(context.rows), 1), 128)
    thumbs = (context.index.thumbs(context.rows[start : start + 128]) for start in steps)
    return np.concatenate([*map_threads(label_errors.gradients, thumbs)])


CHECKS = (
    Check("off_domain", "Another kind of picture", 0.2, None, _off_domain),
    Check("label_errors", "Labels that look wrong", 0.7, "classify", _label_errors),
)
