"""Several labels an image: losses and figures against references, what is refused, and a training from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.models.classifier import Classifier
from tellapart.training.tasks.tagging import OF_ONE_LABEL, TaggingModule, TaggingTask

SPEC = Preprocess(height=24, width=24, channels=3, mean=(0.5,), std=(0.5,))
TARGETS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]], dtype=torch.float32)


def module(**options):
    config = TrainConfig(**{"augment": "none", **options})
    torch.manual_seed(0)
    labels = ["a", "b", "c"]
    return TaggingModule(Classifier(3, "small"), SPEC, config, Stage("all"), 0, targets=TARGETS, labels=labels)


def test_the_loss_is_the_mean_over_images_and_tags():
    rows = torch.tensor([3, 0])
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    chance, truth = 1 / (1 + np.exp(-logits.double().numpy())), TARGETS[rows].numpy()
    by_hand = -(truth * np.log(chance) + (1 - truth) * np.log(1 - chance)).mean()
    assert float(module().loss(logits, rows, training=True)) == pytest.approx(by_hand, rel=1e-5)


def test_the_loss_of_a_blend_is_that_of_both_in_their_shares():
    """All pictures are alike here, so that whoever is blended with whom, the shares cancel out."""
    task = module(mixup=1.0)
    task.model.eval()
    task.dice = torch.Generator().manual_seed(0)
    rows, x = torch.tensor([0, 3]), torch.zeros(2, 3, 24, 24)
    with torch.no_grad():
        whole = float(task.loss(task.logits(x), rows, training=True))
        assert float(task.training_loss(x, rows)) == pytest.approx(whole, rel=1e-5)


def test_the_score_is_the_mean_average_precision():
    rows = torch.arange(5)
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
    figures = module().validation_figures([(logits[:2], rows[:2], 0.5), (logits[2:], rows[2:], 1.0)])
    assert figures["mean_average_precision"] == pytest.approx(average_precision_score(TARGETS, logits))
    assert figures["accuracy"] == pytest.approx(float(((logits > 0) == TARGETS.bool()).all(dim=1).float().mean()))
    assert figures["loss"] == pytest.approx(0.8)
    assert figures["score"] == pytest.approx(figures["mean_average_precision"] - 0.008)


def test_a_validation_part_without_any_tag_has_a_score():
    rows = torch.tensor([2])
    assert module().validation_figures([(torch.zeros(1, 3), rows, 0.7)])["mean_average_precision"] == 0.0


@pytest.mark.parametrize(
    "options",
    [
        {"class_weights": "balanced"},
        {"label_smoothing": 0.2},
        {"positive_class": "a"},
        {"flip_tta": True},
        {"ensemble": 2},
        {"cv_folds": 3},
        {"coarse_labels": "groups.yaml"},
    ],
)
def test_options_of_one_label_an_image_are_refused(options, refuses):
    (name,) = options
    assert name in OF_ONE_LABEL
    with refuses(ConfigError, f"{name}: not for tag, where an image has several labels; leave it out"):
        TaggingTask().check_options(TrainConfig(**options))


def test_what_a_reader_alone_knows_is_refused_too():
    with pytest.raises(ConfigError, match="init_from: only a reader"):
        TaggingTask().check_options(TrainConfig(init_from="base"))


def test_a_training_from_end_to_end(tag_result, tag_run):
    test = tag_result["test"]
    assert test["mean_average_precision"]["value"] > 0.7  # by chance it would be about 0.4
    assert test["macro_f1"]["ci95"][0] <= test["macro_f1"]["value"] <= test["macro_f1"]["ci95"][1]
    assert set(test["per_label"]) == set(test["thresholds"]["at"]) == {"red", "green", "blue"}
    assert test["thresholds"]["aim"] == "f1"
    lines = [json.loads(line) for line in (tag_run / "history.jsonl").read_text().splitlines()]
    assert {"val_mean_average_precision", "val_accuracy", "train_accuracy"} <= lines[0].keys()


def test_each_threshold_is_chosen_for_the_aim(tagged, tag_options, tmp_path):
    options = {**tag_options, "stages": [{"train": "all", "epochs": 3, "lr": 1e-2}]}
    result = tellapart.train(tagged, out=tmp_path / "run", threshold="recall:1", **options)
    val = tellapart.evaluate(result["bundle"], Path(result["run"]) / "data.parquet", split="val")
    assert val["thresholds"]["aim"] == "recall:1"
    assert [scores["recall"] for scores in val["per_label"].values() if scores["support"]] == [1.0] * 3


@pytest.fixture(scope="module")
def solved(tagged, tmp_path_factory):
    run = tmp_path_factory.mktemp("solved") / "run"
    options = {"task": "tag", "effort": "quick", "backbone": "tf_efficientnet_lite0", "height": 64, "device": "cpu"}
    return tellapart.train(tagged, out=run, **options)


def test_a_head_in_closed_form_learns_tags_without_an_epoch(solved):
    assert solved["test"]["mean_average_precision"]["value"] > 0.8
    lines = (Path(solved["run"]) / "history.jsonl").read_text().splitlines()
    assert len(lines) == 1


def test_tags_that_teach_nothing_are_refused(tmp_path, fill, refuses):
    folder = fill(tmp_path, [f"{n}.png" for n in range(6)])
    parts = ["train", "train", "val", "test", "train", "val"]
    rows = "".join(f"{n}.png,{'a' if part == 'train' else 'a|b'},{part}\n" for n, part in enumerate(parts))
    path = folder / "t.csv"
    path.write_text(f"file,label,split\n{rows}")
    with refuses(CatalogError, f"{path}: tags without a training image: b"):
        tellapart.train(path, task="tag", out=tmp_path / "run")
    path = folder / "u.csv"
    path.write_text("file,label\n" + "".join(f"{n}.png,|\n" for n in range(6)))
    with refuses(CatalogError, f"{path}: no image has a tag; there is nothing to learn"):
        tellapart.train(path, task="tag", out=tmp_path / "run")


def test_what_a_search_varies():
    space = TaggingTask().searched_options(TrainConfig(), SimpleNamespace())
    assert space == {"mixup": [0.0, 0.2]}
