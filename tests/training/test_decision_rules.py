"""What a bundle does with its network's answers: decided on the validation part, kept, applied, reported."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.inference.bundle import Bundle
from tellapart.inference.manifest import Calibration
from tellapart.inference.predict import to_csv
from tellapart.inference.predictor import Predictor
from tellapart.metrics import calibration as calibrate
from tellapart.metrics.intervals import wilson
from tellapart.training._lightning import pl
from tellapart.training.build_model import build_preprocess, load_model
from tellapart.training.config import TrainConfig
from tellapart.training.decision_rules import calibrate_classes, calibrate_tags, tag_targets
from tellapart.training.run_folder import Run
from tellapart.training.tasks.registry import get_task

OPTIONS = {
    "task": "classify", "backbone": "small", "stages": [{"train": "all", "epochs": 2, "lr": 3e-3}], "batch_size": 16,
    "device": "cpu", "precision": "float32", "threshold": "recall:0.8", "positive_class": "ring", "abstain": 0.9,
}  # fmt: skip


@pytest.fixture(scope="module")
def deciding(tmp_path_factory, draw_shapes):
    """A run over discs and rings, some labels wrong, with a threshold and doubts."""
    root = tmp_path_factory.mktemp("deciding")
    draw_shapes(root / "data", each=30, classes=["disc", "ring"], wrong=5, grouped=False)
    result = tellapart.train(root / "data", out=root / "run", **OPTIONS)
    return SimpleNamespace(data=root / "data", run=Run.open(root / "run"), result=result, bundle=root / "run/bundle")


def chances(deciding, part):
    """Rows of a part, their labels and the calibrated probabilities of the trained network, in numpy."""
    run = deciding.run
    catalog, spec, model = run.catalog(), build_preprocess(run), load_model(run)
    rows = catalog.rows(part)
    pixels = dict(catalog.read(rows))
    x = np.stack([spec.load(pixels[row]) for row in rows]).transpose(0, 3, 1, 2) / 255
    x = (x - np.reshape(spec.mean, (1, -1, 1, 1))) / np.reshape(spec.std, (1, -1, 1, 1))
    with torch.inference_mode():
        logits = model(torch.from_numpy(x.astype(np.float32))).double().numpy()
    return rows, [catalog.column("label")[row] for row in rows], logits


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def ece(confidence, right, bins=15):
    """By the definition, a bin at a time."""
    total = 0.0
    for low in range(bins):
        inside = (confidence > low / bins) & (confidence <= (low + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return total


def test_the_bundle_holds_what_the_validation_part_decided(deciding):
    kept = deciding.run.calibration()
    assert Bundle.open(deciding.bundle).calibration.to_json() == kept
    rows, labels, logits = chances(deciding, "val")
    target = np.array([["disc", "ring"].index(label) for label in labels])
    assert kept["temperature"] == pytest.approx(calibrate.temperature(logits, target), rel=1e-3)
    assert kept["n"] == len(rows)
    before, after = softmax(logits), softmax(logits / kept["temperature"])
    assert {key: kept["threshold"][key] for key in ("positive", "aim")} == {"positive": "ring", "aim": "recall:0.8"}
    at = kept["threshold"]["at"]
    assert at == pytest.approx(calibrate.threshold(after[:, 1], target == 1, "recall:0.8"), abs=1e-4)
    assert (after[target == 1, 1] >= at).mean() >= 0.8
    answers = (after[:, 1] >= at).astype(int)
    own = after[np.arange(len(after)), answers]
    for name, chance in (("before", before[np.arange(len(after)), answers]), ("after", own)):
        assert kept["ece"][name] == pytest.approx(ece(chance, answers == target), abs=1e-4)
    assert kept["abstain"]["aim"] == 0.9
    assert kept["abstain"]["below"] == pytest.approx(calibrate.abstain_level(own, answers == target, 0.9), abs=1e-4)


def decided(deciding, **calibration):
    """The bundle's predictor, told other decisions."""
    bundle = Bundle.open(deciding.bundle)
    changed = Calibration.from_json(bundle.calibration.to_json() | calibration)
    return Predictor(Bundle(bundle.path, replace(bundle.manifest, calibration=changed)))


