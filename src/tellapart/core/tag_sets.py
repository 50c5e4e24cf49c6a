"""The labels of an image that has several, as one text: ``cat|dog``, sorted, each once; ``|`` stands for none."""

from __future__ import annotations

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
