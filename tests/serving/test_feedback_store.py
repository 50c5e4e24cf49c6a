"""Corrections and samples are kept, bounded, and can be trained on."""

from __future__ import annotations

import io
import os
import time

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.data.opening import open_catalog
from tellapart.serving import feedback_store
from tellapart.serving.feedback_store import FeedbackStore, StoreFullError


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


ADDRESS = "/v1/models/shapes/predict"


def test_a_correction_is_kept_and_can_be_trained_on(here, tmp_path, shape_bundle, pictures):
    with here(tmp_path / "state", [f"shapes={shape_bundle}"]) as (client, _):
        address = "/v1/models/shapes/correct"
        for n, data in enumerate(pictures[:3]):
            answer = client.post(
                address, files={"image": (f"../{n}.png", data)}, data={"right": "ring", "answer": "bar"}
            )
            assert answer.status_code == 201
        assert client.post(address, files={"image": ("a", pictures[0])}).json()["error"]["code"] == "no_answer"
        assert client.post(address, files={"image": ("a", b"x")}, data={"right": "ring"}).status_code == 422
    folder = tmp_path / "state" / "corrections" / "shapes"
    catalog = open_catalog(folder)
    assert catalog.task == "classify"
    assert catalog.column("label") == ["ring"] * 3
    assert [data for _, data in catalog.read(range(3))] == pictures[:3]


def test_samples_are_kept_only_if_asked_for(here, tmp_path, shape_bundle, pictures, expected):
    with here(tmp_path / "none", [f"shapes={shape_bundle}"]) as (client, _):
        client.post(ADDRESS, content=pictures[0], headers={"content-type": "image/png"})
    assert not (tmp_path / "none" / "samples").exists()
    with here(tmp_path / "all", [f"shapes={shape_bundle}"], sample=1.0) as (client, _):
        for data in pictures:
            client.post(ADDRESS, content=data, headers={"content-type": "image/png"})
    table = pq.read_table(tmp_path / "all" / "samples" / "shapes")
    assert sorted(table.column("label").to_pylist()) == sorted(row["label"] for row in expected)


def test_a_row_that_cannot_be_written_takes_no_other_with_it(tmp_path):
    shelf = FeedbackStore(tmp_path / "kept", "label")
    shelf.put(b"1", "1", "a")
    with pytest.raises(UnicodeEncodeError):
        shelf.put(b"2", "2", "\ud800")
    shelf.put(b"3", "3", "c")
    assert pq.read_table(tmp_path / "kept").column("label").to_pylist() == ["a", "c"]


def test_a_sample_does_not_wait_for_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback_store, "FLUSH", 0.05)
    FeedbackStore(tmp_path / "kept", "label", wait=True).put(b"1", "1", "a")
    end = time.monotonic() + 10
    while not list(tmp_path.glob("kept/*.parquet")):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_shelf_rotates_or_refuses_when_it_is_full(tmp_path):
    kept = FeedbackStore(tmp_path / "kept", "label", most_bytes=50_000)
    for n in range(30):
        kept.put(os.urandom(1000), str(n), "a")
    with pytest.raises(StoreFullError):
        kept.put(os.urandom(25_000), "too much", "a")
    assert pq.read_table(tmp_path / "kept").num_rows == 30
    rolling = FeedbackStore(tmp_path / "rolling", "label", most_bytes=200_000, rotate=True, wait=True)
    for n in range(400):
        rolling.put(os.urandom(1000), str(n), "a")
    rolling.flush()
    names = [row["path"] for row in pq.read_table(tmp_path / "rolling").column("image").to_pylist()]
    assert "399" in names
    assert "0" not in names
    assert sum(file.stat().st_size for file in (tmp_path / "rolling").iterdir()) <= 300_000
