"""A quick look counts and measures without decoding, and says the same as the long one."""

from __future__ import annotations

import importlib
import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFile

from tellapart.core import image_io
from tellapart.core.errors import CatalogError
from tellapart.data.opening import open_catalog
from tellapart.data.summary import SAMPLE, summary

MODULE = importlib.import_module("tellapart.data.summary")  # a verb hides the module of its name


def weight(folder, pattern="*.png"):
    return sum(path.stat().st_size for path in folder.rglob(pattern))


@pytest.fixture
def sizes(tmp_path, fill):
    """Five pictures of five sizes, two classes."""
    root = tmp_path / "sizes"
    for n, (width, height) in enumerate([(30, 20), (10, 200), (64, 48), (1, 1), (48, 64)]):
        fill(root, [f"{'cat' if n % 2 else 'dog'}/{n}.png"], width, height)
    return root


@pytest.fixture
def shards(tmp_path, draw, encode):
    """Two shards of thirty pictures each, four to a row group."""
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    about = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}})}
    folder = tmp_path / "shards"
    folder.mkdir()
    for name in ("a", "b"):
        values = [{"bytes": encode(draw(n, 10 + n, 20)), "path": f"{n}.png"} for n in range(30)]
        made = pa.table({"image": pa.array(values, kind), "label": [n % 2 for n in range(30)]})
        pq.write_table(made.replace_schema_metadata(about), folder / f"{name}.parquet", row_group_size=4)
    return folder


def test_class_folders(sizes):
    assert summary(sizes) == {
        "images": 5,
        "labels": 2,
        "classes": {"cat": 2, "dog": 3},
        "task": "classify",
        "bytes": weight(sizes),
        "first": [
            ("cat/1.png", "cat"), ("cat/3.png", "cat"),
            ("dog/0.png", "dog"), ("dog/2.png", "dog"), ("dog/4.png", "dog"),
        ],
        "sizes": {"sampled": 5, "smallest": (1, 1), "median": (10, 200), "largest": (64, 48)},
        "notes": [],
    }  # fmt: skip
    assert json.loads(json.dumps(summary(sizes)))["sizes"]["largest"] == [64, 48]


def test_a_reading_set_has_no_classes(tmp_path, fill):
    fill(tmp_path, [f"{n:03}.png" for n in range(30)])
    for options in ({"task": "read", "label_from": "text"}, {"label_from": "text"}):
        seen = summary(tmp_path, **options)
        assert (seen["task"], seen["images"], seen["labels"], seen["classes"]) == ("read", 30, 30, {})
        assert seen["first"] == [(f"{n:03}.png", f"{n:03}") for n in range(10)]


def test_a_table(sizes):
    path = sizes / "labels.csv"
    path.write_text("file,label\ncat/1.png,x\ndog/0.png,y\ndog/0.png,y\n")
    seen = summary(path)
    assert (seen["images"], seen["classes"], seen["sizes"]["sampled"]) == (2, {"x": 1, "y": 1}, 2)
    assert seen["bytes"] == (sizes / "cat" / "1.png").stat().st_size + (sizes / "dog" / "0.png").stat().st_size
    assert seen["notes"] == [
        "1 row of labels.csv repeats another row and counts once: dog/0.png",
        "3 images beside them are not named in labels.csv and were left out: cat/3.png, dog/2.png, dog/4.png",
    ]
    assert summary(sizes)["notes"][-1] == (
        "3 images are not named in labels.csv and were left out: cat/3.png, dog/2.png, dog/4.png"
    )


def test_shards(shards):
    seen = summary(shards)
    assert (seen["images"], seen["classes"], seen["task"]) == (60, {"cat": 30, "dog": 30}, "classify")
    assert seen["bytes"] == weight(shards, "*.parquet")
    assert seen["first"][1] == ("a.parquet#1/1.png", "dog")
    # Of sixteen row groups (seven of four and one of two in each shard) eight, the first and the last among them.
    assert seen["sizes"]["sampled"] == 30
    assert (seen["sizes"]["smallest"], seen["sizes"]["largest"]) == ((10, 20), (39, 20))
    assert summary(f"{shards}/a*.parquet")["sizes"] == {
        "sampled": 30, "smallest": (10, 20), "median": (25, 20), "largest": (39, 20),
    }  # fmt: skip


def test_row_groups_that_are_large_are_few(shards, monkeypatch):
    monkeypatch.setattr(MODULE, "_GROUP_BYTES", 1)
    assert summary(shards)["sizes"] == {"sampled": 4, "smallest": (10, 20), "median": (12, 20), "largest": (13, 20)}


