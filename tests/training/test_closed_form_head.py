"""The head in closed form: the stage, what it leaves, and that it learns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.training.feature_cache import features


@pytest.fixture(scope="module")
def gradients(tmp_path_factory):
    """Three kinds of colour ramps of 72 px."""
    root = tmp_path_factory.mktemp("ramps")
    for label, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for number in range(14):
            dice = np.random.default_rng([label, number])
            pixels = dice.integers(0, 60, (72, 72, 3), dtype=np.uint8)
            pixels[..., label] += np.linspace(0, dice.integers(120, 195), 72, dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def solved(gradients, tmp_path_factory):
    run = tmp_path_factory.mktemp("solved") / "run"
    return tellapart.train(gradients, out=run, task="classify", effort="quick", height=64, device="cpu")


def test_it_learns_without_an_epoch(solved):
    assert solved["test"]["accuracy"]["value"] == 1.0
    lines = [json.loads(line) for line in (Path(solved["run"]) / "history.jsonl").read_text().splitlines()]
    assert len(lines) == 1
    assert lines[0]["val_accuracy"] == 1.0


def test_the_same_command_has_nothing_left_to_do(solved, gradients, monkeypatch):
    monkeypatch.setattr("tellapart.training.closed_form_head.features", None)  # calling it would be an error
    again = tellapart.train(gradients, out=solved["run"], task="classify", effort="quick", height=64, device="cpu")
    assert again["test"] == solved["test"]


def test_the_weights_of_a_solved_head_are_the_same_again(solved, gradients, tmp_path):
    again = tellapart.train(gradients, out=tmp_path / "run", task="classify", effort="quick", height=64, device="cpu")
    one, other = ((Path(run) / "model.safetensors").read_bytes() for run in (solved["run"], again["run"]))
    assert one == other


def test_a_class_of_more_weight_is_answered_more_readily(solved, gradients, tmp_path):
    """As if it had more images: its offset rises by the logarithm of its weight, before the logits are scaled."""
    options = {"task": "classify", "effort": "quick", "height": 64, "device": "cpu", "class_weights": {"red": 1e6}}
    weighed = tellapart.train(gradients, out=tmp_path / "run", **options)
    old, new = (load_file(Path(run) / "model.safetensors")["head.bias"] for run in (solved["run"], weighed["run"]))
    red = sorted(("red", "green", "blue")).index("red")
    others = [place for place in range(3) if place != red]
    assert new[red] - new[others].max() > old[red] - old[others].max()


def test_damaged_copies_teach_where_the_augmentation_is_robust(solved, gradients, tmp_path, monkeypatch):
    """Of each picture, its mirror image and three damaged copies; those of the same seed are the same again."""
    seen = []

    def watching(module, network, cache, rows, views, *what):
        pixels = module.scale.unit(torch.from_numpy(cache[rows[0]][None].copy()))
        seen.append([view(pixels) for view in views])
        return features(module, network, cache, rows, views, *what)

    monkeypatch.setattr("tellapart.training.closed_form_head.features", watching)
    options = {"task": "classify", "effort": "quick", "height": 64, "device": "cpu", "augment": "robust"}
    one, other = (tellapart.train(gradients, out=tmp_path / name, **options) for name in ("one", "other"))
    plain, mirrored, *damaged = seen[0]
    assert torch.equal(mirrored, plain.flip(3))
    assert len(damaged) == 3
    assert len({tuple(copy.flatten().tolist()) for copy in (plain, mirrored, *damaged)}) == 5
    assert len(seen[1]) == 1  # the validation part stays as it is
    weights = [(Path(each["run"]) / "model.safetensors").read_bytes() for each in (solved, one, other)]
    assert weights[1] == weights[2]
    assert weights[0] != weights[1]


@pytest.mark.parametrize("options", [{"backbone": "small"}, {"task": "read", "label_from": "text"}])
def test_networks_without_features_are_refused(gradients, tmp_path, refuses, options):
    stages = [{"train": "solve", "epochs": 1}]
    with refuses(ConfigError, "stage 'solve': only a classifier with a timm backbone has features to solve a head on"):
        tellapart.train(gradients, out=tmp_path / "run", stages=stages, device="cpu", **{"task": "classify", **options})
