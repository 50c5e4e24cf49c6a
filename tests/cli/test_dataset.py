"""The verbs on data as it is: the result of the function of their name, as JSON and as prose."""

from __future__ import annotations

import json

import pyarrow.parquet as pq

import tellapart


def test_catalog(answered, said, shapes, tmp_path):
    out = tmp_path / "data.parquet"
    result = answered("catalog", shapes, "--out", out)
    fingerprint = tellapart.catalog(shapes, out=tmp_path / "again.parquet").fingerprint
    assert result == {
        "out": str(out), "n": 60, "task": "classify", "labels": 3, "left_out": 0, "split": None,
        "fingerprint": fingerprint, "notes": [],
    }  # fmt: skip
    status, prose, _ = said("catalog", shapes, "--out", out)
    assert status == 0
    assert prose.splitlines() == [
        "n            60",
        "task         classify",
        "labels       3",
        "left_out     0",
        f"fingerprint  {fingerprint}",
        f"catalog      {out}",
    ]


def test_split(answered, said, shapes, tmp_path):
    out = tmp_path / "split.parquet"
    result = answered("split", shapes, "--out", out, "--seed", 3, "--fractions", "[0.5, 0.25, 0.25]")
    assert result["split"] == {"train": 30, "val": 15, "test": 15}
    made = tellapart.split(shapes, seed=3, fractions=(0.5, 0.25, 0.25))
    assert result["fingerprint"] == made.fingerprint
    assert pq.read_table(out).column("split").to_pylist() == made.column("split")
    assert "split        train 30, val 15, test 15\n" in said("split", out, "--out", out)[1]


def test_summary(answered, said, shapes):
    result = answered("summary", shapes)
    assert result == json.loads(json.dumps(tellapart.summary(shapes)))
    status, prose, err = said("summary", shapes)
    assert status == 0
    assert set(err.splitlines()) == {"read as: 3 classes of 20 images in 2 groups, from folder names"}
    lines = prose.splitlines()
    assert lines[0] == f"60 images, 3 labels (classify), {result['bytes']:,} bytes"
    assert lines[1:4] == [f"  {count:>6}  {name}" for name, count in result["classes"].items()]
    assert lines[4] == "first"


def test_many_classes_are_cut_short(said, fill, tmp_path):
    fill(tmp_path, [f"class{number:02d}/{index}.png" for number in range(42) for index in range(2)])
    lines = said("summary", tmp_path, "--task", "classify")[1].splitlines()
    assert len([line for line in lines if line.startswith("       2  class")]) == 40
    assert "and 2 more classes" in lines


def test_balance(answered, said, shapes, tmp_path):
    words = ("balance", shapes, "--method", "target", "--count", 9, "--seed", 1)
    result = answered(*words, "--out", tmp_path / "a.parquet")
    expected = tellapart.balance(shapes, method="target", count=9, seed=1, out=tmp_path / "b.parquet")
    assert result["classes"] == expected["classes"]
    assert {value["epoch"] for value in result["classes"].values()} == {9}
    lines = said(*words, "--out", tmp_path / "a.parquet")[1].splitlines()
    assert lines[0] == "class  train  epoch  weight"
    train = result["classes"]["bar"]["train"]
    assert lines[1] == f"bar    {train:>5}      9  {result['classes']['bar']['weight']:.3f}"


def test_tidy_and_back(answered, said, shapes, tmp_path):
    result = answered("tidy", shapes, "--out", tmp_path / "tidied", "--copy")
    assert (result["images"], result["linked"], result["copied"]) == (60, 0, 60)
    prose = said("tidy", tmp_path / "tidied", "--restore", "--out", tmp_path / "back")[1]
    assert prose.startswith(f"60 images in {tmp_path / 'back'} (")
    names = sorted(path.relative_to(shapes) for path in shapes.rglob("*.png"))
    assert sorted(path.relative_to(tmp_path / "back") for path in (tmp_path / "back").rglob("*.png")) == names
