"""Scores of a reader: edit distance, exact match and the character error rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from tellapart.metrics.checks import check_same_length
from tellapart.metrics.intervals import Figure, Floats, Ints, bootstrap_figure, proportion, safe_ratio


class ReadingScores(TypedDict):
    """What `reading_scores` returns."""

    exact_match: Figure
    exact_match_folded: Figure
    cer: Figure


def edit_distance(a: str, b: str) -> int:
    """The fewest characters to insert, delete or replace to turn ``a`` into ``b`` (Levenshtein 1966).

    Code points are compared without Unicode normalisation.

    >>> edit_distance("kitten", "sitting")
    3
    """
    if a == b:
        return 0
    above = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right)))
        above = row
    return above[-1]


def reading_scores(truth: Sequence[str], predicted: Sequence[str]) -> ReadingScores:
    """Every figure of a reader: exact match, exact match with the case ignored, character error rate.

    The character error rate (CER) is the number of edits over the number of reference characters, so it may pass 1.
    Its interval is that of `tellapart.metrics.intervals.bootstrap_figure`. An empty reference adds its inserted
    characters to the edits. Where all references are empty, CER is 0 if all predictions are empty too, and 1 otherwise.
    Case is ignored by ``str.casefold``. Code points are compared without Unicode normalisation: normalise both
    sides first if composed and decomposed accents should be alike.

    Args:
        truth: the text of each image, N.
        predicted: what was read, N, in the same order.

    Raises:
        InputError: the lists differ in length or are empty.

    >>> scores = reading_scores(["cat", "Dog"], ["cat", "dig"])
    >>> scores["exact_match"]["value"], round(scores["cer"]["value"], 4)
    (0.5, 0.3333)
    """
    check_same_length(truth, predicted)
    n, pairs = len(truth), list(zip(truth, predicted, strict=True))
    # Images with as many edits in as many characters are of one kind to the bootstrap.
    kinds = Counter((edit_distance(text, answer), len(text)) for text, answer in pairs)
    edits, characters = np.array(sorted(kinds), dtype=np.int64).T
    counts = np.array([kinds[kind] for kind in sorted(kinds)], dtype=np.int64)

    def statistic(drawn: Ints) -> Floats:
        wrong, all_of_them = drawn @ edits, drawn @ characters
        rate: Floats = np.where(all_of_them > 0, safe_ratio(wrong, all_of_them), np.minimum(wrong, 1))
        return rate

    return {
        "exact_match": proportion(sum(text == answer for text, answer in pairs), n),
        "exact_match_folded": proportion(sum(t.casefold() == a.casefold() for t, a in pairs), n),
        "cer": bootstrap_figure(float(statistic(counts[None])[0]), statistic, counts),
    }
