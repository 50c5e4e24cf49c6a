"""One training of a search: watched epoch by epoch, without a bundle, and without figures of a test part."""

from __future__ import annotations

import math
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import optuna

from tellapart.core.errors import ConfigError
from tellapart.data.catalog import Catalog
from tellapart.training._lightning import pl
from tellapart.training.config import TrainConfig
from tellapart.training.loop import fit
from tellapart.training.run_folder import Run
from tellapart.training.tasks.registry import get_task


class TimeUpError(Exception):
    """The budget is spent."""


class PruningCallback(pl.Callback):
    """Reports each epoch's score, and ends a trial that falls behind or outlives the budget."""

    def __init__(self, trial: optuna.Trial, seconds: float) -> None:
        self.trial, self.until, self.epoch = trial, time.perf_counter() + seconds, 0
        self.screen = sys.stderr if sys.stderr.isatty() else None
        self.start = "\r" if self.screen is not None else ""

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """The epoch's score, a live line where a person looks on, and whether it is worth going on."""
        score = float(trainer.callback_metrics["val_score"])
        self.trial.report(score, self.epoch)
        self.epoch += 1
        if self.screen is not None:
            text = f"\r  trial {self.trial.number}: epoch {self.epoch}, score {score:.4f} "
            print(text, end="", file=self.screen, flush=True)
        if trainer.current_epoch + 1 == trainer.max_epochs:  # nothing is saved any more
            return
        if self.trial.should_prune():
            raise optuna.TrialPruned
        if time.perf_counter() > self.until:
            raise TimeUpError


def run_trial(folder: Path, config: TrainConfig, catalog: Catalog, watch: PruningCallback) -> float:
    """The best score of a training; what it says goes into the trial's log.

    Raises:
        ConfigError, TextError: these options do not train.
        optuna.TrialPruned, TimeUpError: see `PruningCallback`.
    """
    run = Run.create(folder, catalog, config)
    task = get_task(catalog.task)
    task.check_data(catalog, task.preprocess(config), None)
    with (folder / "log.txt").open("w", encoding="utf-8") as log, redirect_stderr(log):
        fit(run, catalog, task, callbacks=[watch])
    scores = run.scores()
    if not all(map(math.isfinite, scores)):
        raise ConfigError("the score is no number any more; try a lower lr")
    return max(scores)
