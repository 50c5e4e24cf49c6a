"""The labels of an image that has several, as one text: ``cat|dog``, sorted, each once; ``|`` stands for none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

SEPARATOR = "|"


def join_tags(tags: Iterable[str]) -> str:
    """The one text of a set of tags, so that equal sets are equal texts.

    >>> join_tags(["dog", "cat", "dog"]), join_tags([])
    ('cat|dog', '|')
    """
    return SEPARATOR.join(sorted(set(tags))) or SEPARATOR


def split_tags(text: str) -> tuple[str, ...]:
    """The tags of such a text; blanks around them do not count.

    >>> split_tags("dog | cat"), split_tags("|")
    (('cat', 'dog'), ())
    """
    return tuple(sorted({part.strip() for part in text.split(SEPARATOR)} - {""}))


def labels_of_several(labels: Iterable[str], separators: str = SEPARATOR) -> list[str]:
    """The labels that a separator parts into names one of which stands in another label too, each once, sorted.

    >>> labels_of_several(["cat|dog", "cat", "a|b"]), labels_of_several(["cat, dog", "cat; sofa"], ",;")
    (['cat|dog'], ['cat, dog', 'cat; sofa'])
    """
    named = {label: {part.strip() for part in re.split(f"[{re.escape(separators)}]", label)} for label in labels}
    counts = Counter(part for parts in named.values() for part in parts)
    return sorted(
        label
        for label, parts in named.items()
        if len(parts) > 1 and "" not in parts and any(counts[part] > 1 for part in parts)
    )
