"""Batches: every row once, one width a batch, an order that seed and epoch decide, and the right pixels."""

from __future__ import annotations

import errno
import os
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from tellapart.core.errors import ConfigError, ImageError
from tellapart.data.opening import open_catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.training.dataset import CachedImages, PixelCache, WidthBatches

SPEC = Preprocess(height=24, width=None, channels=1, pad="edge")


@pytest.fixture(scope="module")
def catalog(texts):
    return open_catalog(texts, task="read")


def expected(catalog, row):
    return SPEC.load((catalog.root / catalog.column("file")[row]).read_bytes())


@given(
    widths=st.lists(st.sampled_from([32, 64, 96]), min_size=1, max_size=40),
    size=st.integers(1, 9),
    shuffle=st.booleans(),
    seed=st.integers(0, 50),
    epoch=st.integers(0, 5),
)
def test_each_row_once_and_one_width_a_batch(widths, size, shuffle, seed, epoch):
    rows = [10 + 3 * index for index in range(len(widths))]
    width = dict(zip(rows, widths, strict=True))
    batches = WidthBatches(rows, width, size, shuffle=shuffle, seed=seed)
    batches.set_epoch(epoch)
    drawn = list(batches)
    assert sorted(row for batch in drawn for row in batch) == rows
    assert all(len({width[row] for row in batch}) == 1 for batch in drawn)
    assert len(drawn) == len(batches)
    assert all(1 <= len(batch) <= size for batch in drawn)
    # No width has more than one batch that is not full.
    short = [width[batch[0]] for batch in drawn if len(batch) < size]
    assert len(short) == len(set(short))
    assert list(batches) == drawn


def test_the_order_depends_on_seed_and_epoch_alone():
    rows = list(range(60))
    widths = {row: 32 * (1 + row % 3) for row in rows}

    def order(seed, epoch, noise):
        torch.manual_seed(noise)
        batches = WidthBatches(rows, widths, 4, shuffle=True, seed=seed)
        batches.set_epoch(epoch)
        return list(batches)

    assert order(1, 2, noise=0) == order(1, 2, noise=9)
    assert len({str(order(seed, epoch, 0)) for seed in range(3) for epoch in range(3)}) == 9
    mixed = [widths[batch[0]] for batch in order(1, 2, 0)]
    assert mixed != sorted(mixed)  # widths come mixed, not one after the other


def test_without_shuffling_rows_keep_their_order():
    widths = {row: 32 * (1 + row % 2) for row in range(10)}
    batches = WidthBatches(range(10), widths, 3, shuffle=False, seed=4)
    assert list(batches) == [[0, 2, 4], [6, 8], [1, 3, 5], [7, 9]]
    batches.set_epoch(3)
    assert list(batches) == [[0, 2, 4], [6, 8], [1, 3, 5], [7, 9]]


def test_cached_pixels_are_the_preprocessed_ones(catalog, capsys):
    rows = catalog.rows()[::2]
    cache = PixelCache(catalog, rows, SPEC, limit_gb=1)
    assert capsys.readouterr().err == ""
    for row in rows:
        assert np.array_equal(cache[row], expected(catalog, row))
        assert cache[row].dtype == np.uint8


def test_a_cached_image_is_decoded_once(catalog, monkeypatch):
    cache = PixelCache(catalog, catalog.rows(), SPEC, limit_gb=1)
    monkeypatch.setattr(Preprocess, "load", None)  # calling it would be an error
    assert all(cache[row].shape[0] == 24 for row in catalog.rows())


def test_the_limit_is_kept_and_the_rest_decoded_each_time(catalog, capsys, monkeypatch):
    rows = catalog.rows()
    sizes = [expected(catalog, row).size for row in rows]
    fits = 5
    limit = sum(sizes[:fits]) / 1e9
    cache = PixelCache(catalog, rows, SPEC, limit_gb=limit)
    said = capsys.readouterr().err
    assert said == (
        f"cache: 5 of 60 images fit into {limit:g} GB; 55 are decoded each epoch (--cache-gb raises the limit)\n"
    )
    assert cache._pixels.size == sum(sizes[:fits])
    assert all(np.array_equal(cache[row], expected(catalog, row)) for row in rows)
    loaded = []
    load = Preprocess.load
    monkeypatch.setattr(Preprocess, "load", lambda *args: loaded.append(args[2]) or load(*args))
    for row in rows:
        _ = cache[row]
    assert loaded == [catalog.column("file")[row] for row in rows[fits:]]


def test_no_cache_at_all(catalog):
    cache = PixelCache(catalog, catalog.rows(), SPEC, limit_gb=0)
    assert all(np.array_equal(cache[row], expected(catalog, row)) for row in catalog.rows())


def test_the_cache_leaves_no_file_and_none_open(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache = PixelCache(catalog, catalog.rows(), SPEC, limit_gb=1)
    assert list(tmp_path.iterdir()) == []
    del cache  # a file left open would be a ResourceWarning, which is an error here


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")
def test_a_full_disk_is_found_before_it_is_written_to(catalog, monkeypatch, refuses, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = (
        f"{tmp_path}: no room for 0.0 GB of pixels or features (No space left on device); "
        "lower --cache-gb, or set TMPDIR to another disk"
    )
    with refuses(ConfigError, text):
        PixelCache(catalog, catalog.rows(), SPEC, limit_gb=1)


def test_loader_batches_hold_the_pixels_of_their_rows(catalog):
    rows = catalog.rows()
    cache = PixelCache(catalog, rows, SPEC, limit_gb=1)
    batches = WidthBatches(rows, cache.widths, 8, shuffle=True, seed=3)
    seen = []
    for pixels, of in DataLoader(CachedImages(cache), batch_size=None, sampler=batches, collate_fn=lambda batch: batch):
        assert pixels.dtype == torch.uint8
        assert pixels.shape == (len(of), 24, cache.widths[int(of[0])], 1)
        for one, row in zip(pixels.numpy(), of.tolist(), strict=True):
            assert np.array_equal(one, expected(catalog, row))
        seen += of.tolist()
    assert sorted(seen) == rows
    assert len(set(cache.widths.values())) > 1


def test_an_image_that_has_gone_is_named(catalog, copied, texts):
    again = open_catalog(copied(texts), task="read")
    (again.root / "07.png").unlink()
    with pytest.raises(ImageError, match=re.escape("07.png: there is no such file")):
        PixelCache(again, again.rows(), SPEC, limit_gb=1)
