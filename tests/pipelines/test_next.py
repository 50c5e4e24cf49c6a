"""`next` chooses among images that the model has not met; a training takes its table back once it is filled in."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.data.merging import open_sources


@pytest.fixture
def pool(tmp_path, shape, shapes):
    """Twelve pictures whose names say nothing, a copy of one, one that taught the model, and one that is none."""
    folder = tmp_path / "pool"
    (folder / "deep").mkdir(parents=True)
    for number in range(12):
        pixels = shape(("disc", "ring", "bar")[number % 3], 5000 + number)
        Image.fromarray(pixels).save(folder / ("deep" if number % 2 else ".") / f"IMG_{number:04d}.png")
    shutil.copy(folder / "IMG_0000.png", folder / "copy.png")
    shutil.copy(shapes / "round" / "disc" / "00.png", folder / "met.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "labels.csv").write_text("file,label\ncopy.png,disc\n", encoding="utf-8")  # a label that nobody asks for
    return folder


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_goes_back_into_a_training(shape_run, shapes, pool, tmp_path, tree, capsys):
    before = tree(pool)
    table = tmp_path / "next.csv"
    result = tellapart.next(shape_run, pool, n=5, out=table)
    assert {name: result[name] for name in ("n", "pool", "met", "copies", "unreadable")} == {
        "n": 5, "pool": 15, "met": 1, "copies": 1, "unreadable": 1,
    }  # fmt: skip
    assert tree(pool) == before
    assert "broken.png" in capsys.readouterr().err
    rows = read(table)
    assert list(rows[0]) == ["file", "predicted", "confidence", "margin", "label"]
    assert len({row["file"] for row in rows}) == 5
    assert not {"pool/met.png", "pool/broken.png"} & {row["file"] for row in rows}
    for row in rows:  # what predict says, and the margin of its two likeliest classes
        answer = tellapart.load(shape_run).predict(tmp_path / row["file"])[0]
        chances = sorted(answer.probabilities.values())
        assert row["predicted"] == answer.answer
        assert float(row["confidence"]) == pytest.approx(answer.confidence, abs=1e-5)
        assert float(row["margin"]) == pytest.approx(chances[-1] - chances[-2], abs=1e-5)
        assert row["label"] == ""
    # Three labels of five: two rows are passed over, and said.
    for row in rows[:3]:
        row["label"] = "ring"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    merged = open_sources([shapes, table])
    assert len(merged) == 63
    taken = {file: label for file, label in zip(merged.column("file"), merged.column("label"), strict=True)
             if "IMG" in file or "copy" in file}  # fmt: skip
    assert set(taken.values()) == {"ring"}
    assert len(taken) == 3
    assert any("2 rows of next.csv without a label yet left out" in note for note in merged.notes)


def test_the_least_sure_are_chosen_first(shape_run, pool, tmp_path):
    result = tellapart.next(shape_run, pool, n=12, out=tmp_path / "all.csv")
    margins = {each["file"]: each["margin"] for each in result["images"]}
    assert len(margins) == 12
    assert result["images"][0]["margin"] == min(margins.values())
    few = tellapart.next(shape_run, pool, n=2, out=tmp_path / "few.csv")["images"]
    shortlist = sorted(margins.values())[:6]  # three for each that is chosen
    assert all(each["margin"] <= max(shortlist) for each in few)


def test_labels_are_never_written_over(shape_run, pool, tmp_path, refuses):
    table = tmp_path / "next.csv"
    tellapart.next(shape_run, pool, n=2, out=table)
    tellapart.next(shape_run, pool, n=2, out=table)  # nobody has labelled any yet
    text = table.read_text(encoding="utf-8").rstrip("\n") + "disc\n"
    table.write_text(text, encoding="utf-8")
    with refuses(ConfigError, f"{table}: holds 1 label already; train with it, and name another --out"):
        tellapart.next(shape_run, pool, n=2, out=table)
    assert table.read_text(encoding="utf-8") == text
    table.write_text("file,label\na.png,\n", encoding="utf-8")
    with refuses(ConfigError, f"{table}: there already and not of next; name another --out"):
        tellapart.next(shape_run, pool, n=2, out=table)


def test_what_cannot_be_chosen_from(shape_run, shapes, pool, tmp_path):
    with pytest.raises(CatalogError, match="the model has met each of its 60 images in its training"):
        tellapart.next(shape_run, shapes, out=tmp_path / "next.csv")
    with pytest.raises(ConfigError, match="n 0: give 1 or more"):
        tellapart.next(shape_run, pool, n=0)
    with pytest.raises(ConfigError, match=r"name a file that ends in \.csv"):
        tellapart.next(shape_run, pool, out=tmp_path / "next.parquet")
    with pytest.raises(CatalogError, match="there is no such file or folder"):
        tellapart.next(shape_run, tmp_path / "gone", out=tmp_path / "next.csv")
    tellapart.shards(pool / "labels.csv", out=tmp_path / "shards")
    with pytest.raises(ConfigError, match="images in Parquet have no files"):
        tellapart.next(shape_run, tmp_path / "shards", out=tmp_path / "next.csv")
    assert not (tmp_path / "next.csv").exists()


def test_a_reader_ranks_by_confidence(text_run, texts, tmp_path, renewed):
    result = tellapart.next(text_run, renewed(texts), n=4, out=tmp_path / "next.csv")
    rows = read(tmp_path / "next.csv")
    assert list(rows[0]) == ["file", "predicted", "confidence", "label"]
    assert len(rows) == result["n"] == 4
    everything = tellapart.next(text_run, tmp_path / "renewed", n=60, out=tmp_path / "all.csv")["images"]
    surest = np.sort([each["confidence"] for each in everything])[:12][-1]
    assert all(float(row["confidence"]) <= surest + 1e-6 for row in rows)
