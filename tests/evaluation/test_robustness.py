"""Robustness: shares of right answers on worse pictures, of a sample, beside those as they are."""

from __future__ import annotations

import numpy as np
import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.evaluation import robustness
from tellapart.evaluation.corruptions import KINDS, corrupt
from tellapart.evaluation.robustness import measure_robustness, sample_pictures, sample_rows
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess


@pytest.fixture(scope="module")
def measured(shape_run, shapes):
    catalog = open_catalog(shapes, task="classify")
    return measure_robustness(Predictor(shape_run), catalog, catalog.rows(), 20), catalog


def test_figures_are_those_of_the_answers(measured, shape_run):
    result, catalog = measured
    rows = sample_rows(catalog.rows(), 20)
    predictor, labels = Predictor(shape_run), catalog.column("label")
    pictures = dict(sample_pictures(catalog, rows, predictor.bundle.preprocess))
    assert result["n"] == len(rows) == 20

    def share(change):
        answers = predictor.predict([change(pictures[row], row) for row in rows])
        return np.mean([answer.answer == labels[row] for answer, row in zip(answers, rows, strict=True)])

    assert result["clean"]["value"] == share(lambda pixels, _: pixels)
    assert set(result["kinds"]) == set(KINDS)
    for kind in ("noise", "contrast"):
        scores = result["kinds"][kind]
        assert scores["severities"][4]["value"] == share(lambda pixels, row, kind=kind: corrupt(pixels, kind, 5, row))
        assert scores["mean"]["value"] == pytest.approx(np.mean([each["value"] for each in scores["severities"]]))
        assert scores["relative"]["value"] == pytest.approx(scores["mean"]["value"] / result["clean"]["value"])
    means = [scores["mean"]["value"] for scores in result["kinds"].values()]
    assert result["mean"]["value"] == pytest.approx(np.mean(means))
    assert result["relative"]["value"] == pytest.approx(np.mean(means) / result["clean"]["value"])
    for figure in (result["clean"], result["mean"], result["relative"]):
        low, high = figure["ci95"]
        assert low < figure["value"] < high
        assert figure["n"] == 20


def test_the_sample_is_even_and_always_the_same():
    rows = list(range(100, 1100))
    chosen = sample_rows(rows, 200)
    assert chosen == sample_rows(rows, 200) == sorted(set(chosen))
    assert len(chosen) == 200
    assert set(chosen) <= set(rows)
    assert 550 < np.mean(chosen) < 650
    assert sample_rows(rows, 5000) == rows


def test_pictures_are_shrunk_to_what_the_model_sees_and_never_enlarged(tmp_path, fill):
    catalog = open_catalog(fill(tmp_path / "large", ["a_1.png"], 640, 480), task="classify")
    spec = Preprocess(height=64, width=64, channels=3)
    assert next(sample_pictures(catalog, [0], spec))[1].shape == (48, 64, 3)
    assert next(sample_pictures(catalog, [0], Preprocess(height=960, width=960, channels=3)))[1].shape == (480, 640, 3)


def test_evaluate_takes_it_in(shape_run, shapes, renewed, tmp_path, monkeypatch, refuses):
    monkeypatch.setattr(robustness, "KINDS", {"jpeg": KINDS["jpeg"]})
    data = renewed(shapes)
    plain = tellapart.evaluate(shape_run, data)
    assert "corruptions" not in plain
    result = tellapart.evaluate(shape_run, data, corruptions=True, corruption_sample=5, out=tmp_path / "f.json")
    assert result["corruptions"]["n"] == 5
    assert set(result["corruptions"]["kinds"]) == {"jpeg"}
    assert result["accuracy"] == plain["accuracy"]
    assert '"corruptions"' in (tmp_path / "f.json").read_text(encoding="utf-8")
    with refuses(ConfigError, "corruption_sample 0: give 1 or more images"):
        tellapart.evaluate(shape_run, data, corruptions=True, corruption_sample=0)


def test_a_reader(text_run, texts):
    catalog = open_catalog(texts, task="read")
    result = measure_robustness(Predictor(text_run), catalog, catalog.rows(), 6)
    assert result["n"] == 6
    assert 0 <= result["relative"]["value"] <= 1
