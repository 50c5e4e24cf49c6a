"""Any source becomes shards of about one size, which are read as the source was."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.core.errors import ConfigError, InputError


def rows(source, tmp_path):
    catalog = tellapart.catalog(source, out=tmp_path / "c.parquet", task="classify")
    names = ("label", "group", "split", "sha256")
    return sorted(zip(*(catalog.column(name) for name in names), strict=True))


@pytest.fixture
def grouped(fill, tmp_path):
    names = [f"{part}/{group}/{n}.png" for part in ("train", "test") for group in ("a", "b") for n in range(3)]
    return fill(tmp_path / "set", names)


def test_a_folder_becomes_shards_and_they_become_others(grouped, tmp_path):
    size = sum(path.stat().st_size for path in grouped.rglob("*.png")) // 3
    result = tellapart.shards(grouped, out=tmp_path / "three", size=size)
    assert result["images"] == 12
    assert 3 <= result["parts"] <= 4
    assert rows(tmp_path / "three", tmp_path) == rows(grouped, tmp_path)
    joined = tellapart.shards(tmp_path / "three", out=tmp_path / "one", size="1MB")
    assert (joined["parts"], joined["images"]) == (1, 12)
    assert rows(tmp_path / "one", tmp_path) == rows(grouped, tmp_path)
    split = tellapart.shards(tmp_path / "one", out=tmp_path / "some", size=size)
    assert split["parts"] >= 3
    assert rows(tmp_path / "some", tmp_path) == rows(grouped, tmp_path)
    assert tellapart.shards(grouped, out=tmp_path / "three", size=size)["done_before"] == result["parts"]


def test_a_catalogs_decisions_are_kept(grouped, tmp_path):
    (grouped / "train" / "a" / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty; catalog the data first"):
        tellapart.shards(grouped, out=tmp_path / "no")
    tellapart.catalog(grouped, out=tmp_path / "in.parquet", task="classify")
    assert tellapart.shards(tmp_path / "in.parquet", out=tmp_path / "out")["images"] == 11
    (part,) = (tmp_path / "out").glob("*.parquet")
    assert pq.read_schema(part).names == ["image", "label", "split", "group", "together"]


@pytest.mark.parametrize("size", ["big", "0", "-5MB", "1 TB", "12"])
def test_a_size_that_is_none(size, grouped, tmp_path, refuses):
    with refuses(ConfigError, f"size {size!r}: give bytes of 1,000 and more, such as 512MB"):
        tellapart.shards(grouped, out=tmp_path / "out", size=size)
