"""A training epoch beside a bare loop over tensors in memory. Prints ratios of one run.

    python -m benchmarks train_step [--rounds 3]

Same network, same optimiser, same batches, same precision, no augmentation on either side; ours goes through the
catalog, the pixel cache, Lightning and its hooks. Medians over rounds that take turns.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.timing import Spread, ratios
from tellapart.core.malloc import keep_freed_memory
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.training._lightning import pl
from tellapart.training.auto_config import plan
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.dataset import CachedImages, PixelCache, WidthBatches
from tellapart.training.loop import lightning_quiet, make_loader
from tellapart.training.models.backbones import DEFAULT_BACKBONE
from tellapart.training.models.classifier import Classifier
from tellapart.training.tasks.classification import ClassificationModule, ClassificationTask


def draw_set(folder: Path, n: int, side: int) -> Path:
    """Class folders of noise: what is learnt does not matter here."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "label"])
        for number in range(n):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"{number}.png", compress_level=1)
            table.writerow([f"images/{number}.png", f"class {number % 10}"])
    return folder


class Clock(pl.Callback):
    """Seconds of the training part of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, module: Any) -> None:
        """Start."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Stop at the last batch."""
        if batch_idx + 1 == trainer.num_training_batches:
            self.seconds.append(time.perf_counter() - self.began)


def measure(backbone: str, n: int, side: int, size: int, rounds: int) -> dict[str, Any]:
    """Print one line: ours and bare, images a second, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        catalog = split(open_catalog(draw_set(Path(name) / "set", n, side)))
        config = plan(TrainConfig(backbone=backbone, augment="none", batch_size=size, dropout=0.0), catalog)
        stage = Stage("all", epochs=1, lr=1e-4)
        rows = catalog.rows("train")
        labels = catalog.column("label")
        names = list(catalog.labels)
        targets = torch.tensor([names.index(label) for label in labels])
        spec = ClassificationTask().preprocess(config)
        cache = PixelCache(catalog, rows, spec, limit_gb=4)
        ready = torch.from_numpy(np.stack([cache[row] for row in rows]))
        ours, bare = [], []
        for _ in range(rounds):
            torch.manual_seed(0)
            model = Classifier(10, backbone, dropout=0.0, pretrained=False)
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            task = ClassificationModule(model, spec, config, stage, 0, targets=targets, labels=names)
            clock = Clock()
            order = WidthBatches(rows, cache.widths, size, shuffle=True)
            with lightning_quiet():
                trainer = pl.Trainer(
                    accelerator="cpu",
                    max_epochs=1,
                    callbacks=[clock],
                    logger=False,
                    enable_progress_bar=False,
                    enable_model_summary=False,
                    enable_checkpointing=False,
                    gradient_clip_val=5.0,
                )
                trainer.fit(task, make_loader(CachedImages(cache), order))
            ours.append(clock.seconds[0])

            model.requires_grad_(True).train()
            optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
            began = time.perf_counter()
            for start in range(0, len(rows), size):
                x = ready[start : start + size].permute(0, 3, 1, 2).float() / 127.5 - 1
                logits = model(x)
                loss = F.cross_entropy(logits, targets[rows[start : start + size]], label_smoothing=0.1)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimiser.step()
            bare.append(time.perf_counter() - began)
    rates = {name: Spread.of([len(rows) / each for each in took]) for name, took in (("ours", ours), ("bare", bare))}
    gain = ratios(bare, ours)
    print(
        f"{backbone:<24} {spec.height} px  ours {rates['ours'].median:7.1f}  bare {rates['bare'].median:7.1f} "
        f"images a second  ours / bare {gain}"
    )
    return {name: rate.to_json() for name, rate in rates.items()} | {"ours / bare": gain.to_json()}


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    keep_freed_memory()  # as `train` does; the bare loop gains by it too
    print(f"medians of {rounds} rounds (aim: 0.9)")
    return {
        "small": measure("small", 4000, 32, 64, rounds),
        DEFAULT_BACKBONE: measure(DEFAULT_BACKBONE, 400, 224, 32, rounds),
    }