@pytest.mark.parametrize("at", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01])
def test_the_threshold_decides(deciding, at):
    files = sorted(deciding.data.rglob("*.png"))[::4]
    predictor = decided(deciding, threshold={"positive": "ring", "at": at, "aim": "f1"})
    for row in predictor.predict(files):
        assert row.answer == ("ring" if row.probabilities["ring"] >= at else "disc")
        assert row.confidence == row.probabilities[row.answer]
        assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_the_first_class_can_be_positive_too(deciding):
    files = sorted(deciding.data.rglob("*.png"))[::4]
    for at, answer in ((0.0, "disc"), (1.01, "ring")):
        predictor = decided(deciding, threshold={"positive": "disc", "at": at, "aim": "f1"})
        assert {row.answer for row in predictor.predict(files)} == {answer}


def test_who_is_below_the_level_is_not_sure_in_json_and_csv(deciding):
    files = sorted(deciding.data.rglob("*.png"))[::3]
    plain = decided(deciding, abstain={"below": 0.0, "aim": 0.9}).predict(files)
    level = float(np.median([row.confidence for row in plain]))
    rows = decided(deciding, abstain={"below": level, "aim": 0.9}).predict([*files, Path("missing.png")])
    assert {row.accepted for row in rows[:-1]} == {True, False}
    for row in rows[:-1]:
        assert row.accepted is (row.confidence >= level)
        assert row.to_json()["accepted"] is row.accepted
    assert rows[-1].accepted is None
    assert "accepted" not in rows[-1].to_json()
    table = list(csv.DictReader(to_csv(rows).splitlines()))
    assert list(table[0]) == ["file", "label", "confidence", "error", "accepted"]
    assert [line["accepted"] for line in table] == [*(str(row.accepted).lower() for row in rows[:-1]), ""]


def test_a_bundle_that_never_abstains_says_nothing_of_it(shape_bundle, shapes):
    rows = Predictor(shape_bundle).predict(sorted(shapes.rglob("*.png"))[:2])
    assert Bundle.open(shape_bundle).calibration.threshold is None
    assert [("accepted" in row.to_json(), row.accepted) for row in rows] == [(False, None)] * 2
    assert to_csv(rows).splitlines()[0] == "file,label,confidence,error,group,group_confidence"


def test_what_evaluate_reports_is_what_can_be_counted(deciding):
    _, labels, logits = chances(deciding, "test")
    kept = deciding.run.calibration()
    target = np.array([["disc", "ring"].index(label) for label in labels])
    after, before = softmax(logits / kept["temperature"]), softmax(logits)
    figures = deciding.result["test"]
    answers = (after[:, 1] >= kept["threshold"]["at"]).astype(int)
    for name, chance in (("ece", after), ("ece_uncalibrated", before)):
        own = chance[np.arange(len(answers)), answers]
        assert figures[name] == pytest.approx(ece(own, answers == target), abs=1e-3)
    assert figures["accuracy"]["value"] == pytest.approx((answers == target).mean())
    sure = after[np.arange(len(after)), answers] >= kept["abstain"]["below"]
    n, answered = len(target), int(sure.sum())
    assert figures["answered"] == {"value": answered / n, "ci95": list(wilson(answered, n)), "n": n}
    if answered:
        right = int((answers == target)[sure].sum())
        wanted = {"value": right / answered, "ci95": list(wilson(right, answered)), "n": answered}
        assert figures["answered_accuracy"] == wanted
    else:
        assert "answered_accuracy" not in figures


