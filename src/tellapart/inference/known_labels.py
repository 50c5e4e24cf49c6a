"""What a model can answer at all, and whether a correction is among it."""

from __future__ import annotations

from typing import Any

from tellapart.core.errors import TellapartError, did_you_mean, join_some
from tellapart.core.tag_sets import split_tags
from tellapart.inference.bundle import Bundle


class UnknownLabelError(TellapartError):
    """A correction that its model cannot answer: a new class or character, or a slip of the hand."""


def check_known(bundle: Bundle, right: str) -> None:
    """Make sure that a model can answer what a correction says is right.

    Args:
        bundle: the model.
        right: a class, a text, or tags as one text, see `tellapart.core.tag_sets`.

    Raises:
        UnknownLabelError: it has no such class, or knows a character of the text not.

    >>> from tellapart import base_reader
    >>> check_known(Bundle.open(base_reader()), "abc")
    >>> check_known(Bundle.open(base_reader()), "a_b")
    Traceback (most recent call last):
    tellapart.inference.known_labels.UnknownLabelError: 'a_b' has a character that the model does not know: '_'
    """
    if bundle.task == "read":
        known = set(bundle.charset.characters)
        strange = sorted({each for each in right if each not in known})
        if strange:
            what = "characters" if len(strange) > 1 else "a character"
            raise UnknownLabelError(
                f"{right!r} has {what} that the model does not know: {join_some(map(repr, strange))}"
            )
        return
    kind = "tag" if bundle.task == "tag" else "class"
    for label in split_tags(right) if bundle.task == "tag" else [right]:
        if label not in bundle.labels:
            known_labels = join_some(bundle.labels)
            raise UnknownLabelError(
                f"{label!r} is no {kind} of the model{did_you_mean(label, bundle.labels)}; there are: {known_labels}"
            )


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """What a model can answer: ``labels`` (of tags ``several``), or ``characters`` and ``length``; and ``metrics``."""
    result: dict[str, Any] = {}
    if bundle.task == "read":
        result["characters"] = list(bundle.charset.characters)
        if bundle.length is not None:
            result["length"] = bundle.length
    else:
        result["labels"] = bundle.labels
        if bundle.task == "tag":
            result["several"] = True
    return result | {"metrics": metrics.to_json() if (metrics := bundle.manifest.metrics) else {}}


def label_changes(before: Bundle, after: Bundle) -> str:
    """What another model answers otherwise in kind: its task, its classes or its characters; empty if nothing."""
    if before.task != after.task:
        return f"its task is {after.task}, not {before.task}"
    kind = {"read": "characters", "tag": "tags"}.get(before.task, "classes")
    old, new = (set(each.charset.characters if each.task == "read" else each.labels) for each in (before, after))
    parts = [f"it lacks {join_some(map(repr, sorted(old - new)))}"] if old - new else []
    parts += [f"it has {join_some(map(repr, sorted(new - old)))} besides"] if new - old else []
    return f"its {kind} are others: {' and '.join(parts)}" if parts else ""
