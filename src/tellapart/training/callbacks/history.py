"""What each epoch brought: a line for the person who waits, and a line in ``history.jsonl``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tellapart.core.files import atomic_file, write_json
from tellapart.core.progress import clock, drawable, log
from tellapart.training._lightning import pl
from tellapart.training.run_folder import MISTAKES, read_history
from tellapart.training.tasks.training_module import Answer

MISTAKES_SHOWN = 24
PAUSE = 0.5  # seconds between two drawings of the live line


class EpochHistory(pl.Callback):
    """Writes the history, and what was answered wrong, after each epoch; a resumed run's lines follow those it had."""

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
        print(f"\r  step {batch_idx + 1}/{total}, {clock(left)} left in this epoch ", end="", file=sys.stderr)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """The epoch's figures, its own training loss and accuracy among them, and the time left in the stage."""
        seconds = time.perf_counter() - self._began
        epoch = trainer.current_epoch + 1
        figures = {
            name: round(float(value), 5) for name, value in trainer.callback_metrics.items() if name != "val_score"
        }
        train, val = (figures.get(f"{part}_{module.measure}") for part in ("train", "val"))
        if train is not None and val is not None:
            figures["gap"] = round(train - val, 5)
        self._write_mistakes(module.answers)
        self._write(module.number, epoch, seconds, figures)
        shown = _shown(figures)
        left = seconds * (trainer.max_epochs or epoch) - seconds * epoch
        start = "\r" if drawable() else ""
        log(
            f"{start}stage {module.number + 1} ({module.stage.train}) epoch {epoch}/{trainer.max_epochs}: {shown}; "
            f"{clock(seconds)}, {clock(left)} left in this stage"
        )

    def note(self, module: Any, seconds: float, figures: dict[str, float]) -> None:
        """A stage that has no epochs: one line."""
        rounded = {name: round(value, 5) for name, value in figures.items() if name != "val_score"}
        self._write_mistakes(module.answers)
        self._write(module.number, 1, seconds, rounded)
        log(f"stage {module.number + 1} ({module.stage.train}): {_shown(rounded)}; {clock(seconds)}")

    def _write(self, stage: int, epoch: int, seconds: float, figures: dict[str, float]) -> None:
        line = {"stage": stage, "epoch": epoch, "seconds": round(seconds, 2), **figures}
        self.lines = [old for old in self.lines if (old["stage"], old["epoch"]) < (stage, epoch)] + [line]
        with atomic_file(self.path) as temporary:
            temporary.write_text("".join(json.dumps(item) + "\n" for item in self.lines), encoding="utf-8")

    def _write_mistakes(self, answers: list[Answer]) -> None:
        """Some images of the validation part that are answered wrong, the surest first."""
        wrong = sorted((each for each in answers if each.answer != each.truth), key=lambda each: -each.confidence)
        shown = [each._asdict() for each in wrong[:MISTAKES_SHOWN]]
        write_json(self.path.with_name(MISTAKES), {"n": len(answers), "wrong": len(wrong), "mistakes": shown})


def _shown(figures: dict[str, float]) -> str:
    return ", ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in figures.items())
