"""Sources become parts; a part is named by what goes into it, and its images are read anywhere."""

from __future__ import annotations

import json
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, ImageError
from tellapart.core.storage import as_path
from tellapart.data import parts as parts_module
from tellapart.data.opening import open_catalog
from tellapart.data.parts import image_parts, labelled_parts, read_part


def images(parts):
    return [image for part in parts for image in read_part(json.loads(json.dumps(part.inputs)))]


@pytest.fixture
def shards(tmp_path):
    for number in range(2):
        tellapart.generate("digits", 3, tmp_path / "shards" / f"{number}.parquet", seed=number)
    return tmp_path / "shards"


def test_a_folder_gives_parts_of_so_many_files(class_folders, monkeypatch):
    monkeypatch.setattr(parts_module, "FILES", 5)
    parts = list(image_parts([str(class_folders)]))
    assert [len(part.inputs["files"]) for part in parts] == [5, 5, 2]
    assert [image.name for image in images(parts)] == [
        f"{class_folders}/{label}/{n}.png" for label in ("cat", "cup", "dog") for n in range(4)
    ]
    assert images(parts)[0].data == (class_folders / "cat" / "0.png").read_bytes()


def test_files_are_named_as_they_were_given(class_folders, monkeypatch):
    monkeypatch.chdir(class_folders)
    assert [image.name for image in images(image_parts(["cat/0.png", "cup", "no.png"]))] == [
        "cat/0.png", *(f"cup/{n}.png" for n in range(4)), "no.png",
    ]  # fmt: skip
    assert isinstance(images(image_parts(["no.png"]))[0].data, ImageError)


def test_a_shard_is_a_part(shards):
    for source in (shards, shards / "*.parquet"):
        parts = list(image_parts([str(source)]))
        assert [part.inputs["shard"] for part in parts] == ["0.parquet", "1.parquet"]
        assert [image.name for image in images(parts)][:2] == ["0.parquet#0/00000.png", "0.parquet#1/00001.png"]
    assert len(images(image_parts([str(shards / "0.parquet")]))) == 3


def test_labels_are_read_where_the_shard_is(shards):
    catalog = tellapart.catalog(shards, out=shards.parent / "c.parquet", task="read")
    read = images(labelled_parts(shards, {}))
    assert [(image.name, image.label) for image in read] == list(
        zip(catalog.column("file"), catalog.column("label"), strict=True)
    )
    again = images(labelled_parts(shards.parent / "c.parquet", {}))
    assert again == read


@pytest.mark.parametrize("source", ["set", "set/*/*.parquet"])
def test_shards_are_of_the_parts_that_their_names_say(tmp_path, source):
    for name in ("train/0000", "train/0001", "test/0000"):
        tellapart.generate("digits", 2, tmp_path / "set" / f"{name}.parquet")
    own = pq.read_table(tmp_path / "set" / "train" / "0001.parquet")
    own = own.append_column("split", pa.array(["val", None]))
    pq.write_table(own, tmp_path / "set" / "train" / "0001.parquet")
    read = images(labelled_parts(tmp_path / source, {}))
    assert [(image.name.partition("#")[0], image.split) for image in read] == [
        ("test/0000.parquet", "test"), ("test/0000.parquet", "test"),
        ("train/0000.parquet", "train"), ("train/0000.parquet", "train"),
        ("train/0001.parquet", "val"), ("train/0001.parquet", None),
    ]  # fmt: skip
    opened = open_catalog(tmp_path / source, task="read")
    assert [image.split for image in read] == opened.column("split")


def test_class_folders_have_labels(class_folders):
    read = images(labelled_parts(class_folders, {}))
    assert [(image.name, image.label) for image in read][3:5] == [("cat/3.png", "cat"), ("cup/0.png", "cup")]


def test_a_changed_file_makes_another_part(class_folders):
    def names():
        return [part.file_name("key") for part in image_parts([str(class_folders)])]

    before = names()
    assert names() == before
    os.utime(class_folders / "cat" / "0.png", (1, 1))
    assert names() != before
    assert [part.file_name("other") for part in image_parts([str(class_folders)])] != names()


def test_storage_gives_the_same_images(class_folders, shards):
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    place = as_path(f"memory://{uuid.uuid4().hex}")
    for source in (class_folders, shards):
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            (place / source.name / path.relative_to(source)).upload(path)
    there, here = images(image_parts([f"{place}/set"])), images(image_parts([str(class_folders)]))
    assert [image.data for image in there] == [image.data for image in here]
    assert [image.name for image in there] == [image.name.replace(str(class_folders), f"{place}/set") for image in here]
    assert images(image_parts([f"{place}/shards"])) == images(image_parts([str(shards)]))
    assert images(image_parts([f"{place}/shards/1*.parquet"])) == images(image_parts([str(shards / "1.parquet")]))


def test_a_damaged_shard_is_told_by_who_reads_it(shards):
    (shards / "1.parquet").write_bytes((shards / "1.parquet").read_bytes()[:500])
    first, second = image_parts([str(shards)])
    assert len(images([first])) == 3
    with pytest.raises(CatalogError, match=r"1\.parquet: cannot be read as Parquet: .*; write or fetch it again$"):
        images([second])


def test_what_is_not_there_is_refused(tmp_path, refuses):
    with refuses(ConfigError, f"{tmp_path}: no image and no Parquet shard there"):
        list(image_parts([str(tmp_path)]))
    with refuses(CatalogError, f"{tmp_path}/*.parquet: nothing fits this pattern"):
        list(image_parts([f"{tmp_path}/*.parquet"]))
    with refuses(CatalogError, f"{tmp_path}/no: there is no such file or folder"):
        list(image_parts([f"{tmp_path}/no"]))
