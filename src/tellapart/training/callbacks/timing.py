"""Where the time of a training goes: decoding, augmenting, forward, backward, update, validation, waiting."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tellapart.training._lightning import pl

Seconds = dict[str, float]


class TrainingTimer(pl.Callback):
    """Adds up seconds by what they were spent on; on an accelerator, by what the processor waited for."""

    def __init__(self) -> None:
        self.seconds: Seconds = defaultdict(float)
        self._last = 0.0

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Count what happens inside.

        >>> clock = TrainingTimer()
        >>> with clock("decode"):
        ...     pass
        >>> list(clock.seconds)
        ['decode']
        """
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began

    def _since(self, what: str) -> None:
        now = time.perf_counter()
        self.seconds[what] += now - self._last
        self._last = now

    def on_train_epoch_start(self, trainer: pl.Trainer, module: Any) -> None:
        """Waiting for the first batch begins."""
        self._last = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        """The batch is there."""
        self._since("wait")

    def on_before_backward(self, trainer: pl.Trainer, module: Any, loss: Any) -> None:
        """The loss is there; augmenting was part of it."""
        self._since("forward")
        self.seconds["augment"] += module.augmenting
        self.seconds["forward"] -= module.augmenting
        module.augmenting = 0.0

    def on_after_backward(self, trainer: pl.Trainer, module: Any) -> None:
        """The gradients are there."""
        self._since("backward")

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The weights are new."""
        self._since("update")

    def on_validation_start(self, trainer: pl.Trainer, module: Any) -> None:
        """The epoch's end is no waiting."""
        self._since("other")

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        """All of it."""
        self._since("validation")


def format_timing(seconds: Seconds) -> str:
    """Shares in words, the largest first.

    >>> format_timing({"forward": 3.0, "backward": 6.0, "wait": 1.0, "other": 0.0})
    'backward 60 %, forward 30 %, wait 10 %'
    """
    total = sum(seconds.values()) or 1.0
    shares = sorted(((value / total, name) for name, value in seconds.items()), reverse=True)
    return ", ".join(f"{name} {share:.0%}".replace("%", " %") for share, name in shares if share >= 0.0005)
