"""The history: a line an epoch, whole after each, with that epoch's own figures."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
import torch

from tellapart.pipelines.train import fit_only
from tellapart.training.callbacks.history import EpochHistory
from tellapart.training.config import Stage
from tellapart.training.tasks.classification import ClassificationModule
from tellapart.training.tasks.training_module import Answer

ANSWERS = [Answer(4, "cat", "cat", 0.9), Answer(5, "cat", "dog", 0.6), Answer(7, "dog", "cat", 0.8)]


def trainer(epoch, **metrics):
    values = {name: torch.tensor(value) for name, value in metrics.items()}
    return SimpleNamespace(current_epoch=epoch - 1, callback_metrics=values, max_epochs=4, num_training_batches=8)


def stage(number=0):
    return SimpleNamespace(number=number, stage=Stage("head", epochs=4), measure="accuracy", answers=ANSWERS)


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_for_the_file_and_one_for_the_person(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("time.perf_counter", iter([10.0, 12.5]).__next__)
    history = EpochHistory(tmp_path / "history.jsonl")
    now = trainer(1, train_loss=1.25, val_loss=0.5, val_accuracy=0.75, val_score=0.745)
    history.on_train_epoch_start(now, stage())
    history.on_train_epoch_end(now, stage())
    assert read(tmp_path / "history.jsonl") == [
        {"stage": 0, "epoch": 1, "seconds": 2.5, "train_loss": 1.25, "val_loss": 0.5, "val_accuracy": 0.75}
    ]
    assert capsys.readouterr().err == (
        "stage 1 (head) epoch 1/4: train_loss 1.2500, loss 0.5000, accuracy 0.7500; 2.5 s, 7.5 s left in this stage\n"
    )


def test_a_resumed_run_goes_on_after_its_lines(tmp_path):
    path = tmp_path / "history.jsonl"
    history = EpochHistory(path)
    for number, epoch in ((0, 1), (0, 2), (1, 1), (1, 2)):
        history.on_train_epoch_end(trainer(epoch, train_loss=float(epoch)), stage(number))
    resumed = EpochHistory(path)
    # The second epoch of the second stage was noted, but stopped before its state was saved: it comes again.
    resumed.on_train_epoch_end(trainer(2, train_loss=9.0), stage(1))
    resumed.on_train_epoch_end(trainer(3, train_loss=8.0), stage(1))
    lines = read(path)
    assert [(line["stage"], line["epoch"]) for line in lines] == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3)]
    assert [line["train_loss"] for line in lines] == [1.0, 2.0, 1.0, 9.0, 8.0]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["history.jsonl", "mistakes.json"]


def test_what_is_answered_wrong_the_surest_first(tmp_path):
    history = EpochHistory(tmp_path / "history.jsonl")
    history.on_train_epoch_end(trainer(1, train_loss=1.0), stage())
    told = json.loads((tmp_path / "mistakes.json").read_text(encoding="utf-8"))
    assert (told["n"], told["wrong"], [each["row"] for each in told["mistakes"]]) == (3, 2, [7, 5])
    assert told["mistakes"][0] == {"row": 7, "truth": "dog", "answer": "cat", "confidence": 0.8}
    many = stage()
    many.answers = [Answer(row, "cat", "dog", 0.5) for row in range(60)]
    history.on_train_epoch_end(trainer(2, train_loss=1.0), many)
    told = json.loads((tmp_path / "mistakes.json").read_text(encoding="utf-8"))
    assert (told["wrong"], len(told["mistakes"])) == (60, 24), "some are enough to see what goes wrong"


def test_the_gap_is_what_training_images_are_easier(tmp_path):
    history = EpochHistory(tmp_path / "history.jsonl")
    history.on_train_epoch_end(trainer(1, train_accuracy=0.75, val_accuracy=0.5), stage())
    assert read(tmp_path / "history.jsonl")[0].items() >= {"train_accuracy": 0.75, "gap": 0.25}.items()


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("screen", "shown"), [(Screen(), True), (io.StringIO(), False)])
def test_the_live_line_is_for_people_only(tmp_path, monkeypatch, screen, shown):
    monkeypatch.setattr("time.perf_counter", iter([0.0, 2.0, 2.1]).__next__)
    monkeypatch.setattr(sys, "stderr", screen)
    history = EpochHistory(tmp_path / "history.jsonl")
    history.on_train_epoch_start(trainer(1), stage())
    history.on_train_batch_end(trainer(1), stage(), None, None, 1)
    history.on_train_batch_end(trainer(1), stage(), None, None, 2)  # too soon to draw again
    assert screen.getvalue() == ("\r  step 2/8, 6.0 s left in this epoch " if shown else "")


def test_the_training_loss_is_that_of_its_own_epoch(shapes, tmp_path, monkeypatch):
    losses = {}
    step = ClassificationModule.training_step

    def watched(self, batch, index):
        loss = step(self, batch, index)
        losses.setdefault(self.current_epoch + 1, []).append((float(loss.detach()), len(batch[1])))
        return loss

    monkeypatch.setattr(ClassificationModule, "training_step", watched)
    fit_only(shapes, out=tmp_path / "run", backbone="small", epochs=2, batch_size=16, device="cpu")
    for line in read(tmp_path / "run" / "history.jsonl"):
        seen = losses[line["epoch"]]
        mean = sum(loss * n for loss, n in seen) / sum(n for _, n in seen)
        assert line["train_loss"] == pytest.approx(mean, abs=1e-4)
