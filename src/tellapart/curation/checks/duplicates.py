"""Checks on files and their copies."""

from __future__ import annotations

from tellapart.core.errors import join_some, pluralize
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.findings import Finding, not_judged
from tellapart.data.duplicates.registration import LIMITS
from tellapart.data.split import SMALLEST


def _unreadable(context: CheckContext, _: float) -> Finding:
    whys = context.catalog.column("why")
    bad = {row: why for row, why in enumerate(whys) if why is not None and why.startswith("unreadable")}
    sentence = (
        f"{pluralize(len(bad), 'image')} of {len(context.catalog):,} cannot be decoded"
        if bad
        else "every image can be decoded"
    )
    return Finding("unreadable", sentence, None, dict.fromkeys(bad, 1.0), bad)


def _exact_duplicates(context: CheckContext, _: float) -> Finding:
    groups = [context.best(group) for group in context.exact]
    why = {row: f"the same pixels as {context.files[group[0]]}" for group in groups for row in group[1:]}
    summary = (
        f"{pluralize(len(why), 'exact copy', 'exact copies')} of other images, in {pluralize(len(groups), 'group')}"
    )
    sentence = summary if why else "no exact copies"
    return Finding("exact_duplicates", sentence, None, dict.fromkeys(why, 1.0), why, groups)


def _near_duplicates(context: CheckContext, threshold: float) -> Finding:
    small = sum(min(context.widths[row], context.heights[row]) < SMALLEST for row in context.rows)
    if small == len(context.rows):
        return not_judged("near_duplicates", threshold, f"no image has {SMALLEST} px or more on each side")
    groups = [context.best(group) for group in context.near]
    score: dict[int, float] = {}
    best_match: dict[int, tuple[float, str]] = {}
    for (one, other), match in context.matches.items():
        for row, peer in ((one, other), (other, one)):
            score[row] = max(score.get(row, 0.0), match.likeness)
            if match.likeness > best_match.get(row, (0.0, ""))[0]:
                best_match[row] = (match.likeness, f"like {context.files[peer]}: {match.sentence()}")
    pixels = {context.catalog.column("pixels")[row]: row for row in best_match}
    why = {}
    for group in groups:
        for row in group[1:]:
            twin = pixels.get(context.catalog.column("pixels")[row], row)
            why[row] = (
                best_match[row][1]
                if row in best_match
                else f"an exact copy of {context.files[twin]}, which is {best_match[twin][1]}"
            )
            score.setdefault(row, score[twin])
    summary = f"{pluralize(len(why), 'near-copy', 'near-copies')} of other images, in {pluralize(len(groups), 'group')}"
    sentence = summary if why else "no near-copies"
    facts = {}
    if small:
        facts["left_out"] = f"{pluralize(small, 'image')} under {SMALLEST} px on a side"
    return Finding("near_duplicates", sentence, threshold, score, why, groups, facts)


def _conflicting_labels(context: CheckContext, _: float) -> Finding:
    if len({context.labels[row] for row in context.rows}) < 2:
        return not_judged("conflicting_labels", None, "there is one label only")
    groups = [group for group in context.copies if len({context.labels[row] for row in group}) > 1]
    why = {}
    for group in groups:
        for row in group:
            others = sorted({context.labels[other] for other in group} - {context.labels[row]})
            why[row] = f"labelled {context.labels[row]!r}, a copy of it {join_some(map(repr, others))}"
    summary = f"{pluralize(len(groups), 'group')} of copies with different labels"
    sentence = summary if groups else "no copies with different labels"
    return Finding("conflicting_labels", sentence, None, dict.fromkeys(why, 1.0), why, groups)


def _split_leaks(context: CheckContext, _: float) -> Finding:
    parts = context.catalog.column("split")
    groups = [group for group in context.copies if len({parts[row] for row in group} - {None}) > 1]
    why = {}
    for group in groups:
        for row in group:
            others = sorted({parts[other] for other in group if parts[other] not in (None, parts[row])})
            if parts[row] is not None:
                why[row] = f"in {parts[row]}, a copy of it in {' and '.join(others)}"
    if len({parts[row] for row in context.rows} - {None}) < 2:
        sentence = "the data brings no split; copies will stand on one side of the one that tellapart makes"
        return Finding("split_leaks", sentence, facts={"not_judged": "the data brings no split"})
    if groups:
        count = pluralize(len(groups), "group")
        sentence = f"{count} of copies across the split that the data brings: its test figures flatter"
    else:
        sentence = "no copies cross the split that the data brings"
    return Finding("split_leaks", sentence, None, dict.fromkeys(why, 1.0), why, groups)


CHECKS = (
    Check("unreadable", "Images that cannot be decoded", None, None, _unreadable),
    Check("exact_duplicates", "Exact copies", None, None, _exact_duplicates),
    Check("near_duplicates", "Near-copies", LIMITS.likeness, None, _near_duplicates),
    Check("conflicting_labels", "Copies whose labels disagree", None, None, _conflicting_labels),
    Check("split_leaks", "Copies across the given split", None, None, _split_leaks),
)
