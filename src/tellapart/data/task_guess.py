"""The task of a source whose owner did not name it: classes or texts, and in words what says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.tag_sets import split_tags
from tellapart.core.terminal import quoted
from tellapart.data.rows import Listing

FEW = 20  # images; of fewer nobody can tell whether labels repeat
CLASS_COLUMNS = frozenset({"class", "classes", "class_name", "classname", "category", "species", "breed", "fine_label"})
TEXT_COLUMNS = frozenset({"text", "texts", "transcription", "transcript", "words", "word", "ground_truth_text"})
REPEATED = 5  # images a label, from which labels are taken for classes
EVEN = 3  # images a label, from which labels are classes too where hardly one stands alone
LONELY, RARELY_ALONE = 0.5, 0.1  # share of images whose label no other has: texts from here on, classes up to here


def guess_task(listing: Listing, data: str) -> str:
    """The task that a source is for: ``classify`` or ``read``.

    Class folders, groups and class names that the source declares are classes, however few images they have. Else
    the heading of the table's column speaks, then how often labels repeat.

    Args:
        listing: the labelled images.
        data: the source, for messages.

    Raises:
        CatalogError: classes and texts are both plausible.

    >>> from pathlib import Path
    >>> from tellapart.data.rows import Row
    >>> guess_task(Listing(Path(), [Row("a.png", "a")], "class folders"), "photos")
    'classify'
    """
    if listing.layout == "class folders" or listing.class_names or any(row.group is not None for row in listing.rows):
        return "classify"
    labels = Counter(row.label for row in listing.rows)
    heading = (listing.label_column or "").strip().lower().replace(" ", "_")
    task = _by_repetition(list(labels.values()), heading)
    if task is not None:
        return task
    raise CatalogError(
        f"{data}: {pluralize(len(labels), 'label')} of {pluralize(len(listing.rows), 'image')}, from "
        f"{listing.labelled_by}, may be classes or texts ({join_some(map(quoted, labels))}); "
        "say which: --task classify or --task read"
        + (" (or tag, if | parts several labels)" if any("|" in each for each in labels) else "")
    )


def _by_repetition(counts: Sequence[int], heading: str) -> str | None:
    """The task that a column's heading, and how many images each of its labels has, make likely; None if neither."""
    images = sum(counts)
    alone = counts.count(1) / images
    if heading in TEXT_COLUMNS:
        repeated = images >= (REPEATED if images >= FEW else 2) * len(counts)
        return "read" if not repeated else "classify" if images < FEW else None
    if images < FEW:
        return "classify"
    if heading in CLASS_COLUMNS:
        return "classify" if alone < 1 - RARELY_ALONE else None
    if images >= REPEATED * len(counts) or (images >= EVEN * len(counts) and alone <= RARELY_ALONE):
        return "classify"
    return "read" if alone >= LONELY else None


def describe(listing: Listing, task: str, *, guessed: bool) -> str:
    """One line on what a source was read as: how many classes or texts, in which parts, and what says so.

    Args:
        listing: the labelled images.
        task: ``classify``, ``read`` or ``tag``.
        guessed: whether nobody named the task.

    >>> from pathlib import Path
    >>> from tellapart.data.rows import Row
    >>> rows = [Row(f"{label}/{number}.png", label) for label in ("cat", "dog") for number in range(4)]
    >>> describe(Listing(Path(), rows, "class folders", labelled_by="folder names"), "classify", guessed=True)
    'read as: 2 classes of 4 images, from folder names'
    """
    rows = listing.rows
    sure = listing.layout == "class folders" or listing.class_names
    if task == "tag":
        text, other = _tags([split_tags(row.label) for row in rows]), ""
    elif task == "classify":
        counts = Counter(row.label for row in rows)
        few, many = min(counts.values()), max(counts.values())
        size = pluralize(many, "image") if few == many else f"{few:,} to {many:,} images"
        text = f"{pluralize(len(counts), 'class', 'classes')} of {size}"
        if groups := {row.group for row in rows} - {None}:
            text += f" in {pluralize(len(groups), 'group')}"
        other = "read if they are texts"
    else:
        text, other = (
            f"{_lengths([row.label for row in rows])} of {pluralize(len(rows), 'image')}",
            "classify if they are classes",
        )
    text += f", from {listing.labelled_by}"
    parts = Counter(row.split for row in rows)
    if len(parts) > 1 or None not in parts:
        named = [f"{part} {parts[part]:,}" for part in ("train", "val", "test") if part in parts]
        text += f"; {', '.join(named)}" + (f", without a part {parts[None]:,}" if parts[None] else "")
    return f"read as: {text}" + (f" (--task {other})" if guessed and not sure else "")


def _tags(sets: Sequence[Sequence[str]]) -> str:
    counts = Counter(tag for each in sets for tag in each)
    sizes = [len(each) for each in sets]
    each = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
    return f"{pluralize(len(counts), 'tag')} of {pluralize(len(sets), 'image')}, {each} an image"


def _lengths(texts: Sequence[str]) -> str:
    lengths = [len(text) for text in texts]
    short, long = min(lengths), max(lengths)
    size = pluralize(long, "character") if short == long else f"{short} to {long} characters"
    return f"texts of {size}"
