"""Shards hold the images that are drawn here."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.pipelines import generate as module


def test_shards_hold_the_same_images(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD", 4)
    parts = list(module._parts(10))
    assert [(part.inputs["start"], part.inputs["stop"]) for part in parts] == [(0, 4), (4, 8), (8, 10)]
    tellapart.generate("digits", 10, tmp_path / "one.parquet", seed=5)
    from tellapart.synthesis import scheme

    how = {"scheme": scheme("digits").to_dict(), "many": False, "seed": 5, "digits": 5}
    rows = [row for part in parts for table in module.draw_part(part.inputs, how) for row in table.to_pylist()]
    assert rows == pq.read_table(tmp_path / "one.parquet").to_pylist()


def test_what_needs_one_machine_is_refused(tmp_path, refuses):
    words = "like, grid: look for the scheme and draw its samples first, here; then draw by that scheme"
    with refuses(ConfigError, words):
        tellapart.generate(None, 3, "s3://b/x", like=tmp_path)
    with pytest.raises(ConfigError, match="n is 0"):
        tellapart.generate("digits", 0, "s3://b/x")


def test_arguments_in_another_order_are_refused_in_words(tmp_path, refuses):
    said = "n is 'g': give a whole number; the order is scheme, n, out: generate('digits', 20, 'drawn')"
    with refuses(ConfigError, said):
        tellapart.generate("digits", "g", 3)