@pytest.mark.parametrize("at", [0.05, 0.5, 0.95])
def test_an_evaluation_has_one_calibration_error(deciding, renewed, tmp_path, at):
    """In the result, on the page, and by the answers that `predict` gives, wherever the threshold lies."""
    data = renewed(deciding.data)
    bundle = decided(deciding, threshold={"positive": "ring", "at": at, "aim": "f1"}).bundle
    figures = tellapart.evaluate(bundle, data, report=tmp_path / "report.html")
    rows = Predictor(bundle).predict(sorted(data.rglob("*.png")))
    confidence = np.array([row.confidence for row in rows])
    assert figures["ece"] == pytest.approx(
        ece(confidence, np.array([Path(r.file).parent.name == r.answer for r in rows]))
    )
    assert f"(ECE) is {figures['ece']:.3f};" in (tmp_path / "report.html").read_text("utf-8")


def test_the_calibration_of_a_training_is_what_evaluate_says_of_its_validation_part(deciding):
    figures = tellapart.evaluate(deciding.bundle, deciding.run.catalog(), split="val")
    after = deciding.run.calibration()["ece"]
    assert (figures["ece_uncalibrated"], figures["ece"]) == pytest.approx((after["before"], after["after"]), abs=1e-3)


def test_half_of_the_answers_sure_are_counted_as_such(deciding, renewed):
    predictor, data = decided(deciding), renewed(deciding.data)
    files = {row.file: row for row in predictor.predict(sorted(data.rglob("*.png")))}
    level = float(np.median([row.confidence for row in files.values()]))
    bundle = decided(deciding, abstain={"below": level, "aim": 0.9}).bundle
    figures = tellapart.evaluate(bundle, data)
    sure = [Path(row.file).parent.name == row.answer for row in files.values() if row.confidence >= level]
    assert figures["answered"]["value"] == pytest.approx(len(sure) / len(files))
    assert 0 < len(sure) < len(files)
    assert figures["answered_accuracy"]["value"] == pytest.approx(np.mean(sure))
    assert figures["answered_accuracy"]["n"] == len(sure)


def test_a_bundle_sure_of_nothing_has_no_accuracy_where_it_answers(deciding):
    bundle = decided(deciding, abstain={"below": calibrate.NEVER, "aim": 0.9}).bundle
    figures = tellapart.evaluate(bundle, deciding.data, split="all")
    assert figures["answered"]["value"] == 0
    assert "answered_accuracy" not in figures
    assert {row.accepted for row in Predictor(bundle).predict(sorted(deciding.data.rglob("*.png"))[:5])} == {False}


def test_without_a_word_the_rarer_class_is_positive(draw_shapes, tmp_path):
    data = draw_shapes(tmp_path / "data", each=12, classes=["bar", "disc"], grouped=False)
    for index in range(7, 12):
        (data / "bar" / f"{index:02d}.png").unlink()
    catalog = tellapart.split(open_catalog(data))
    rows = catalog.rows("val") + catalog.rows("test")
    logits = np.random.default_rng(0).normal(0, 1, (len(rows), 2)).astype(np.float32)
    assert get_task("classify").plan(TrainConfig(), catalog).positive_class == "bar"
    for said, positive in ((None, "bar"), ("disc", "disc")):
        made = calibrate_classes(TrainConfig(threshold="f1", positive_class=said), catalog, rows, logits)
        assert made["threshold"]["positive"] == positive


def test_figures_without_a_threshold_are_of_the_same_positive_class(deciding):
    bundle = decided(deciding).bundle
    calibration = replace(bundle.manifest.calibration, threshold=None)
    for positive in ("disc", "ring"):
        training = {**bundle.manifest.training, "positive_class": positive}
        manifest = replace(bundle.manifest, training=training, calibration=calibration)
        figures = tellapart.evaluate(replace(bundle, manifest=manifest), deciding.data, split="all")
        assert figures["threshold"] == {"positive": positive, "at": 0.5, "aim": None}


# --- refused -----------------------------------------------------------------------------------------


@pytest.fixture
def untrained(monkeypatch):
    monkeypatch.setattr(pl.Trainer, "fit", None)