def test_a_catalog(class_folders, shards, tmp_path):
    opened = open_catalog(class_folders, coarse_labels={"animal": ["cat", "dog"], "thing": ["cup"]})
    opened = opened.with_column("keep", [label != "cup" for label in opened.column("label")])
    seen = summary(opened)
    assert summary(opened.write(tmp_path / "c.parquet")) == seen
    assert (seen["images"], seen["classes"]) == (8, {"cat": 4, "dog": 4})
    assert seen["bytes"] == weight(class_folders) - weight(class_folders / "cup")
    (class_folders / "cat" / "0.png").unlink()
    seen = summary(opened)
    assert seen["notes"] == [
        "1 file is gone: cat/0.png",
        "1 of 8 sampled images were not measured: cat/0.png: the file cannot be read: No such file or directory",
    ]
    embedded = open_catalog(shards)
    assert {**summary(embedded), "notes": []} == summary(shards)
    (shards / "b.parquet").unlink()
    assert summary(embedded)["notes"] == ["1 file is gone: b.parquet"]
    assert summary(embedded)["sizes"]["sampled"] == 30


def test_options_are_those_of_the_catalog(class_folders, refuses):
    assert summary(class_folders, task="read")["task"] == "read"
    assert summary(class_folders, coarse_labels={"all": ["cat", "cup", "dog"]})["images"] == 12
    with refuses(
        CatalogError, "groups: in no group: dog; every class belongs to exactly one (quote names like '0042')"
    ):
        summary(class_folders, coarse_labels={"all": ["cat", "cup"]})
    with refuses(CatalogError, "no: there is no such file or folder"):
        summary("no")


def test_it_says_what_the_long_look_says(class_folders, shards):
    for data in (class_folders, shards):
        seen, opened = summary(data), open_catalog(data)
        assert seen["images"] == len(opened)
        assert tuple(seen["classes"]) == opened.labels
        assert seen["task"] == opened.task
        pairs = zip(opened.column("file"), opened.column("label"), strict=True)
        assert seen["first"] == list(pairs)[:10]


# --- the sample


def test_the_sample_is_even_and_bounded(tmp_path, fill):
    n = 2 * SAMPLE + 1
    fill(tmp_path, ["cat/0.png"], 10, 10)
    for number in range(1, n):
        shutil.copyfile(tmp_path / "cat" / "0.png", tmp_path / "cat" / f"{number:03}.png")
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "000.png")
    fill(tmp_path, ["cat/000.png"], 2, 2)
    fill(tmp_path, [f"cat/{n - 1}.png"], 20, 20)
    seen = summary(tmp_path)
    assert seen["sizes"] == {"sampled": SAMPLE, "smallest": (2, 2), "median": (10, 10), "largest": (20, 20)}


def test_nothing_is_decoded_and_only_heads_are_read(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    noise = Image.effect_noise((900, 800), 90)
    for n in range(3):
        noise.save(tmp_path / "x" / f"{n}.png")
        noise.save(tmp_path / "x" / f"{n}.jpg", quality=95)

    def never(*args, **kwargs):
        raise AssertionError("an image was decoded or read whole")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    monkeypatch.setattr(image_io, "picture", never)
    monkeypatch.setattr(image_io, "read_bytes", never)
    assert (tmp_path / "x" / "0.jpg").stat().st_size > 2**18
    assert summary(tmp_path)["sizes"] == {
        "sampled": 6, "smallest": (900, 800), "median": (900, 800), "largest": (900, 800),
    }  # fmt: skip


def late_header(width, height):
    """A TIFF whose directory stands behind its pixels."""
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 90).save(buffer, "TIFF", compression="tiff_deflate")
    data = buffer.getvalue()
    at = int.from_bytes(data[4:8], "little")
    assert at > 2**18
    return data


def test_a_header_at_the_end_is_found_while_it_costs_little(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    for n in range(3):
        (tmp_path / "x" / f"{n}.tif").write_bytes(late_header(700 + n, 700))
    assert summary(tmp_path)["sizes"]["largest"] == (702, 700)
    assert summary(tmp_path)["notes"] == []
    monkeypatch.setattr(MODULE, "_SPARE", (tmp_path / "x" / "2.tif").stat().st_size + 100_000)
    seen = summary(tmp_path)
    assert (seen["sizes"]["sampled"], seen["sizes"]["largest"]) == (1, (700, 700))
    assert seen["notes"] == [
        "2 of 3 sampled images were not measured: x/1.tif: its size does not stand in its head, "
        "x/2.tif: its size does not stand in its head"
    ]


def test_what_cannot_be_measured_is_named(class_folders, monkeypatch):
    monkeypatch.setattr(MODULE, "_SPARE", 0)  # a small file is in its head, however damaged
    for path in class_folders.rglob("*.png"):
        path.write_bytes(b"no picture")
    (class_folders / "cat" / "0.png").write_bytes(b"")
    seen = summary(class_folders)
    assert (seen["images"], seen["sizes"]) == (
        12, {"sampled": 0, "smallest": None, "median": None, "largest": None},
    )  # fmt: skip
    known = "not an image of a known kind (known: JPEG, PNG, BMP, TIFF, WEBP, GIF)"
    assert seen["notes"] == [
        f"12 of 12 sampled images were not measured: cat/0.png: the file is empty, cat/1.png: {known}, "
        f"cat/2.png: {known} and 9 more"
    ]


def test_nothing_is_changed(class_folders, shards, tree):
    for data in (class_folders, shards):
        before = tree(data)
        summary(data)
        assert tree(data) == before
