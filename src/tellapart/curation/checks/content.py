"""Checks on the content of pictures: their kind, and whether their labels fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import join_some, pluralize
from tellapart.core.parallel import map_threads
from tellapart.core.tag_sets import join_tags
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
    features, evidence, groups = _label_evidence(context)
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


def _tag_errors(context: CheckContext, threshold: float) -> Finding:
    features, evidence, groups = _label_evidence(context)
    names = context.catalog.labels
    given = [set(context.catalog.labels_in(context.labels[row])) for row in context.rows]
    has = np.array([[name in tags for name in names] for tags in given], bool).reshape(len(given), len(names))
    result = label_errors.find_tag_errors(features, has, groups)
    judged = [place for place in range(len(names)) if not np.isnan(result.discrimination[place])]
    if not judged:
        reason = "no tag that five images have and five lack"
        return not_judged("tag_errors", threshold, reason, evidence=evidence, ranking=[])
    doubt = result.doubt[:, judged].max(axis=1)
    score = dict(zip(context.rows, map(float, doubt), strict=True))
    flags = result.flags & (result.doubt >= threshold)
    why, looks_like = {}, {}
    for place, row in enumerate(context.rows):
        if doubted := {names[tag] for tag in np.flatnonzero(flags[place])}:
            surplus, missing = sorted(doubted & given[place]), sorted(doubted - given[place])
            words = [f"{verb} {join_some(map(repr, some))}" for verb, some in
                     (("shows no", surplus), ("shows", missing)) if some]  # fmt: skip
            why[row] = f"tagged {context.labels[row]!r}, looks as if it {' and '.join(words)}"
            looks_like[context.files[row]] = join_tags(given[place] ^ doubted)
    facts: dict[str, Any] = {
        "evidence": evidence,
        "ranking": [context.files[row] for row in sorted(score, key=lambda row: -score[row])],
        "looks_like": looks_like,
        "tags": {names[tag]: {"doubted": int(flags[:, tag].sum()),
                              "discrimination": round(float(result.discrimination[tag]), 4)} for tag in judged},
    }  # fmt: skip
    unlike = [names[tag] for tag in judged if result.discrimination[tag] < label_errors.LEAST_DISCRIMINATION]
    if left_out := sorted({*names} - {names[tag] for tag in judged}):
        facts["left_out"] = f"{join_some(left_out)}, which fewer than five images have, or lack"
    sentence = f"{pluralize(int(flags.sum()), 'tag')} contradicted in {pluralize(len(why), 'image')}"
    if unlike:
        sentence += f"; none of {join_some(unlike)}, which the model that would judge hardly tells"
    return Finding("tag_errors", sentence, threshold, score, why, facts=facts)


def _label_evidence(context: CheckContext) -> tuple[Array, str, list[int]]:
    """What labels are judged by: features N, F of the rows, their name, and N numbers, alike for copies."""
    features, evidence = context.index.content(context.rows), f"features of {context.index.evidence}"
    if features is None:
        features, evidence = _gradients(context), "gradients and colours"
    row_to_group = {row: number for number, group in enumerate(context.copies) for row in group}
    return features, evidence, [row_to_group.get(row, len(row_to_group) + row) for row in context.rows]


def _gradients(context: CheckContext) -> Array:
    """Return gradients of all rows, N, 336; a few at a time, so that intermediates stay in the processor's cache."""
    steps = range(0, max(len(context.rows), 1), 128)
    thumbs = (context.index.thumbs(context.rows[start : start + 128]) for start in steps)
    return np.concatenate([*map_threads(label_errors.gradients, thumbs)])


CHECKS = (
    Check("off_domain", "Another kind of picture", 0.2, None, _off_domain),
    Check("label_errors", "Labels that look wrong", 0.7, "classify", _label_errors),
    Check("tag_errors", "Tags that look wrong", 0.7, "tag", _tag_errors),
)
