"""One training of a search: watched epoch by epoch, its words in a log, without a bundle."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import optuna
import pytest
import torch

from tellapart.core.errors import ConfigError
from tellapart.training.config import Stage
from tellapart.training.loop import lightning_quiet
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule
from tellapart.training.trial import PruningCallback, TimeUpError, run_trial


def epoch(number, score=0.5, of=3):
    return SimpleNamespace(current_epoch=number, max_epochs=of, callback_metrics={"val_score": torch.tensor(score)})


class Falling(optuna.trial.FixedTrial):
    """A trial that falls behind at once."""

    def should_prune(self):
        return True


def test_what_falls_behind_is_pruned_but_never_in_its_last_epoch():
    watch = PruningCallback(Falling({}), seconds=1e9)
    with pytest.raises(optuna.TrialPruned):
        watch.on_train_epoch_end(epoch(0), None)
    watch.on_train_epoch_end(epoch(2), None)  # its result is there already
    assert watch.epoch == 2


def test_the_budget_ends_a_training():
    watch = PruningCallback(optuna.trial.FixedTrial({}), seconds=0)
    with pytest.raises(TimeUpError):
        watch.on_train_epoch_end(epoch(0), None)


@pytest.fixture
def quick(shape_run):
    run = Run.open(shape_run)
    return replace(run.config, stages=[Stage("all", 1, lr=1e-3)]), run.catalog()


def test_a_trial_leaves_its_log_and_answers_its_best_score(quick, tmp_path, capsys):
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    with lightning_quiet():
        score = run_trial(tmp_path / "000", *quick, PruningCallback(trial, seconds=1e9))
    run = Run.open(tmp_path / "000")
    assert run.scores() == [score]
    assert run.config == quick[0]
    assert study.tell(trial, score).intermediate_values[0] == pytest.approx(score)
    assert "where the time went: " in (tmp_path / "000" / "log.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""
    assert not run.finished  # no weights are packed


def test_a_score_that_is_no_number_is_refused(quick, tmp_path, monkeypatch, refuses):
    figures = {"loss": 1.0, "score": float("-inf")}
    monkeypatch.setattr(ClassificationModule, "validation_figures", lambda self, seen: figures)
    watch = PruningCallback(optuna.trial.FixedTrial({}), seconds=1e9)
    with lightning_quiet(), refuses(ConfigError, "the score is no number any more; try a lower lr"):
        run_trial(tmp_path / "000", *quick, watch)
