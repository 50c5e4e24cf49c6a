"""A catalog whose images were looked at part by part is the one that was looked at here."""

from __future__ import annotations

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.pipelines.catalog import look_on


def test_looking_in_parts_gives_the_same_catalog(class_folders, tmp_path):
    (class_folders / "dog" / "0.png").write_bytes(b"broken")
    here = tellapart.catalog(class_folders, out=tmp_path / "here.parquet")
    there = open_catalog(class_folders, look=look_on(None, str(tmp_path / "parts"), str(class_folders)))
    assert there.table.equals(here.table)
    assert there.notes == here.notes


def test_looking_in_parts_at_shards_gives_the_same_catalog(tmp_path):
    for number in range(2):
        tellapart.generate("digits", 3, tmp_path / "shards" / f"{number}.parquet", seed=number)
    here = tellapart.catalog(tmp_path / "shards", out=tmp_path / "here.parquet", task="read")
    look = look_on(None, str(tmp_path / "parts"), str(tmp_path / "shards"))
    there = open_catalog(tmp_path / "shards", look=look, task="read")
    assert there.table.equals(here.table)
    assert len(list((tmp_path / "parts").glob("part-*.parquet"))) == 2
