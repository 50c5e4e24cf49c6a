"""An attacker: no judged image teaches, and without labels it has what anybody can see."""

from __future__ import annotations

import importlib

import pytest

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.strength.attack import attack, attack_untrained, attack_with_labels, ladder
from tellapart.training.run_folder import Run

attack_module = importlib.import_module("tellapart.pipelines.strength.attack")
HASTY = {"stages": [{"train": "all", "epochs": 1, "lr": 5e-3}], "height": 24, "batch_size": 8, "augment": "none",
         "device": "cpu", "precision": "float32"}  # fmt: skip


@pytest.fixture(scope="module")
def judged(texts):
    return split(open_catalog(texts, task="read"), seed=0)


def test_the_ladder_ends_with_what_there_is(judged):
    most = len(judged.rows()) - len(judged.rows("test"))
    assert ladder([10, 20], judged) == ([10, 20], [])
    few, many = "left out: 3 labels: a reader learns from 8 or more", f"left out: 1,000 labels: {most} images may teach"
    assert ladder([0, 3, 20, 1000], judged) == ([20, most], [few, f"{many}, the others judge"])
    assert ladder([3], judged) == ([], [few])  # too few to train and to choose on


def test_an_attacker_learns_from_its_labels_alone(judged, tmp_path):
    step = attack(judged, 20, tmp_path / "run", seed=1, **HASTY)
    catalog = Run.open(tmp_path / "run").catalog()
    assert (len(catalog.rows("train")), len(catalog.rows("val"))) == (17, 3)
    assert [catalog.column("file")[row] for row in catalog.rows("test")] == [
        judged.column("file")[row] for row in judged.rows("test")
    ]
    assert step["labels"] == 20
    assert step["seconds"] > 0
    assert step["n"] == len(judged.rows("test"))
    known = {catalog.column("file")[row] for row in [*catalog.rows("train"), *catalog.rows("val")]}
    fewer = attack_with_labels(judged, 10, seed=1)  # of the same, so that more labels are more
    assert {fewer.column("file")[row] for row in [*fewer.rows("train"), *fewer.rows("val")]} < known


def test_no_more_labels_choose_than_it_takes(judged, monkeypatch):
    monkeypatch.setattr(attack_module, "MOST_VAL", 2)
    catalog = attack_with_labels(judged, 20, seed=1)  # 15 % would be three
    assert (len(catalog.rows("train")), len(catalog.rows("val"))) == (18, 2)


def test_without_labels_the_shipped_reader_reads(tmp_path):
    tellapart.generate("digits", 40, tmp_path / "data")
    catalog = split(open_catalog(tmp_path / "data", task="read"), seed=0)
    step = attack_untrained(catalog)
    assert step["labels"] == 0
    assert step["n"] == len(catalog.rows("test"))
    assert step["cer"]["value"] < 0.5


def test_without_labels_an_unknown_script_is_left_out(tmp_path, draw_texts, capsys):
    data = draw_texts(tmp_path / "data", n=12)
    table = data / "labels.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("".join(f"{file},{text.replace('7', 'я')}\n" for file, text in rows), encoding="utf-8")
    assert attack_untrained(split(open_catalog(data, task="read"), seed=0)) is None
    assert "left out, as the shipped reader does not know я" in capsys.readouterr().err
