"""Where and how texts are misread: errors by position, by length, and which character is taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict

import numpy as np

MOST = 30  # pairs of characters that are told


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
    """Errors by position and length, and the characters most often taken for others.

    A character too many counts at the position before which it stands, or at the last.

    >>> found = misreadings(["cat", "dog"], ["cut", "dg"])
    >>> found["confused"]
    [{'truth': 'a', 'read': 'u', 'n': 1}, {'truth': 'o', 'read': '', 'n': 1}]
    >>> [place["cer"] for place in found["by_position"]], found["by_length"]
    ([0.0, 1.0, 0.0], [{'at': 3, 'n': 6, 'cer': 0.3333333333333333}])
    """
    wrong: Counter[int] = Counter()
    wrong_of_length: Counter[int] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for text, answer in zip(truth, read, strict=True):
        for position, right, said in edits(text, answer):
            wrong[max(1, min(position, len(text)))] += 1
            wrong_of_length[len(text)] += 1
            pairs[right, said] += 1
    lengths = Counter(map(len, truth))
    positions = range(1, max(lengths) + 1)
    here = {at: sum(n for length, n in lengths.items() if length >= at) for at in positions}
    return {
        "by_position": [{"at": at, "n": here[at], "cer": wrong[at] / here[at]} for at in positions],
        "by_length": [
            {"at": length, "n": length * n, "cer": wrong_of_length[length] / max(1, length * n)}
            for length, n in sorted(lengths.items())
        ],
        "confused": [{"truth": a, "read": b, "n": n} for (a, b), n in _frequent(pairs.items())[:MOST]],
    }


def edits(text: str, answer: str) -> Iterator[tuple[int, str, str]]:
    """The fewest edits from a text to what was read (Levenshtein 1966), from the end: position, truth, read.

    The position is that of the true character, or of the one before which a character was put, from 1.

    >>> list(edits("cat", "cuts"))
    [(4, '', 's'), (2, 'a', 'u')]
    """
    cost = np.zeros((len(text) + 1, len(answer) + 1), int)
    cost[:, 0], cost[0] = range(len(text) + 1), range(len(answer) + 1)
    for row, right in enumerate(text, 1):
        for column, said in enumerate(answer, 1):
            cost[row, column] = min(
                cost[row - 1, column - 1] + (right != said), cost[row - 1, column] + 1, cost[row, column - 1] + 1
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
