"""Balance: how often an epoch shows what; the train part alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.data.opening import open_catalog
from tellapart.data.resampling import _shares


@pytest.fixture(scope="module")
def uneven(tmp_path_factory, fill):
    names = [
        f"{label}/{number}.png" for label, count in (("many", 60), ("some", 24), ("few", 8)) for number in range(count)
    ]
    return fill(tmp_path_factory.mktemp("uneven"), names)


def epoch(catalog):
    labels = catalog.column("label")
    return Counter(labels[row] for row in catalog.training_rows())


@pytest.mark.parametrize(
    ("method", "count", "expected"),
    [
        ("over", None, {"many": 42, "some": 42, "few": 42}),
        ("over", 30, {"many": 42, "some": 30, "few": 30}),
        ("under", None, {"many": 6, "some": 6, "few": 6}),
        ("under", 10, {"many": 10, "some": 10, "few": 6}),
        ("target", 25, {"many": 25, "some": 25, "few": 25}),
    ],
)
def test_an_epoch_shows_what_was_asked(uneven, tmp_path, method, count, expected):
    result = tellapart.balance(uneven, out=tmp_path / "b.parquet", method=method, count=count)
    catalog = open_catalog(tmp_path / "b.parquet")
    assert epoch(catalog) == expected
    assert {label: value["epoch"] for label, value in result["classes"].items()} == expected
    plain = tellapart.split(uneven)
    assert catalog.column("split") == plain.column("split")
    times = catalog.column("times")
    assert all(times[row] is None for part in ("val", "test") for row in catalog.rows(part))


def test_weights_change_nothing(uneven, tmp_path):
    result = tellapart.balance(uneven, method="weights")
    train = {label: value["train"] for label, value in result["classes"].items()}
    weighted = [result["classes"][label]["weight"] * count for label, count in train.items()]
    assert weighted == pytest.approx([sum(train.values()) / 3] * 3, abs=1e-3)
    assert result["out"] is None


def test_the_same_seed_draws_the_same(uneven, tmp_path):
    drawn = []
    for number, seed in enumerate((0, 0, 1)):
        tellapart.balance(uneven, out=tmp_path / f"{number}.parquet", method="under", seed=seed)
        drawn.append(open_catalog(tmp_path / f"{number}.parquet").training_rows())
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_fingerprint_knows_of_it(uneven, tmp_path):
    tellapart.balance(uneven, out=tmp_path / "b.parquet")
    assert open_catalog(tmp_path / "b.parquet").fingerprint != tellapart.split(uneven).fingerprint


@given(size=st.integers(1, 50), shown=st.integers(0, 500), seed=st.integers(0, 9))
def test_shares_are_even_and_add_up(size, shown, seed):
    times = _shares(size, shown, seed, "x")
    assert sum(times) == shown
    assert max(times) - min(times) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "more"}, "method 'more': there are weights, over, under, target"),
        ({"method": "over", "count": 0}, "count 0: at least one image a class"),
        ({"method": "target", "out": "x.parquet"}, "method 'target' needs a count, e.g. --count 250"),
        ({"method": "over"}, "method 'over' needs a catalog to write, e.g. --out balanced.parquet"),
    ],
)
def test_refusals(uneven, refuses, options, message):
    with refuses(ConfigError, message):
        tellapart.balance(uneven, **options)


def test_a_reading_set_is_refused(tmp_path, fill):
    fill(tmp_path, [f"a{number}b.png" for number in range(30)])
    with pytest.raises(CatalogError, match="a reading set has no classes to balance"):
        tellapart.balance(tmp_path, out=tmp_path / "b.parquet", task="read")
