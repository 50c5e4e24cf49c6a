"""What is printed: one JSON object, or the same for people."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sklearn.metrics import classification_report as sklearn_report

import tellapart
from tellapart.cli.output import (
    catalog_summary,
    catalog_table,
    class_name,
    predictions_table,
    refuse,
    scores_csv,
    scores_table,
    show,
)
from tellapart.metrics.classification import classification_scores


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


SCORES = classification_scores([0, 0, 1, 1], [0, 1, 1, 1], ["cat", "=dog", "eel"])
CLASSES = {
    "n": 4, "data": "photos", "split": "test", "accuracy": {"value": 0.75, "ci95": [0.25, 0.75], "n": 4},
    "per_class": SCORES["per_class"], "confusion": SCORES["confusion"], "seen": {}, "images_per_second": 12.5,
}  # fmt: skip


def test_scikit_learns_report_of_the_classes():
    lines = scores_table(CLASSES).splitlines()
    start = lines.index("classes") + 1
    text = "\n".join(lines[start : lines.index("without images or answers here: eel") - 1])
    expected = sklearn_report(
        [0, 0, 1, 1], [0, 1, 1, 1], labels=[0, 1, 2], target_names=["cat", "=dog", "eel"], digits=4, zero_division=0
    )
    told = [line.split() for line in text.splitlines() if line]
    wanted = [line.split() for line in expected.splitlines() if line]
    assert told[:3] == wanted[:3]  # the head, and the classes that occur
    assert "eel" not in text
    assert lines[-1] == "images per second    12.5"


def test_the_threshold_and_its_positive_class():
    chosen = {**CLASSES, "threshold": {"positive": "cat", "at": 0.25, "aim": "recall:0.9"}}
    assert "threshold            0.2500   positive class: cat (aim: recall:0.9)" in scores_table(chosen).splitlines()
    even = {**CLASSES, "threshold": {"positive": "cat", "at": 0.5, "aim": None}}
    assert "positive class: cat (none was chosen: the likelier class is the answer)" in scores_table(even)


def test_the_report_of_classes_as_csv():
    rows = list(csv.DictReader(io.StringIO(scores_csv(CLASSES, safe=True))))
    assert [row["class"] for row in rows] == ["cat", "'=dog", "micro avg", "macro avg", "weighted avg"]
    assert {row["level"] for row in rows} == {"class"}
    assert rows[0] == {
        "level": "class", "class": "cat", "precision": "1.000000", "recall": "0.500000", "f1": "0.666667",
        "support": "2",
    }  # fmt: skip
    grouped = {**CLASSES, "fine_per_class": SCORES["per_class"], "fine_confusion": SCORES["confusion"]}
    levels = [row["level"] for row in csv.DictReader(io.StringIO(scores_csv(grouped)))]
    assert levels == ["group"] * 5 + ["class"] * 5


def test_a_readers_figures_as_csv():
    report = {"n": 8, "cer": {"value": 0.25, "ci95": [0.1, 0.5], "n": 8}, "ece": 0.1}
    assert scores_csv(report) == "figure,value,ci95_low,ci95_high,n\ncer,0.250000,0.100000,0.500000,8\n"


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
    repeated = predictions_table(
        [{**row, "file": file} for row, file in zip(rows, ("a/1.png", "b/1.png", "2.png"), strict=True)]
    )
    assert [line.split()[0] for line in repeated.splitlines()] == ["a/1.png", "b/1.png", "2.png"]
    assert predictions_table(rows).splitlines() == [
        "cat.png   cat  (animal)  0.987",
        "b.png     4711           0.250  not sure",
        "gone.png  error: there is no such file",
    ]
