"""Whether a reader can learn these texts from these pictures at all: said before a training, not after it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection

from tellapart.core.errors import TextError, join_some, pluralize
from tellapart.data.catalog import Catalog
from tellapart.inference.ctc import required_steps
from tellapart.inference.preprocess import Preprocess

SMALLEST = 5  # px: the height of the smallest letters that any font draws legibly
FEW = 5  # training texts with a character, below which it is hardly learnt
JAMO = re.compile(r"[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")  # of Hangul, which a decomposed syllable consists of
RIGHT_TO_LEFT = ("R", "AL")  # of the Unicode bidirectional algorithm (UAX #9)


def check_texts(catalog: Catalog, spec: Preprocess, known: Collection[str] = ()) -> list[str]:
    """Refuse texts that cannot be learnt, once it is known what the network sees.

    Args:
        catalog: the data, split.
        spec: the preprocessing of the reader's pictures.
        known: characters that the network reads before it is trained.

    Returns:
        Notes on what will be hard.

    Raises:
        TextError: one text only, pictures too small for any letter or narrower than a pixel a letter, or texts too
            long for the steps that their pictures give.
    """
    label, files = catalog.column("label"), catalog.column("file")
    widths, heights = catalog.column("width"), catalog.column("height")
    rows = catalog.rows()
    taught = [label[row] for row in catalog.training_rows()]
    if len(set(taught)) == 1:
        raise TextError(
            f"{catalog.source}: the text of {pluralize(len(taught), 'training image')} is {taught[0]!r} and no other; "
            "a reader learns from texts that differ"
        )
    if tiny := [row for row in rows if heights[row] < SMALLEST]:  # a letter such as l may be narrower
        shown = join_some(f"{files[row]} ({widths[row]} x {heights[row]} px)" for row in tiny)
        raise TextError(
            f"{pluralize(len(tiny), 'image')} too small for a letter, under {SMALLEST} px high: {shown}; take them "
            "out, or label the originals"
        )
    if narrow := [row for row in rows if widths[row] < len(label[row])]:
        shown = join_some(f"{files[row]} ({label[row]!r}, {widths[row]} x {heights[row]} px)" for row in narrow)
        raise TextError(
            f"{pluralize(len(narrow), 'image')} narrower than a pixel a letter: {shown}; take them out, or label the "
            "originals"
        )
    steps = {row: spec.time_steps(widths[row], heights[row]) for row in rows}
    long = [row for row in rows if required_steps(label[row]) > steps[row]]
    if long:
        shown = join_some(f"{files[row]} ({label[row]!r}, {steps[row]} steps)" for row in long)
        raise TextError(
            f"{pluralize(len(long), 'text is', 'texts are')} longer than CTC can emit at their picture's width: "
            f"{shown}; raise --height (now {spec.height}), which widens the pictures with it, or drop them"
        )
    return [
        *_backward(catalog, rows),
        *_combining(catalog, rows),
        *_unprintable(catalog, rows),
        *_scarce(taught, known),
    ]


def _backward(catalog: Catalog, rows: list[int]) -> list[str]:
    label = catalog.column("label")
    backward = [row for row in rows if any(unicodedata.bidirectional(each) in RIGHT_TO_LEFT for each in label[row])]
    if not backward:
        return []
    return [
        f"{pluralize(len(backward), 'text')} with right-to-left letters ({_named(catalog, backward)}): a reader goes "
        "from left to right, so the first character of a label must be the leftmost in the picture; so are its answers"
    ]


def _combining(catalog: Catalog, rows: list[int]) -> list[str]:
    label = catalog.column("label")
    marked = [row for row in rows if any(unicodedata.combining(each) or JAMO.match(each) for each in label[row])]
    if not marked:
        return []
    composed = sum(unicodedata.normalize("NFC", label[row]) != label[row] for row in marked)
    what = f"; written composed (Unicode NFC), {composed:,} of them have fewer" if composed else ""
    return [
        f"{pluralize(len(marked), 'text')} with combining marks ({_named(catalog, marked)}): each mark is read as a "
        f"character of its own{what}"
    ]


def _unprintable(catalog: Catalog, rows: list[int]) -> list[str]:
    label = catalog.column("label")
    odd = [row for row in rows if not label[row].isprintable()]
    if not odd:
        return []
    return [
        f"{pluralize(len(odd), 'text')} with what cannot be printed ({_named(catalog, odd)}): it is learnt as a "
        "character; mend the labels if it does not stand in the pictures"
    ]


def _scarce(taught: list[str], known: Collection[str]) -> list[str]:
    counts = Counter(character for text in taught for character in set(text))
    few = sorted(character for character, number in counts.items() if number < FEW and character not in known)
    if len(few) <= len(counts) / 10:
        return []
    return [
        f"{len(few):,} of {pluralize(len(counts), 'character')} stand in under {FEW} training texts and will hardly be "
        f"learnt: {join_some(few, 10)}"
    ]


def _named(catalog: Catalog, rows: list[int]) -> str:
    return join_some(f"{catalog.column('file')[row]} {catalog.column('label')[row]!r}" for row in rows)
