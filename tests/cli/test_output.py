"""What is printed: one JSON object, or the same for people."""

from __future__ import annotations

import json

import pytest

import tellapart
from tellapart.cli.output import (
    catalog_summary,
    catalog_table,
    class_name,
    predictions_table,
    refuse,
    scores_table,
    show,
)


def test_json_is_one_line_with_its_letters(capsys):
    assert show(True, {"label": "猫", "n": 1}, pytest.fail) == 0  # the prose is not made
    out = capsys.readouterr().out
    assert out == '{"label": "猫", "n": 1}\n'
    assert show(False, {}, lambda: "a cat") == 0
    assert capsys.readouterr().out == "a cat\n"


def test_a_refusal_is_on_stderr(capsys):
    assert refuse("no: there is no such file") == 2
    assert capsys.readouterr() == ("", "tellapart: no: there is no such file\n")


def test_names_labels_and_texts_reach_no_terminal_raw(capsys):
    evil = "a\x1b[2J\nb\x9b.png"
    rows = [{"file": f"x/{evil}", "text": evil, "confidence": 0.5}, {"file": evil, "error": evil}]
    lines = predictions_table(rows).splitlines()
    assert len(lines) == 2
    assert "".join(lines).isprintable()
    show(False, {}, lambda: f"a\n{evil}")
    refuse(evil)
    out, err = capsys.readouterr()
    assert out == "a\na\\x1b[2J\nb\\x9b.png\n"
    assert err == "tellapart: a\\x1b[2J\nb\\x9b.png\n"
    show(True, {"file": evil}, pytest.fail)
    out = capsys.readouterr().out
    assert out.rstrip("\n").isprintable()
    assert json.loads(out) == {"file": evil}


def test_a_long_class_name_is_cut():
    assert class_name("n" * 40) == "n" * 40
    assert class_name("n" * 41) == "n" * 39 + "…"


def test_a_catalog_in_numbers(shapes, tmp_path):
    catalog = tellapart.split(shapes, seed=1)
    summary = catalog_summary(catalog)
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["n"], summary["labels"], summary["left_out"]) == (60, 3, 0)
    assert sum(summary["split"].values()) == 60
    lines = catalog_table(summary).splitlines()
    parts = summary["split"]
    assert f"split        train {parts['train']}, val {parts['val']}, test {parts['test']}" in lines
    assert lines[-1] == f"note: {summary['notes'][-1]}"


def test_the_five_weakest_classes():
    scores = {f"c{number}": {"f1": number / 10, "support": number} for number in range(8)}
    report = {
        "n": 8, "data": "photos", "split": "test", "accuracy": {"value": 0.5, "ci95": [0.25, 0.75], "n": 8},
        "per_class": scores, "seen": {}, "images_per_second": 12.5,
    }  # fmt: skip
    assert scores_table(report).splitlines() == [
        "8 images of photos (split: test)",
        "",
        "accuracy             0.5000   95 % interval 0.2500 to 0.7500",
        "",
        "weakest classes (f1, support)",
        *(f"  {name:<18} {scores[name]['f1']:.3f}  {scores[name]['support']}" for name in list(scores)[:5]),
        "",
        "images per second    12.5",
    ]
    perfect = {**report, "per_class": {"cat": {"f1": 1.0, "support": 8}}}
    assert "weakest" not in scores_table(perfect)


def test_what_is_scored_apart_stands_apart():
    figure = {"value": 0.5, "ci95": [0.25, 0.75], "n": 8}
    report = {
        "n": 8, "data": "photos", "split": "all", "accuracy": figure, "images": {"unseen": 8, "train": 1200},
        "seen": {"train": {"accuracy": figure | {"value": 0.99}}}, "images_per_second": 12.5,
    }  # fmt: skip
    assert scores_table(report).splitlines()[3:6] == [
        "",
        "scored apart: 1,200 images that taught the model",
        "accuracy             0.9900   95 % interval 0.2500 to 0.7500",
    ]


def test_predictions_as_a_table():
    rows = [
        {"file": "a/cat.png", "label": "cat", "confidence": 0.987, "group": "animal", "accepted": True},
        {"file": "b.png", "text": "4711", "confidence": 0.25, "accepted": False},
        {"file": "gone.png", "error": "there is no such file"},
    ]
    assert predictions_table(rows).splitlines() == [
        "cat.png   cat  (animal)  0.987",
        "b.png     4711  0.250  not sure",
        "gone.png  error: there is no such file",
    ]