@pytest.mark.usefixtures("untrained")
class TestRefusals:
    def test_a_threshold_among_three_classes(self, shapes, tmp_path, refuses):
        text = "threshold: a threshold parts two classes, and there are 3; leave it out"
        with refuses(ConfigError, text):
            tellapart.train(shapes, out=tmp_path / "run", threshold="f1")
        assert not (tmp_path / "run").exists()

    def test_a_positive_class_nobody_knows(self, deciding, tmp_path, refuses):
        with refuses(ConfigError, "positive_class 'rings': no such class (did you mean 'ring'?)"):
            tellapart.train(deciding.data, out=tmp_path / "run", threshold="f1", positive_class="rings")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("option", [{"threshold": "f1"}, {"positive_class": "7"}])
    def test_a_threshold_for_reading(self, texts, tmp_path, refuses, option):
        with refuses(ConfigError, "threshold and positive_class: for classify only"):
            tellapart.train(texts, out=tmp_path / "run", task="read", **option)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(("option", "text"), [
        ({"threshold": "best"},
         "threshold 'best': give f1, precision:P or recall:R with a share such as precision:0.95"),
        ({"abstain": 0.0}, "abstain 0.0: give a share above 0 and up to 1, such as 0.99"),
        ({"abstain": 1.5}, "abstain 1.5: give a share above 0 and up to 1, such as 0.99"),
    ])  # fmt: skip
    def test_words_that_are_none(self, tmp_path, refuses, option, text):
        with refuses(ConfigError, text):
            tellapart.train(tmp_path, out=tmp_path / "run", **option)


def test_the_cli_prints_it(deciding, capsys):
    from tellapart.cli import main

    image = sorted(deciding.data.rglob("*.png"))[0]
    assert main(["predict", str(deciding.run.path), str(image), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["predictions"]
    assert row["accepted"] in (True, False)
    assert Path(row["file"]).name == image.name


# --- several labels an image -----------------------------------------------------------------------


@pytest.fixture
def tag_catalog(tmp_path, fill):
    """Eight pictures, the tags a, b, c; the validation part, the last four, has no c."""
    fill(tmp_path, [f"{n}.png" for n in range(8)])
    tags = ["a", "b|c", "a|b", "|", "a", "b", "a|b", "|"]
    rows = [f"{n}.png,{each},{'train' if n < 4 else 'val'}" for n, each in enumerate(tags)]
    (tmp_path / "t.csv").write_text("\n".join(["file,label,split", *rows]))
    return open_catalog(tmp_path / "t.csv", task="tag")


LOGITS = np.array([[2.0, -1.0, -3.0], [-2.0, 1.0, -3.0], [1.0, 3.0, -3.0], [-1.0, -2.0, -3.0]], np.float32)


def test_targets_of_tags(tag_catalog):
    assert tag_targets(tag_catalog).tolist()[:4] == [[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]]


def test_each_tag_has_a_threshold_that_parts_the_validation_images(tag_catalog):
    result = calibrate_tags(TrainConfig(abstain=0.9), tag_catalog, [4, 5, 6, 7], LOGITS)
    chance = 1 / (1 + np.exp(-LOGITS / result["temperature"]))
    at = result["thresholds"]["at"]
    for place, tag in enumerate("ab"):
        truth = tag_targets(tag_catalog)[4:, place].astype(bool)
        assert ((chance[:, place] >= at[tag]) == truth).all()
    assert at["c"] == 0.5  # no validation image has it
    assert result["thresholds"]["aim"] == "f1"
    assert result["abstain"]["aim"] == 0.9
    assert 0 <= result["abstain"]["below"] <= 1


def test_the_temperature_of_tags_is_that_of_the_greatest_likelihood(tag_catalog):
    result = calibrate_tags(TrainConfig(), tag_catalog, [4, 5, 6, 7], LOGITS)
    again = calibrate_tags(TrainConfig(), tag_catalog, [4, 5, 6, 7], LOGITS * 5)
    assert again["temperature"] == pytest.approx(5 * result["temperature"], rel=1e-3)
    assert again["thresholds"]["at"] == pytest.approx(result["thresholds"]["at"], abs=1e-3)
    assert "abstain" not in result
