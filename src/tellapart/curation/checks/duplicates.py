"""Checks on files and their copies."""

from __future__ import annotations

from tellapart.core.errors import join_some, pluralize
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.findings import Finding
from tellapart.data.duplicates.registration import LIMITS


def _unreadable(view: CheckContext, _: float) -> Finding:
    whys = view.catalog.column("why")
    bad = {row: why for row, why in enumerate(whys) if why is not None and why.startswith("unreadable")}
    sentence = (
        f"{pluralize(len(bad), 'image')} of {len(view.catalog):,} cannot be decoded"
        if bad
        else "every image can be decoded"
    )
    return Finding("unreadable", sentence, None, dict.fromkeys(bad, 1.0), bad)


def _exact_duplicates(view: CheckContext, _: float) -> Finding:
    groups = [view.best(group) for group in view.exact]
    why = {row: f"the same pixels as {view.files[group[0]]}" for group in groups for row in group[1:]}
    found = f"{pluralize(len(why), 'exact copy', 'exact copies')} of other images, in {pluralize(len(groups), 'group')}"
    sentence = found if why else "no exact copies"
    return Finding("exact_duplicates", sentence, None, dict.fromkeys(why, 1.0), why, groups)


def _near_duplicates(view: CheckContext, threshold: float) -> Finding:
    groups = [view.best(group) for group in view.near]
    score: dict[int, float] = {}
    told: dict[int, tuple[float, str]] = {}
    for (one, other), match in view.matches.items():
        for row, peer in ((one, other), (other, one)):
            score[row] = max(score.get(row, 0.0), match.likeness)
            if match.likeness > told.get(row, (0.0, ""))[0]:
                told[row] = (match.likeness, f"like {view.files[peer]}: {match.sentence()}")
    pixels = {view.catalog.column("pixels")[row]: row for row in told}
    why = {}
    for group in groups:
        for row in group[1:]:
            twin = pixels.get(view.catalog.column("pixels")[row], row)
            why[row] = told[row][1] if row in told else f"an exact copy of {view.files[twin]}, which is {told[twin][1]}"
            score.setdefault(row, score[twin])
    found = f"{pluralize(len(why), 'near-copy', 'near-copies')} of other images, in {pluralize(len(groups), 'group')}"
    sentence = found if why else "no near-copies"
    return Finding("near_duplicates", sentence, threshold, score, why, groups)


def _conflicting_labels(view: CheckContext, _: float) -> Finding:
    groups = [group for group in view.copies if len({view.labels[row] for row in group}) > 1]
    why = {}
    for group in groups:
        for row in group:
            others = sorted({view.labels[other] for other in group} - {view.labels[row]})
            why[row] = f"labelled {view.labels[row]!r}, a copy of it {join_some(map(repr, others))}"
    found = f"{pluralize(len(groups), 'group')} of copies with different labels"
    sentence = found if groups else "no copies with different labels"
    return Finding("conflicting_labels", sentence, None, dict.fromkeys(why, 1.0), why, groups)


def _split_leaks(view: CheckContext, _: float) -> Finding:
    parts = view.catalog.column("split")
    groups = [group for group in view.copies if len({parts[row] for row in group} - {None}) > 1]
    why = {}
    for group in groups:
        for row in group:
            others = sorted({parts[other] for other in group if parts[other] not in (None, parts[row])})
            if parts[row] is not None:
                why[row] = f"in {parts[row]}, a copy of it in {' and '.join(others)}"
    if not any(parts):
        sentence = "the data brings no split; copies will stand on one side of the one that tellapart makes"
    elif groups:
        sentence = f"{pluralize(len(groups), 'group')} of copies across the split that the data brings: its test figures flatter"
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
