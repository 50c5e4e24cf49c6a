"""Labels in one Unicode form: a Mac writes names decomposed (NFD), others composed (NFC), and both look the same."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from tellapart.core.errors import join_some, pluralize
from tellapart.core.terminal import quoted
from tellapart.data.rows import Row


def composed(rows: Sequence[Row], *, names: bool) -> tuple[list[Row], list[str]]:
    """Give labels and groups that differ in nothing but their form of Unicode one form, the composed one.

    Args:
        rows: labelled images.
        names: whether labels come from names of files and folders, whose form is an accident of the system that wrote
            them; each is composed then.

    Returns:
        The rows, and notes on what was changed.

    >>> rows = [Row("1.png", "é"), Row("2.png", "e" + chr(0x301))]
    >>> [row.label for row in composed(rows, names=False)[0]]
    ['é', 'é']
    """
    spelt: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        spelt[unicodedata.normalize("NFC", row.label)].add(row.label)
    twins = sorted(form for form, labels in spelt.items() if len(labels) > 1)
    if not names and not twins:
        return list(rows), []
    forms = {label: form for form, labels in spelt.items() for label in labels if names or len(labels) > 1}
    result = []
    for row in rows:
        group = unicodedata.normalize("NFC", row.group) if row.group and names else row.group
        label = forms.get(row.label, row.label)
        result.append(row if (label, group) == (row.label, row.group) else replace(row, label=label, group=group))
    if not twins:
        return result, []
    return result, [
        f"{pluralize(len(twins), 'label is', 'labels are')} written in two forms of Unicode that look the same, and "
        f"count as one: {join_some(map(quoted, twins))}"
    ]
