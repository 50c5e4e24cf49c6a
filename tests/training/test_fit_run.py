"""A run trained to its weights, and left as it is when it is finished."""

from __future__ import annotations

import platform

import pytest
import torch

from tellapart.training._lightning import pl
from tellapart.training.fit_run import describe_environment, fit_run, seconds_before
from tellapart.training.run_folder import Run


def test_a_finished_run_answers_at_once(shape_run, tree, monkeypatch):
    monkeypatch.setattr(pl.Trainer, "fit", None)  # calling it would be an error
    before, run = tree(shape_run), Run.open(shape_run)
    figures = fit_run(run, run.catalog())
    assert tree(shape_run) == before
    assert figures == {"score": max(run.scores()), **run.calibration()}
    assert figures["n"] == 9


def test_all_stages_done_only_the_answers_are_made_again(shape_run, copied, monkeypatch):
    monkeypatch.setattr(pl.Trainer, "fit", None)
    run = Run.open(copied(shape_run))
    for name in ("model.safetensors", "calibration.json", "environment.json"):
        (run.path / name).unlink()
    figures = fit_run(run, run.catalog())
    assert run.finished
    assert figures == fit_run(Run.open(shape_run), Run.open(shape_run).catalog())
    # The seconds of epochs that earlier sessions finished count too.
    assert run.environment()["seconds"] >= round(seconds_before(run), 1) > 0


def test_seconds_before_are_those_of_all_members(shape_run, tmp_path):
    config = Run.open(shape_run).config
    run = Run(tmp_path, config)
    assert seconds_before(run) == 0
    for number, seconds in enumerate((1.5, 2.25)):
        run.member(number).mkdir(parents=True)
        line = f'{{"stage": 0, "epoch": 1, "seconds": {seconds}}}\n'
        (run.member(number) / "history.jsonl").write_text(line * 2, encoding="utf-8")
    assert seconds_before(run) == pytest.approx(7.5)


def test_the_environment_names_what_trained():
    environment = describe_environment(12.345)
    assert environment["seconds"] == 12.3
    assert environment["python"] == platform.python_version()
    assert environment["versions"]["torch"] == torch.__version__
    assert environment["threads"] == torch.get_num_threads()
