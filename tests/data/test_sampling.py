"""A sample has each class and part by its share, is the same for the same seed, and leaves the split alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.sampling import quotas, sample


@pytest.fixture(scope="module")
def catalog(draw_shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampling") / "shapes"
    draw_shapes(folder, each=40, classes=("disc", "bar"))
    draw_shapes(folder, each=12, classes=("ring",))
    return tellapart.split(folder, seed=1)


def test_each_class_and_part_has_its_share(catalog):
    small = sample(catalog, 46)
    assert len(small.rows()) == 46
    assert small.column("split") == catalog.column("split")
    before, after = (
        Counter((each.column("split")[row], each.column("label")[row]) for row in each.rows())
        for each in (catalog, small)
    )
    assert after.keys() == before.keys()
    assert all(abs(after[key] - before[key] / 2) <= 1 for key in before)
    (note,) = [note for note in small.notes if "sample" in note]
    assert note == "a sample of 46 of 92 images (limit), of each class and part as many as is its share"
    assert {small.column("why")[row] for row in set(catalog.rows()) - set(small.rows())} == {
        "not in the sample (limit 46)"
    }


def test_the_seed_decides_and_a_larger_sample_holds_a_smaller_one(catalog):
    rows = {(limit, seed): set(sample(catalog, limit, seed=seed).rows()) for limit in (20, 40) for seed in (0, 1)}
    assert rows[20, 0] == set(sample(catalog, 20).rows())
    assert rows[20, 0] != rows[20, 1]
    assert len(rows[20, 0] & rows[40, 0]) >= 18


def test_all_are_kept_where_there_are_fewer(catalog):
    assert sample(catalog, 92) is catalog
    assert sample(catalog, 1000) is catalog


def test_too_small_a_sample_is_refused(catalog, refuses):
    with refuses(ConfigError, "limit 8: give at least 9, one of each class in each part of the split"):
        sample(catalog, 8)
    assert len(sample(catalog, 9).rows()) == 9


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.data())
def test_quotas_add_up_and_none_is_empty_or_too_large(sizes, data):
    total = data.draw(st.integers(len(sizes), sum(sizes)))
    counts = quotas(dict(enumerate(sizes)), total)
    assert sum(counts.values()) == total
    assert all(1 <= counts[key] <= size for key, size in enumerate(sizes))
