"""Stratified parts of images that have several labels each: every label in every part by its share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def iterative_stratification(
    labels: Sequence[Sequence[str]], sizes: Sequence[int], shares: Sequence[float]
) -> list[int]:
    """A part for each of some groups of images, so that each label is spread by the shares.

    The label with the fewest groups left is dealt out first, each of its groups to the part that lacks this label
    most, and of equals to the one that lacks images most. Source: Sechidis, Tsoumakas & Vlahavas, "On the
    stratification of multi-label data" (2011).

    Args:
        labels: of each group, in the order in which they are dealt out.
        sizes: images in each group.
        shares: of each part; they sum to 1.

    Returns:
        The number of each group's part.

    >>> iterative_stratification([["a"], ["b"], ["a", "b"], ["a"], ["b"], ["b"]], [1] * 6, [0.5, 0.5])
    [0, 0, 1, 0, 1, 0]
    """
    images, groups = Counter[str](), Counter[str]()
    for each, size in zip(labels, sizes, strict=True):
        images.update(dict.fromkeys(each, size))
        groups.update(each)
    lack = {label: _goals(count, groups[label], shares) for label, count in images.items()}
    total = _goals(sum(sizes), len(sizes), shares)
    parts = [-1] * len(labels)
    left = dict(groups)
    while left:
        rarest = min(left, key=lambda label: (left[label], label))
        for place, each in enumerate(labels):
            if parts[place] < 0 and rarest in each:
                parts[place] = _deal(lack[rarest], total)
                for label in each:
                    lack[label][parts[place]] -= sizes[place]
                    left[label] -= 1
                total[parts[place]] -= sizes[place]
        left = {label: count for label, count in left.items() if count}
    for place in range(len(labels)):
        if parts[place] < 0:  # without a label
            parts[place] = _deal(total, total)
            total[parts[place]] -= sizes[place]
    return parts


def _goals(images: int, groups: int, shares: Sequence[float]) -> list[float]:
    """How many images each part is to get: one at least, where there are as many groups as parts."""
    goals = [share * images for share in shares]
    if groups >= len(shares):
        goals = [max(goal, 1.0) for goal in goals]
        goals[0] = images - sum(goals[1:])
    return goals


def _deal(lack: Sequence[float], total: Sequence[float]) -> int:
    return max(range(len(lack)), key=lambda part: (round(lack[part], 9), round(total[part], 9), -part))
