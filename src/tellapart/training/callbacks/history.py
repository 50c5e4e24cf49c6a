"""What each epoch brought: a line for the person who waits, and a line in ``history.jsonl``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tellapart.core.files import atomic_file
from tellapart.core.progress import drawable, log
from tellapart.training._lightning import pl
from tellapart.training.run_folder import read_history

PAUSE = 0.5  # seconds between two drawings of the live line


class EpochHistory(pl.Callback):
    """Writes the history whole after each epoch; a resumed run's lines follow those it had."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = read_history(path)
        self._began = 0.0
        self._drawn = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, module: Any) -> None:
        """The clock starts."""
        self._began = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """A live line with the time left in this epoch, where a person looks on."""
        now = time.perf_counter()
        if not drawable() or now - self._drawn < PAUSE:
            return
        self._drawn = now
        total = int(trainer.num_training_batches)
        left = (now - self._began) / (batch_idx + 1) * (total - batch_idx - 1)
        print(f"\r  step {batch_idx + 1}/{total}, {_clock(left)} left in this epoch ", end="", file=sys.stderr)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """The epoch's figures, its own training loss and accuracy among them, and the time left in the stage."""
        seconds = time.perf_counter() - self._began
        epoch = trainer.current_epoch + 1
        figures = {
            name: round(float(value), 5) for name, value in trainer.callback_metrics.items() if name != "val_score"
        }
        if {"train_accuracy", "val_accuracy"} <= figures.keys():
            figures["gap"] = round(figures["train_accuracy"] - figures["val_accuracy"], 5)
        self._write(module.number, epoch, seconds, figures)
        shown = _shown(figures)
        left = seconds * (trainer.max_epochs or epoch) - seconds * epoch
        start = "\r" if drawable() else ""
        log(
            f"{start}stage {module.number + 1} ({module.stage.train}) epoch {epoch}/{trainer.max_epochs}: {shown}; "
            f"{_clock(seconds)}, {_clock(left)} left in this stage"
        )

    def note(self, module: Any, seconds: float, figures: dict[str, float]) -> None:
        """A stage that has no epochs: one line."""
        rounded = {name: round(value, 5) for name, value in figures.items() if name != "val_score"}
        self._write(module.number, 1, seconds, rounded)
        log(f"stage {module.number + 1} ({module.stage.train}): {_shown(rounded)}; {_clock(seconds)}")

    def _write(self, stage: int, epoch: int, seconds: float, figures: dict[str, float]) -> None:
        line = {"stage": stage, "epoch": epoch, "seconds": round(seconds, 2), **figures}
        self.lines = [old for old in self.lines if (old["stage"], old["epoch"]) < (stage, epoch)] + [line]
        with atomic_file(self.path) as temporary:
            temporary.write_text("".join(json.dumps(item) + "\n" for item in self.lines), encoding="utf-8")


def _shown(figures: dict[str, float]) -> str:
    return ", ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in figures.items())


def _clock(seconds: float) -> str:
    """Seconds, or minutes and seconds, as people read them.

    >>> _clock(8.24), _clock(75)
    ('8.2 s', '1:15 min')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
