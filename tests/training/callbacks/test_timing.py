"""Where the time of a training went: every second has one name."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tellapart.pipelines.train import fit_only
from tellapart.training.callbacks import timing as room
from tellapart.training.callbacks.timing import TrainingTimer, format_timing


@pytest.fixture
def at(monkeypatch):
    """Sets the time."""
    now = [100.0]
    monkeypatch.setattr(room.time, "perf_counter", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_an_epoch_is_told_apart(at):
    clock, module = TrainingTimer(), SimpleNamespace(augmenting=0.0)
    clock.on_train_epoch_start(None, module)
    for _ in range(2):
        at(1)
        clock.on_train_batch_start(None, module, None, 0)
        at(8)
        module.augmenting = 3.0
        clock.on_before_backward(None, module, None)
        at(16)
        clock.on_after_backward(None, module)
        at(32)
        clock.on_train_batch_end(None, module, None, None, 0)
    at(64)
    clock.on_validation_start(None, module)
    at(128)
    clock.on_validation_end(None, module)
    with clock("decode"):
        at(256)
    wanted = {"wait": 2, "forward": 10, "augment": 6, "backward": 32, "update": 64, "other": 64, "validation": 128}
    assert dict(clock.seconds) == wanted | {"decode": 256}
    assert module.augmenting == 0.0


def test_what_fails_is_counted_too(at):
    clock = TrainingTimer()

    def failing():
        with clock("solve"):
            at(5)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    assert clock.seconds["solve"] == 5


def test_it_is_told_in_shares_the_largest_first():
    assert format_timing({"wait": 1.0, "forward": 2.0, "backward": 5.0}) == "backward 62 %, forward 25 %, wait 12 %"
    assert format_timing({"forward": 1.0, "wait": 0.0, "update": 0.0001}) == "forward 100 %"
    assert format_timing({}) == ""


def test_a_run_keeps_it(shape_run):
    seconds = json.loads((shape_run / "time.json").read_text(encoding="utf-8"))
    whole = json.loads((shape_run / "environment.json").read_text(encoding="utf-8"))["seconds"]
    assert seconds.keys() >= {"decode", "wait", "forward", "augment", "backward", "update", "validation"}
    assert all(value >= 0 for value in seconds.values())
    assert sum(seconds.values()) <= whole + 0.2  # both are rounded
    assert sum(seconds.values()) > whole / 3


def test_a_frozen_trunk_is_time_of_its_own(shapes, tmp_path, capsys):
    fit_only(shapes, out=tmp_path / "run", backbone="small", stages=[{"train": "head", "epochs": 1}], device="cpu")
    seconds = json.loads((tmp_path / "run/time.json").read_text(encoding="utf-8"))
    assert seconds["frozen part"] > 0
    assert "where the time went: " in capsys.readouterr().err
