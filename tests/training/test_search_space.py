"""Which options a search tries, as planned from the data and as people write them."""

from __future__ import annotations

import json
from dataclasses import replace

import optuna
import pytest

from tellapart.core.errors import ConfigError
from tellapart.training.auto_config import plan
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.schedule import TRANSFER_STAGES
from tellapart.training.search_space import (
    config_of_trial,
    default_space,
    draw,
    encode_settings,
    format_value,
    open_options,
    read_space,
    values_of_config,
)


def plain(n=4, sizes=None):
    labels = [name for name, size in (sizes or {"cat": n, "dog": n}).items() for _ in range(size)]

    class Data:
        training_rows = staticmethod(lambda: list(range(len(labels))))
        column = staticmethod(lambda name: labels)

    return Data()


def test_the_default_space_follows_task_and_network():
    small = TrainConfig(task="classify", backbone="small", stages=[Stage()], batch_size=64, augment="glyph")
    assert default_space(small, plain())["batch_size"] == [32, 64, 128]
    assert "class_weights" not in default_space(small, plain())
    assert "class_weights" in default_space(small, plain(sizes={"cat": 9, "dog": 3}))
    reader = TrainConfig(task="read", backbone="small", stages=[Stage()], batch_size=32, augment="glyph")
    assert {"mixup", "label_smoothing", "class_weights"}.isdisjoint(default_space(reader, plain()))
    photos = TrainConfig(task="classify", backbone="resnet18", stages=TRANSFER_STAGES["good"], augment="photo")
    space = default_space(photos, plain())
    assert [[stage["train"] for stage in stages] for stages in space["stages"]] == [["solve"], ["solve", "all"]]
    assert space["epochs"] == [3, 6, 12]
    assert space["lr"]["low"] < 3e-4 < space["lr"]["high"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write one option a line, as `height: [32, 48]` or `lr: {low: 0.001, high: 0.01}`"),
        ("- lr", "write one option a line, as `height: [32, 48]` or `lr: {low: 0.001, high: 0.01}`"),
        ("dropuot: [0.1]", "'dropuot' cannot be searched (did you mean 'dropout'?); there are: stages, backbone, "
         "pretrained, height, width, colour, augment, class_weights, epochs, batch_size, lr, lr_factor, schedule, "
         "label_smoothing, mixup, ema, dropout, patience, views"),
        ("dropout: 0.1", "dropout: 0.1 is no range; give a list of values, or low, high and perhaps log: true"),
        ("dropout: []", "dropout: [] is no range; give a list of values, or low, high and perhaps log: true"),
        ("dropout: [0.1, 2]", "dropout: label_smoothing and dropout: give a number from 0 up to, but not including, 1"),
        ("batch_size: [many]", "batch_size: batch_size: 'many' does not fit; give a whole number"),
        ("lr: {low: 0.1, high: 0.01}", "lr: from 0.1 to 0.01: low must be below high"),
        ("mixup: {low: 0, high: 1, log: true}",
         "mixup: from 0.0 to 1.0: low must be below high, and above 0 for log"),
        ("augment: {low: none, high: glyph}", "augment: low and high are for numbers; give a list of values"),
        ("lr: {low: 0.1, high: 0.2, log: 3}", "lr: log 3: give true or false"),
    ],
)  # fmt: skip
def test_a_bad_space_is_refused_with_words(text, said, tmp_path, refuses):
    path = tmp_path / "space.yaml"
    path.write_text(text, encoding="utf-8")
    with refuses(ConfigError, f"{path}: {said}"):
        read_space(path)


def test_a_space_as_people_write_it(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "lr: {low: 1e-4, high: 1e-2, log: true}\nheight: {low: 32, high: 64}\nstages: [[{train: head, epochs: 2}]]\n"
        "dropout: {low: 0, high: 0.5}\n",
        encoding="utf-8",
    )
    stage = {"train": "head", "epochs": 2, "lr": 1e-3, "lr_factor": 1.0, "schedule": "cosine"}
    assert read_space(path) == {
        "stages": [[stage]], "height": {"low": 32, "high": 64, "log": False},
        "lr": {"low": 1e-4, "high": 1e-2, "log": True}, "dropout": {"low": 0.0, "high": 0.5, "log": False},
    }  # fmt: skip


def test_a_trial_draws_from_each_range_and_a_head_in_closed_form_from_none():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = {
        "stages": [[{"train": "solve"}], [{"train": "solve"}, {"train": "all", "epochs": 2}]],
        "height": {"low": 32, "high": 40, "log": False},
        "lr": {"low": 1e-4, "high": 1e-2, "log": True},
    }
    drawn = [draw(study.ask(), space) for _ in range(20)]
    assert {len(settings["stages"]) for settings in drawn} == {1, 2}
    for settings in drawn:
        assert settings["stages"] in space["stages"]
        assert isinstance(settings["height"], int)
        assert 32 <= settings["height"] <= 40
        assert ("lr" in settings) == (len(settings["stages"]) == 2)
        assert 1e-4 <= settings.get("lr", 1e-3) <= 1e-2


def test_a_trial_is_the_planned_training_with_its_settings(pictures):
    catalog = pictures(40, 40)
    requested = TrainConfig(task="classify", seed=3)
    planned = plan(requested, catalog)
    config = config_of_trial(requested, planned, {"lr": 0.02, "dropout": 0.4}, catalog)
    assert config == replace(planned, dropout=0.4, stages=[replace(planned.stages[0], lr=0.02)])
    assert values_of_config(config, {"lr": [0.02], "dropout": {"low": 0.0, "high": 0.3}}) == {"lr": 0.02}


def test_what_somebody_decided_is_not_searched():
    space = {"lr": [0.1], "mixup": [0.0, 0.2], "dropout": [0.1]}
    assert open_options(space, TrainConfig(mixup=0.4), {"dropout": 0.2}) == {"lr": [0.1]}
    assert open_options(space, TrainConfig(stages=[Stage()]), {}) == {"mixup": [0.0, 0.2], "dropout": [0.1]}


def test_settings_are_kept_as_plain_values_and_shown_in_few_letters():
    stages = [{"train": "solve"}, {"train": "all", "epochs": 6}]
    kept = encode_settings({"stages": stages, "lr": 0.1})
    assert kept == {"stages": json.dumps(stages), "lr": 0.1}
    assert format_value("stages", kept["stages"]) == format_value("stages", stages) == "solve + all"
