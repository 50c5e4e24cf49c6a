"""Cells that hold the labels of an image that has several (``--task tag``): a list, or a text such as ``cat|dog``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.tag_sets import SEPARATOR, join_tags, labels_of_several
from tellapart.data.rows import CellError, cell_text

_LONGEST = 10_000  # characters of a list that is written as text


def list_in_text(text: str) -> list[Any] | None:
    """The list that a text writes as Python or JSON does; None where it writes none.

    >>> list_in_text("['cat', 'dog']"), list_in_text("cat|dog")
    (['cat', 'dog'], None)
    """
    if not (text.startswith("[") and text.endswith("]") and len(text) < _LONGEST):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, list) else None


def tag_cell(
    value: object,
    where: str,
    column: str,
    class_of: Callable[[Any], Any] = lambda value: value,
    read_label: Callable[[str, str], str] = lambda text, _: text,
) -> str:
    """The tags that a cell holds, as one text, see `tellapart.core.tag_sets`.

    An empty list and the text ``|`` say that none of the tags is there; an empty cell says nothing and is refused.

    Args:
        value: the cell: a list, a text with ``|`` between tags, or a text that writes a list.
        where: the table and the row, for messages.
        column: its heading.
        class_of: what makes the name of a class of a number.
        read_label: what makes a tag of each text, see `tellapart.data.columns.Columns.read_label`.

    Raises:
        CatalogError: it holds nothing, something else than texts, or a tag with ``|`` in it.

    >>> tag_cell(["dog", "cat"], "t.csv: row 1", "label"), tag_cell("dog | cat", "", ""), tag_cell([], "", "")
    ('cat|dog', 'cat|dog', '|')
    """
    return join_tags(read_label(text, where) for text in _texts(value, where, column, class_of))


def separator_notes(tags: Iterable[str]) -> list[str]:
    """A note on tags that look like several, with another sign between them than the one that stands there.

    >>> separator_notes(["cat,sofa", "cat"])
    ["1 tag holds ',' or ';': cat,sofa; | stands between tags, so write cat|sofa where these are several"]
    """
    several = labels_of_several(tags, ",;")
    if not several:
        return []
    count, parts = pluralize(len(several), "tag holds", "tags hold"), re.split(r"\s*[,;]\s*", several[0])
    return [
        f"{count} ',' or ';': {join_some(several)}; {SEPARATOR} stands between tags, so write "
        f"{SEPARATOR.join(parts)} where these are several"
    ]


def _texts(value: object, where: str, column: str, class_of: Callable[[Any], Any]) -> Iterable[str]:
    if not isinstance(value, list | tuple | set):
        text = _text(class_of(value), where, column)
        if (listed := list_in_text(text)) is None:
            if not text:
                raise CatalogError(
                    f"{where} has an empty label; write its tags with {SEPARATOR} between them into the {column!r} "
                    f"column, {SEPARATOR} alone where it has none of them, or drop the row"
                )
            return [part.strip() for part in text.split(SEPARATOR) if part.strip()]
        value = listed
    texts = [_text(class_of(each), where, column) for each in value]
    for text in texts:
        if not text or SEPARATOR in text:
            raise CatalogError(
                f"{where}: its {column!r} holds the tag {text!r}; give each tag a name without {SEPARATOR}, which "
                "stands between tags"
            )
    return texts


def _text(value: object, where: str, column: str) -> str:
    try:
        return cell_text(value)
    except CellError as error:
        raise CatalogError(
            f"{where}: its {column!r} holds {error}, not a tag, or name another column with --label-column"
        ) from None
