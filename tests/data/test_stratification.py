"""Images with several labels in parts: every label by its share."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tellapart.data.stratification import iterative_stratification

SHARES = [0.7, 0.15, 0.15]


def drawn(seed, n=1000, rates=(0.5, 0.3, 0.1, 0.03)):
    dice = np.random.default_rng(seed)
    return [[name for name, rate in zip("abcd", rates, strict=True) if dice.random() < rate] for _ in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_each_label_is_spread_by_the_shares(seed):
    sets = drawn(seed)
    parts = iterative_stratification(sets, [1] * len(sets), SHARES)
    for name in "abcd":
        whole = sum(name in each for each in sets)
        for part, share in enumerate(SHARES):
            here = sum(name in each for each, place in zip(sets, parts, strict=True) if place == part)
            assert abs(here - share * whole) <= 2
    sizes = Counter(parts)
    assert all(abs(sizes[part] - share * len(sets)) <= 4 for part, share in enumerate(SHARES))


def test_chance_alone_would_spread_a_rare_label_worse():
    sets = drawn(1)
    rare = [place for place, each in enumerate(sets) if "d" in each]
    dice = np.random.default_rng(0)
    blind = dice.choice(3, len(sets), p=SHARES)
    parts = iterative_stratification(sets, [1] * len(sets), SHARES)

    def gap(chosen):
        return sum(
            abs(sum(chosen[place] == part for place in rare) - share * len(rare)) for part, share in enumerate(SHARES)
        )

    assert gap(parts) < gap(blind)


def test_a_label_of_three_groups_stands_in_every_part():
    sets = [["a", "b"]] * 20 + [["rare", "a"]] * 3
    parts = iterative_stratification(sets, [1] * len(sets), SHARES)
    assert sorted(parts[20:]) == [0, 1, 2]


def test_sizes_of_groups_count():
    parts = iterative_stratification([["a"]] * 4, [30, 10, 10, 10], [0.5, 0.5])
    assert [
        sum(size for size, part in zip([30, 10, 10, 10], parts, strict=True) if part == each) for each in (0, 1)
    ] == [
        30,
        30,
    ]


def test_images_without_a_label_fill_what_is_short():
    parts = iterative_stratification([[]] * 10, [1] * 10, [0.8, 0.2])
    assert Counter(parts) == {0: 8, 1: 2}
