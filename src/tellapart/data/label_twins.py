"""Labels that a person hardly tells apart: of two spellings of one class, each becomes a class of its own."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

from tellapart.core.errors import join_some, pluralize
from tellapart.core.terminal import quoted
from tellapart.data.name_rules import without_copy_mark

_UNSEEN = "".join(map(chr, (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF)))


def twin_notes(labels: Iterable[str]) -> list[str]:
    """Notes on labels that differ in little: blanks, case, signs that nobody sees, a copy's mark, what parts words.

    Args:
        labels: the classes of a set.

    >>> twin_notes(["cat", "Cat", "dog"])
    ['1 label differs from another only in case: Cat/cat']
    """
    known = sorted(set(labels))
    notes, told = [], set[frozenset[str]]()
    for fold, what in _KINDS:
        spelt: dict[str, list[str]] = defaultdict(list)
        for label in known:
            spelt[fold(label)].append(label)
        twins = [names for names in spelt.values() if len(names) > 1 and frozenset(names) not in told]
        told |= {frozenset(names) for names in twins}
        if twins:
            shown = ["/".join(map(_shown, names)) for names in twins]
            count = pluralize(len(twins), "label differs", "labels differ")
            notes.append(f"{count} from another only in {what}: {join_some(sorted(shown))}")
    return notes


def _shown(label: str) -> str:
    plain = label == label.strip() and label.isprintable()
    return label if plain else quoted(label)


def _seen(label: str) -> str:
    """A label as it looks: without signs that take no place, with one kind of blank and of width."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", label) if sign not in _UNSEEN)


def _number(label: str) -> str:
    return str(int(label)) if label.isascii() and label.isdigit() else label


_KINDS: tuple[tuple[Callable[[str], str], str], ...] = (
    (str.strip, "the blanks around them"),
    (str.casefold, "case"),
    (_seen, "signs that look the same, or that nobody sees"),
    (without_copy_mark, "the mark of a copy"),
    (_number, "noughts before the number"),
    (lambda label: re.sub(r"[\s_\-]+", " ", label.casefold()), "what parts their words"),
)
