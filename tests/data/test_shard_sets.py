"""Shards of several sets are refused, those of one that are not there are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.shard_sets import check_shard_names


@pytest.mark.parametrize(
    "names",
    [
        ["small/train-00000-of-00001.parquet", "large/train-00000-of-00001.parquet"],
        ["snapshots/a/data/test.parquet", "snapshots/b/data/test.parquet"],
    ],
)
def test_several_sets(names):
    with pytest.raises(
        CatalogError, match=r"^set: holds several sets, or one in several versions: .*; give one of these"
    ):
        check_shard_names(names, Path("set"))


@pytest.mark.parametrize(
    "names",
    [
        ["train/0000.parquet", "test/0000.parquet"],
        ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"],
        ["2023/part-0.parquet", "2024/part-0.parquet"],
        ["train/train.parquet", "data/train.parquet"],
    ],
)
def test_one_set(names):
    assert check_shard_names(names, Path()) == []


def test_shards_that_are_not_there():
    names = [f"data/train-{n:05}-of-00006.parquet" for n in (0, 3)] + ["test-00000-of-00001.parquet"]
    assert check_shard_names(names, Path()) == [
        "4 shards are not there: data/train-00001-of-00006.parquet, data/train-00002-of-00006.parquet, "
        "data/train-00004-of-00006.parquet and 1 more"
    ]
    assert check_shard_names(["a-0-of-999999999999.parquet"], Path()) == []
