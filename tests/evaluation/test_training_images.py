"""The digests of a training's images: what each image was, and how the file is written."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.core.errors import BundleError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.evaluation.training_images import TrainingImages, content, training_images
from tellapart.inference.bundle import Bundle


@pytest.fixture
def catalog(class_folders):
    """Twelve pictures: six teach, two choose, two test, and of two more one is not kept and one shown no time."""
    whole = open_catalog(class_folders, task="classify")
    parts = ["train"] * 7 + ["val"] * 2 + ["test"] * 3
    whole = whole.with_column("split", parts).with_column("keep", [row != 11 for row in range(12)])
    return whole.with_column("times", [0 if row == 6 else None for row in range(12)])


EXPECTED = ["train"] * 6 + ["left_out"] + ["val"] * 2 + ["test"] * 2 + ["left_out"]


def test_the_part_of_each_image(catalog):
    assert TrainingImages.of(catalog).parts_of(catalog, range(12)) == EXPECTED


def test_in_folds_what_chose_one_network_taught_the_others(catalog):
    assert TrainingImages.of(catalog, cv_folds=True).parts_of(catalog, [0, 7, 9]) == ["train", "train", "test"]


def test_an_image_is_known_by_its_bytes_or_its_pixels(catalog, fill, tmp_path):
    (tmp_path / "other" / "x").mkdir(parents=True)
    Image.open(catalog.root / catalog.column("file")[0]).save(tmp_path / "other" / "x" / "again.bmp")
    (tmp_path / "other" / "x" / "same.png").write_bytes((catalog.root / catalog.column("file")[7]).read_bytes())
    fill(tmp_path / "other", ["x/new.png"])
    other = open_catalog(tmp_path / "other", task="classify")
    parts = dict(zip(other.column("file"), TrainingImages.of(catalog).parts_of(other, range(3)), strict=True))
    assert parts == {"x/again.bmp": "train", "x/same.png": "val", "x/new.png": None}
    blind = other.with_column("pixels", [None] * 3)
    assert TrainingImages.of(catalog).parts_of(blind, range(3)).count("val") == 1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("train", "test", "train"), ("val", "train", "train"), ("test", None, "test"), (None, "val", "val")],
)
def test_of_copies_in_several_parts_the_one_that_taught_counts(catalog, one, other, expected):
    """None stands for a row that is not kept: a dropped copy of a test image makes it no known one."""
    twins = catalog.with_column("sha256", [catalog.column("sha256")[0]] * 12)
    twins = twins.with_column("pixels", [catalog.column("pixels")[0]] * 12)
    parts = [one or "train", other or "train", *[None] * 10]
    twins = twins.with_column("split", parts).with_column("keep", [one is not None, other is not None, *[True] * 10])
    twins = twins.with_column("times", [None] * 12)
    assert TrainingImages.of(twins).parts_of(twins, [0, 1, 5]) == [expected] * 3


def test_what_taught_or_chose_the_model_it_began_with_taught_it_too(catalog, tmp_path):
    own, start = (TrainingImages.of(catalog.with_column("split", parts)) for parts in (
        ["train", "val", "test", *[None] * 9], [None, None, "train", "val", "test", *[None] * 7],
    ))  # fmt: skip
    assert own.begun_with("x", start).parts_of(catalog, range(6)) == ["train", "val", "train", "train", None, None]
    unknown = own.begun_with("runs/gone", None)
    assert unknown.parts_of(catalog, range(3)) == own.parts_of(catalog, range(3))
    unknown.write(tmp_path / "images.parquet")
    assert TrainingImages.open(tmp_path / "images.parquet").unrecorded == "runs/gone"
    assert own.begun_with("x", unknown).unrecorded == "runs/gone"


def test_the_file_holds_what_was_written_and_is_small(catalog, tmp_path):
    images = TrainingImages.of(catalog)
    images.write(tmp_path / "images.parquet")
    again = TrainingImages.open(tmp_path / "images.parquet")
    assert np.array_equal(again.digests, images.digests)
    assert again.parts_of(catalog, range(12)) == EXPECTED
    many = TrainingImages(np.arange(100_000, dtype=np.uint64) * np.uint64(2**40 + 9), np.zeros(100_000, np.uint8))
    many.write(tmp_path / "many.parquet")
    assert (tmp_path / "many.parquet").stat().st_size < 12 * 100_000


def test_a_training_without_images_knows_none(catalog):
    nothing = TrainingImages.of(catalog.with_column("split", [None] * 12).with_column("keep", [True] * 12))
    assert nothing.parts_of(catalog, range(3)) == [None] * 3


def test_a_file_of_another_format_is_refused(catalog, tmp_path):
    path = tmp_path / "images.parquet"
    TrainingImages.of(catalog).write(path)
    table = pq.read_table(path)
    later = {b"tellapart training images": json.dumps({"format": 2}).encode()}
    pq.write_table(table.replace_schema_metadata(later), path)
    with pytest.raises(BundleError, match=r"images\.parquet: format 2; this version reads 1: export the run again"):
        TrainingImages.open(path)


def test_a_bundle_says_the_split_of_its_run(shape_bundle, shape_run):
    kept = open_catalog(shape_run / "data.parquet")
    images = training_images(Bundle.open(shape_bundle))
    assert images.parts_of(kept, range(len(kept))) == kept.column("split")
    assert not images.unrecorded


def test_data_split_by_another_seed_is_still_split_again_by_the_trainings(shape_bundle, shapes, tmp_path):
    opened = Bundle.open(shape_bundle)
    files = {name: digest for name, digest in opened.manifest.files.items() if name != "training_images.parquet"}
    old = Bundle(tmp_path, dataclasses.replace(opened.manifest, files=files))
    other = split(shapes, seed=3)
    again = split(shapes, seed=7)
    assert training_images(old, other).parts_of(again, range(60)) == again.column("split")
    assert training_images(old) is None


def test_the_content_is_that_of_images_and_labels_alone(catalog):
    assert content(catalog.with_column("split", [None] * 12)) == content(catalog)
    assert content(catalog.with_column("label", ["cat"] * 12)) != content(catalog)
