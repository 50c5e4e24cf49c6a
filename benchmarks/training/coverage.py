"""Do the 95 % intervals hold what they promise? Prints how often they contain the large-sample value.

    python -m benchmarks coverage [--n 20000] [--samples 1000] [--size 200]

A recogniser of CAPTCHA characters, trained on few images so that it errs, answers a large drawn set; that is taken for
the truth. Random samples of the answers are then scored as a test part would be, and each interval is looked at:
accuracy (Wilson), macro-F1 (bootstrap). A right interval holds the value in 95 of 100 samples, give or take what 100
samples leave to chance; so many more are drawn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.metrics.classification import classification_scores


def answers(folder: Path, n: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Class names, and the true and the answered class numbers of many drawn characters."""
    tellapart.generate("characters", 400, folder / "few", seed=1)
    tellapart.generate("characters", n, folder / "many", seed=2)
    run = tellapart.train(folder / "few", task="classify", epochs=12, out=folder / "run")["run"]
    catalog = open_catalog(folder / "many", task="classify")
    files, labels = catalog.column("file"), catalog.column("label")
    said = tellapart.predict(run, [catalog.root / file for file in files])
    names = sorted({*labels, *(row.answer for row in said)})
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[label] for label in labels]), np.array([place[row.answer] for row in said])


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--size", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        labels, truth, said = answers(Path(name), given.n)
    whole: dict[str, Any] = dict(classification_scores(truth, said, labels))
    dice = np.random.default_rng(0)
    held = {"accuracy": 0, "macro_f1": 0}
    for _ in range(given.samples):
        rows = dice.choice(len(truth), given.size, replace=False)
        scores: dict[str, Any] = dict(classification_scores(truth[rows], said[rows], labels))
        for figure in held:
            low, high = scores[figure]["ci95"]
            held[figure] += low <= whole[figure]["value"] <= high
    figures: dict[str, Any] = {}
    for figure, count in held.items():
        value = whole[figure]["value"]
        share = 100 * count / given.samples
        figures[figure] = {"value": value, "held_percent": share, "samples": given.samples}
        print(f"{figure}: {value:.4f} on {given.n:,} images")
        print(f"  held by {share:.1f} of 100 intervals from {given.size} images ({given.samples:,} samples)")
    return figures
