"""A data set is drawn whole or not at all, and the same whoever draws it."""

import csv
import dataclasses
import importlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.core import image_io
from tellapart.core.errors import ConfigError
from tellapart.core.folder_lock import hold_target
from tellapart.data.opening import open_catalog
from tellapart.synthesis import Scheme, encode, render, scheme
from tellapart.synthesis.generate import generate

module = importlib.import_module("tellapart.synthesis.generate")  # the package may export the verb of the same name


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 3)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("small_batches")
def test_a_folder_holds_images_labels_and_the_scheme(tmp_path):
    result = generate("digits", 7, tmp_path / "out", seed=5)
    assert result.keys() == {"out", "n", "scheme", "seed", "seconds", "images_per_second"}
    assert (result["n"], result["scheme"], result["seed"]) == (7, "digits", 5)
    with (tmp_path / "out" / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"images/{index:05d}.png" for index in range(7)]
    for index, row in enumerate(rows):
        pixels, text = render(scheme("digits"), 5, index)
        assert row["label"] == text
        assert np.array_equal(image_io.decode((tmp_path / "out" / row["file"]).read_bytes()), pixels)
    assert scheme(str(tmp_path / "out" / "scheme.yaml")) == scheme("digits")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("small_batches")
def test_parquet_holds_the_same_images_in_row_groups(tmp_path):
    zeros = Scheme("zeros", width=60, height=24, alphabet="0", min_length=4, max_length=4)
    out = tmp_path / "zeros.parquet"
    generate(zeros, 7, out)
    file = pq.ParquetFile(out)
    assert file.num_row_groups == 3
    rows = file.read().to_pylist()
    assert [row["label"] for row in rows] == ["0000"] * 7  # text, not a number
    assert [row["image"]["path"] for row in rows] == [f"{index:05d}.png" for index in range(7)]
    assert rows[6]["image"]["bytes"] == encode(zeros, render(zeros, 0, 6)[0])
    assert b'"_type": "Image"' in file.schema_arrow.metadata[b"huggingface"]
    generate(zeros, 2, out)  # an older file of that name is replaced
    assert pq.ParquetFile(out).metadata.num_rows == 2
    assert [path.name for path in tmp_path.iterdir()] == ["zeros.parquet"]


@pytest.mark.usefixtures("small_batches")
def test_processes_draw_what_one_process_draws(tmp_path, monkeypatch):
    generate("characters", 10, tmp_path / "one", workers=1)
    monkeypatch.setattr(module, "_WORTH_A_POOL", 1)
    generate("characters", 10, tmp_path / "two", workers=2)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", ["out", "out.parquet"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError, ConfigError])
def test_nothing_is_half_written(tmp_path, monkeypatch, name, failure):
    drawn = module._drawn

    def broken(task):
        if task[2] >= 6:
            raise failure("in the middle")
        return drawn(task)

    monkeypatch.setattr(module, "_drawn", broken)
    with pytest.raises(failure):
        generate("digits", 12, tmp_path / name, grid=tmp_path / "grid.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("n", "across", "down"), [(3, 3, 1), (10, 8, 2), (60, 8, 5)])
def test_grid_shows_samples_above_their_texts(tmp_path, n, across, down):
    generate("digits", n, tmp_path / "out", grid=tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as sheet:
        sheet.load()
        assert sheet.size == (across * 128 + 8, down * 68 + 8)
        assert np.array_equal(np.asarray(sheet)[8:48, 8:128], render(scheme("digits"), 0, 0)[0])
        assert (np.asarray(sheet)[48:68, 8:128] == 0).any()  # the text beneath


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_a_catalog_opens_what_was_generated(tmp_path, name):
    generate("digits", 3, tmp_path / name)
    labels = open_catalog(tmp_path / name).table.column("label").to_pylist()
    assert labels == [render(scheme("digits"), 0, index)[1] for index in range(3)]


def test_file_names_widen_with_the_count():
    assert next(module._names(100_001)) == "000000.png"
    assert next(module._names(100_000)) == "00000.png"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n is 0; ask for at least 1 image, and at most 4294967296"),
        ({"seed": -1}, "seed is -1; it must be within 0 to 4294967295"),
        ({"workers": 0}, "workers is 0; it takes at least 1"),
        ({"grid": "grid.jpg"}, "grid.jpg: the grid is a PNG; let its name end in .png"),
        ({"out": "full"}, "full is not empty: name another folder, or remove this one first"),
        ({"out": "file.txt"}, "file.txt is a file; name a folder, or a file that ends in .parquet"),
        ({"out": "d.parquet"}, "d.parquet is a folder; name a file, or a folder that does not end in .parquet"),
    ],
)
def test_refusals(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("kept")
    (tmp_path / "file.txt").write_text("kept")
    (tmp_path / "d.parquet").mkdir()
    before = everything(tmp_path)
    with pytest.raises(ConfigError) as caught:
        generate(**({"scheme": "digits", "n": 2, "out": "new"} | options))
    assert str(caught.value) == words
    assert everything(tmp_path) == before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    generate(dataclasses.replace(scheme("digits"), name="mine"), 1, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "00000.png").is_file()


@pytest.mark.parametrize("name", ["drawn", "drawn.parquet"])
def test_two_commands_do_not_draw_into_one_target(tmp_path, name):
    with hold_target(tmp_path / name), pytest.raises(ConfigError, match=rf"{name}: in use by process \d+ since"):
        generate("digits", 2, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_how_labels_are_read_is_for_examples_alone(tmp_path):
    with pytest.raises(ConfigError, match=r"^label_from: for labelled images \(like\)"):
        generate("digits", 1, tmp_path / "out", label_from="text")
