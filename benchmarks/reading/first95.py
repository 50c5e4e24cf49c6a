"""From nothing to .95 on blue6 with 500 labels: ours beside a plain CRNN, same images, one run.

    TELLAPART_DATA=DATA python -m benchmarks first95 [--seeds 0 1 2] [--limit 600]

500 labelled images of DATA/captcha/blue6 teach, 75 of them choose; the test part of the split judges at the end.
Printed: seconds until .95 of the validation texts are read exactly, and exact match on the test part then or at the
limit. Ours is a whole `tellapart train` from its process's start, once with the shipped reader and once from scratch;
the CRNN (Shi et al. 2017: convolutions, two bidirectional LSTMs, CTC; Adam) has its images decoded and torch loaded
before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import tellapart
from tellapart.core.image_io import decode
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.inference.charset import Charset
from tellapart.inference.ctc import decode_ctc
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.strength.attack import attack_with_labels

LABELS, ENOUGH = 500, 0.95


class CRNN(nn.Module):
    """N, 1, 32, W → N, W / 4, K, as published but for a quarter of the width instead of the kernels of 2."""

    def __init__(self, classes: int) -> None:
        super().__init__()

        def block(inside: int, outside: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU())

        self.features = nn.Sequential(
            block(1, 64), nn.MaxPool2d(2), block(64, 128), nn.MaxPool2d(2), block(128, 256), block(256, 256),
            nn.MaxPool2d((2, 1)), block(256, 512), block(512, 512), nn.MaxPool2d((2, 1)),
            nn.Conv2d(512, 512, (2, 1)), nn.ReLU(),
        )  # fmt: skip
        self.sequence = nn.LSTM(512, 256, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.sequence(self.features(x).squeeze(2).transpose(1, 2))[0])
        return logits


def crnn(catalog: Catalog, seed: int, limit: float) -> tuple[float, float]:
    """Seconds to .95 on the validation part, and exact match on the test part."""
    torch.manual_seed(seed)
    spec = Preprocess(height=32, width=None, channels=1)
    label = catalog.column("label")
    charset = Charset.of(catalog.labels)
    pixels = {row: spec.apply(decode(image)) for row, image in catalog.read(catalog.rows())}
    train, val, test = (catalog.rows(part) for part in ("train", "val", "test"))
    model = CRNN(charset.size)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)

    def batch(rows: list[int]) -> Tensor:
        return torch.from_numpy(np.stack([pixels[row] for row in rows])).permute(0, 3, 1, 2).float() / 127.5 - 1

    def exact(rows: list[int]) -> float:
        model.eval()
        with torch.inference_mode():
            parts = [model(batch(rows[at : at + 64])).softmax(2).numpy() for at in range(0, len(rows), 64)]
        said = [reading.text for part in parts for reading in decode_ctc(part, charset)]
        return float(np.mean([text == label[row] for text, row in zip(said, rows, strict=True)]))

    began, dice = time.perf_counter(), np.random.RandomState(seed)
    while time.perf_counter() - began < limit:
        model.train()
        order = dice.permutation(len(train))
        for at in range(0, len(order), 32):
            rows = [train[place] for place in order[at : at + 32]]
            logits = model(batch(rows)).log_softmax(2).transpose(0, 1)
            texts = [charset.encode(label[row]) for row in rows]
            loss = F.ctc_loss(
                logits, torch.tensor([index for text in texts for index in text]),
                torch.full((len(rows),), logits.shape[0]),
                torch.tensor(list(map(len, texts))), zero_infinity=True,
            )  # fmt: skip
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
        if exact(val) >= ENOUGH:
            return time.perf_counter() - began, exact(test)
    return float("inf"), exact(test)


def ours(catalog: Catalog, seed: int, limit: float, *more: str) -> tuple[float, float]:
    """Seconds from the start of the process to .95 on the validation part, and exact match of the finished training."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        table = catalog.write(Path(folder) / "data.parquet")
        command = [sys.executable, "-m", "tellapart", "train", str(table), "--out", str(out), "--seed", str(seed)]
        began, reached = time.perf_counter(), float("inf")
        process = subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and time.perf_counter() - began < limit:
            time.sleep(0.05)
            history = out / "history.jsonl"
            if reached == float("inf") and history.is_file():
                lines = [json.loads(line) for line in history.read_text().splitlines() if line.endswith("}")]
                if any(line["val_exact_match"] >= ENOUGH for line in lines):
                    reached = time.perf_counter() - began
        process.terminate()
        if process.wait():
            return reached, float("nan")
        return reached, json.loads((out / "metrics.json").read_text())["exact_match"]["value"]


def finite(value: float) -> float | None:
    """The value, or None where there is none: JSON has no infinity."""
    return value if np.isfinite(value) else None


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--limit", type=float, default=600.0, help="seconds")
    given = parser.parse_args()
    data = Path(os.environ.get("TELLAPART_DATA", "nowhere")) / "captcha" / "blue6"
    if not data.is_dir():
        print("no set: set TELLAPART_DATA to the folder of the sets (nothing was measured)")
        return {}
    found: dict[str, list[float]] = {}
    figures: dict[str, Any] = {}
    for seed in given.seeds:
        catalog = attack_with_labels(tellapart.split(open_catalog(data, task="read"), seed=seed), LABELS, seed)
        for name, (seconds, exact) in {
            "ours": ours(catalog, seed, given.limit),
            "ours, from scratch": ours(catalog, seed, given.limit, "--from-scratch"),
            "plain CRNN": crnn(catalog, seed, given.limit),
        }.items():
            found.setdefault(name, []).append(seconds)
            figures.setdefault(name, []).append(
                {"seed": seed, "seconds": finite(seconds), "test_exact_match": finite(exact)}
            )
            print(f"seed {seed}  {name:<20} {seconds:6.1f} s to {ENOUGH}, test {exact:.4f}", flush=True)
    for name, times in found.items():
        print(f"median  {name:<20} {statistics.median(times):6.1f} s")
    return figures
