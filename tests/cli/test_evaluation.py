"""The verbs on a model and data."""

from __future__ import annotations

import json

import pytest

import tellapart
from tellapart.cli.evaluation import _drift_table


def test_evaluate(answered, said, shapes, shape_run, tmp_path):
    report = answered("evaluate", shape_run, shapes, "--split", "train", "--out", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == report
    assert report["n"] == 42
    _, prose, err = said("evaluate", shape_run, shapes, "--split", "train")
    lines = prose.splitlines()
    assert lines[0] == f"42 images of {shapes} (split: train)"
    assert err.startswith("warning: 42 images, none of them new to the model (42 taught the model)")
    figure = report["fine_macro_f1"]
    low, high = figure["ci95"]
    assert f"fine macro f1        {figure['value']:.4f}   95 % interval {low:.4f} to {high:.4f}" in lines
    for title, prefix in (("groups", ""), ("classes", "fine_")):
        start = lines.index(title) + 3
        for place, (name, scores) in enumerate(report[f"{prefix}per_class"].items()):
            values = [f"{scores[key]:.4f}" for key in ("precision", "recall", "f1")]
            assert lines[start + place].split() == [name, *values, str(scores["support"])]
        means = report[f"{prefix}averages"]
        macro = " ".join(f"{means['macro'][key]:.4f}" for key in ("precision", "recall", "f1"))
        assert any(line.split() == ["macro", "avg", *macro.split(), "42"] for line in lines)


def test_evaluate_as_csv(said, shapes, shape_run):
    code, text, _ = said("evaluate", shape_run, shapes, "--split", "train", "--csv")
    assert code == 0
    rows = [line.split(",") for line in text.splitlines()]
    assert rows[0] == ["level", "class", "precision", "recall", "f1", "support"]
    assert [row[1] for row in rows[1:3]] == ["round", "straight"]
    assert {row[0] for row in rows[1:]} == {"group", "class"}


def test_map(answered, said, shape_run, tmp_path):
    words = ("map", shape_run, shape_run / "data.parquet", "--split", "test", "--out", tmp_path / "map.html")
    files = [str(tmp_path / f"map.{kind}") for kind in ("html", "png", "parquet")]
    assert answered(*words) == {"page": files[0], "picture": files[1], "map": files[2], "n": 9}
    assert said(*words) == (
        0,
        f"9 images\npage      {files[0]}\npicture   {files[1]}\nmap       {files[2]}\n",
        "placing 9 images\n",
    )


def test_explain(answered, said, shape_bundle, shapes):
    words = ("explain", shape_bundle, min(shapes.rglob("*.png")), "--masks", 100)
    result = answered(*words)
    assert result == tellapart.explain(shape_bundle, words[2], masks=100)
    lines = said(*words)[1].splitlines()
    assert lines[0] == f"{result['answer']}  {result['confidence']:.3f}"
    assert lines[1].endswith(": convincing" if result["convincing"] else "do not believe the picture")


def test_a_bundle_without_a_reference_is_unusable_input(said, shape_bundle, shapes):
    status, out, err = said("drift", shape_bundle, shapes)
    assert (status, out) == (2, "")
    assert err.startswith(f"tellapart: {shape_bundle}: it keeps no reference")


@pytest.mark.parametrize("found", [True, False])
def test_drift_as_prose(found):
    checks = [
        {"check": "brightness", "distance": 0.5, "p": 0.001, "adjusted": 0.004, "found": found},
        {"check": "answers", "distance": 0.1, "p": 0.5, "adjusted": 1.0, "found": False},
    ]
    lines = _drift_table({"n": 1200, "n_reference": 40, "checks": checks, "drift": found}).splitlines()
    assert lines == [
        "1,200 images beside 40 of the reference",
        "",
        "brightness   distance 0.500   p 0.0040" + "  changed" * found,
        "answers      distance 0.100   p 1.0000",
        "",
        "changed" if found else "no change that could be told from chance",
    ]


def test_corruptions(answered, said, shapes, shape_run, renewed):
    data = renewed(shapes)
    words = ("evaluate", shape_run, data, "--corruptions", "--corruption-sample", 8)
    scores = answered(*words)["corruptions"]
    lines = said(*words)[1].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("corruptions: "))
    assert lines[start].startswith(f"corruptions: 8 images of these, right as they are {scores['clean']['value']:.4f} ")
    assert lines[start + 1].split()[:7] == ["severity", "1", "2", "3", "4", "5", "mean"]
    for line, (kind, one) in zip(lines[start + 2 :], scores["kinds"].items(), strict=False):
        shares = [f"{each['value']:.3f}" for each in one["severities"]]
        low, high = one["relative"]["ci95"]
        assert line.split() == [
            kind, *shares, f"{one['mean']['value']:.3f}", f"{one['relative']['value']:.3f}", f"{low:.3f}", "to",
            f"{high:.3f}",
        ]  # fmt: skip
    assert lines[start + 9].split()[:2] == ["all", f"{scores['mean']['value']:.3f}"]
    status, _, err = said("evaluate", shape_run, data, "--corruptions", "--corruption-sample", 0)
    assert (status, err) == (2, "tellapart: corruption_sample 0: give 1 or more images\n")
