"""Error analysis of a reader: errors by position, by length, and pairs of confused characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict

import numpy as np

MOST_PAIRS = 30  # pairs of characters in the result


class PositionError(TypedDict):
    """At a position (from 1), or of texts of a length: how many characters, and the share that was misread."""

    at: int
    n: int
    cer: float


class ConfusedPair(TypedDict):
    """A character and what was read instead; empty: it was left out, or read where none stood."""

    truth: str
    read: str
    n: int


class Misreadings(TypedDict):
    """What `misreadings` returns."""

    by_position: list[PositionError]
    by_length: list[PositionError]
    confused: list[ConfusedPair]


def misreadings(truth: Sequence[str], read: Sequence[str]) -> Misreadings:
    """Errors by position and length, and the most frequent pairs of confused characters.

    An inserted character counts at the position before which it stands, or at the last.

    Args:
        truth: the text of each image, N; at least one.
        read: what was read, N, in the same order.

    >>> errors = misreadings(["cat", "dog"], ["cut", "dg"])
    >>> errors["confused"]
    [{'truth': 'a', 'read': 'u', 'n': 1}, {'truth': 'o', 'read': '', 'n': 1}]
    >>> [place["cer"] for place in errors["by_position"]], errors["by_length"]
    ([0.0, 1.0, 0.0], [{'at': 3, 'n': 6, 'cer': 0.3333333333333333}])
    """
    wrong: Counter[int] = Counter()
    wrong_of_length: Counter[int] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for text, answer in zip(truth, read, strict=True):
        for position, right, predicted in edits(text, answer):
            wrong[max(1, min(position, len(text)))] += 1
            wrong_of_length[len(text)] += 1
            pairs[right, predicted] += 1
    lengths = Counter(map(len, truth))
    positions = range(1, max(lengths) + 1)
    here = {at: sum(n for length, n in lengths.items() if length >= at) for at in positions}
    return {
        "by_position": [{"at": at, "n": here[at], "cer": wrong[at] / here[at]} for at in positions],
        "by_length": [
            {"at": length, "n": length * n, "cer": wrong_of_length[length] / max(1, length * n)}
            for length, n in sorted(lengths.items())
        ],
        "confused": [{"truth": a, "read": b, "n": n} for (a, b), n in _frequent(pairs.items())[:MOST_PAIRS]],
    }


def edits(text: str, answer: str) -> Iterator[tuple[int, str, str]]:
    """The fewest edits from a text to what was read (Levenshtein 1966), from the end.

    Each edit is a position from 1, the true character and the one read; an empty one stands for an insertion or a
    deletion. The position of an insertion is that of the character before which it stands.

    >>> list(edits("cat", "cuts"))
    [(4, '', 's'), (2, 'a', 'u')]
    """
    cost = np.zeros((len(text) + 1, len(answer) + 1), int)
    cost[:, 0], cost[0] = range(len(text) + 1), range(len(answer) + 1)
    for row, right in enumerate(text, 1):
        for column, predicted in enumerate(answer, 1):
            cost[row, column] = min(
                cost[row - 1, column - 1] + (right != predicted), cost[row - 1, column] + 1, cost[row, column - 1] + 1
            )
    row, column = len(text), len(answer)
    while row or column:
        if row and column and cost[row, column] == cost[row - 1, column - 1] + (text[row - 1] != answer[column - 1]):
            row, column = row - 1, column - 1
            if text[row] != answer[column]:
                yield row + 1, text[row], answer[column]
        elif row and cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
            yield row + 1, text[row], ""
        else:
            column -= 1
            yield row + 1, "", answer[column]


def _frequent(pairs: Iterable[tuple[tuple[str, str], int]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(pairs, key=lambda item: (-item[1], item[0]))
