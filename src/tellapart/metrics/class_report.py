"""The classification report that scikit-learn prints: each class, and the micro, macro and weighted means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tellapart.metrics.classification import ClassScores, Confusion
from tellapart.metrics.intervals import safe_ratio

DIGITS = 4


class ClassMeans(TypedDict):
    """Means over the classes that occur; ``support`` is the number of images."""

    micro: ClassScores
    macro: ClassScores
    weighted: ClassScores


def class_means(counts: npt.ArrayLike) -> ClassMeans:
    """Precision, recall and F1 on the mean, as scikit-learn's ``classification_report`` has them.

    A class counts where it occurs in the truth or in the answers; 0/0 is 0. Micro: over all images; with one label an
    image all three are the accuracy. Macro: the plain mean of the classes. Weighted: by their images.

    Args:
        counts: the confusion matrix, K, K; rows are the truth.

    >>> class_means([[1, 1], [0, 2]])["macro"]["recall"]
    0.75
    """
    table = np.asarray(counts)
    right, support, answered = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    present = (support + answered) > 0
    f1 = safe_ratio(2 * right, support + answered)
    scores = np.stack([safe_ratio(right, answered), safe_ratio(right, support), f1])
    n = int(support.sum())
    micro = float(right.sum() / n) if n else 0.0
    macro = scores[:, present].mean(axis=1) if present.any() else np.zeros(3)
    weighted = scores @ support / n if n else np.zeros(3)
    return {
        "micro": {"precision": micro, "recall": micro, "f1": micro, "support": n},
        "macro": _scores(macro, n),
        "weighted": _scores(weighted, n),
    }


def occurring(confusion: Confusion) -> list[str]:
    """The classes that have an image or an answer; of the others nothing can be said.

    >>> occurring({"labels": ["a", "b", "c"], "counts": [[1, 0, 1], [0, 0, 0], [0, 0, 0]]})
    ['a', 'c']
    """
    counts = np.asarray(confusion["counts"])
    there = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    return [name for name, here in zip(confusion["labels"], there.tolist(), strict=True) if here]


def report_rows(per_class: Mapping[str, ClassScores], confusion: Confusion) -> list[tuple[str, ClassScores]]:
    """The rows of a report: the classes that occur, then the three means.

    Args:
        per_class: as `tellapart.metrics.classification.classification_scores` gives it.
        confusion: of the same answers.
    """
    means = class_means(confusion["counts"])
    rows = [(name, per_class[name]) for name in occurring(confusion)]
    return [
        *rows, ("micro avg", means["micro"]), ("macro avg", means["macro"]), ("weighted avg", means["weighted"])
    ]  # fmt: skip


def report_text(per_class: Mapping[str, ClassScores], confusion: Confusion, shown: Callable[[str], str] = str) -> str:
    """The report as scikit-learn lays it out.

    Args:
        per_class: as `tellapart.metrics.classification.classification_scores` gives it.
        confusion: of the same answers.
        shown: how a class's name is printed.

    >>> score = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2}
    >>> print(report_text({"cat": score}, {"labels": ["cat"], "counts": [[2]]}))
                  precision    recall  f1-score   support
    <BLANKLINE>
             cat     1.0000    1.0000    1.0000         2
    <BLANKLINE>
       micro avg     1.0000    1.0000    1.0000         2
       macro avg     1.0000    1.0000    1.0000         2
    weighted avg     1.0000    1.0000    1.0000         2
    """
    rows = [(shown(name), scores) for name, scores in report_rows(per_class, confusion)]
    width = max(len(name) for name, _ in rows)
    lines = [
        f"{name:>{width}}  {scores['precision']:>9.{DIGITS}f} {scores['recall']:>9.{DIGITS}f} "
        f"{scores['f1']:>9.{DIGITS}f} {scores['support']:>9}"
        for name, scores in rows
    ]
    head = f"{'':>{width}}  {'precision':>9} {'recall':>9} {'f1-score':>9} {'support':>9}"
    return "\n".join([head, "", *lines[:-3], "", *lines[-3:]])


def _scores(values: npt.NDArray[np.float64], support: int) -> ClassScores:
    precision, recall, f1 = map(float, values)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}
