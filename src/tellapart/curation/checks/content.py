"""Checks on what kind of picture it is, and whether its label fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import pluralize
from tellapart.core.parallel import map_threads
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.checks import label_errors
from tellapart.curation.checks.off_domain import minority_probability
from tellapart.curation.findings import Finding

LEAST_ACCURACY = 0.5  # of the given labels that the model must predict before it may call others wrong

Array = npt.NDArray[Any]


def _off_domain(view: CheckContext, threshold: float) -> Finding:
    likely, what = minority_probability(view.measures, view.survey.style(view.rows))
    score = dict(zip(view.rows, map(float, likely), strict=True))
    why = {row: f"of another kind than the rest: {what} ({value:.0%})" for row, value in score.items()
           if value >= threshold}  # fmt: skip
    seen = "flatness, grain and colours" if view.survey.evidence == "pixels" else f"features of {view.survey.evidence}"
    sentence = f"{pluralize(len(why), 'image')} of another kind: {what}" if why else what
    return Finding("off_domain", sentence, threshold, score, why, facts={"evidence": seen})


def _label_errors(view: CheckContext, threshold: float) -> Finding:
    features = view.survey.content(view.rows)
    evidence = f"features of {view.survey.evidence}"
    if features is None:
        features, evidence = _gradients(view), "gradients and colours"
    number = {row: place for place, group in enumerate(view.copies) for row in group}
    together = [number.get(row, len(number) + row) for row in view.rows]
    found = label_errors.find_label_errors(features, [view.labels[row] for row in view.rows], together)
    score, why = {}, {}
    for place, row in enumerate(view.rows):
        margin = float(found.margin[place])
        if np.isnan(margin):
            continue
        score[row] = (1 - margin) / 2
        if found.flags[place] and score[row] >= threshold and found.accuracy >= LEAST_ACCURACY:
            why[row] = f"labelled {view.labels[row]!r}, looks more like {found.other[place]!r}"
    facts: dict[str, Any] = {
        "evidence": evidence,
        "ranking": [view.files[row] for row in sorted(score, key=lambda r: -score[r])],
    }
    if not score:
        return Finding("label_errors", "not judged: fewer than two classes of five images", threshold, facts=facts)
    facts["accuracy"] = round(found.accuracy, 4)
    facts["looks_like"] = {view.files[row]: found.other[place] for place, row in enumerate(view.rows) if row in why}
    sentence = f"{pluralize(len(why), 'label')} contradicted by a model that agrees with {found.accuracy:.0%} of all"
    if found.accuracy < LEAST_ACCURACY:
        sentence = (
            f"no label is called wrong: the model that would judge agrees with only {found.accuracy:.0%}; "
            "the top of its ranking is worth a look"
        )
    return Finding("label_errors", sentence, threshold, score, why, facts=facts)


def _gradients(view: CheckContext) -> Array:
    """A few pictures at a time, so that what is worked out on the way stays in the processor's cache."""
    steps = range(0, max(len(view.rows), 1), 128)
    thumbs = (view.survey.thumbs(view.rows[start : start + 128]) for start in steps)
    return np.concatenate([*map_threads(label_errors.gradients, thumbs)])


CHECKS = (
    Check("off_domain", "Another kind of picture", 0.2, None, _off_domain),
    Check("label_errors", "Labels that look wrong", 0.7, "classify", _label_errors),
)
