"""Tiny binary faces: happy against the rest, 156 training and 40 test images, drawn 20 times; F1 beside two peers.

    TELLAPART_DATA=DATA python -m benchmarks faces [--draws 20] [--epochs 5]

DATA/faces/fer2013 holds class folders of FER2013. Peers, on the very same images: fastai's ``fine_tune`` with the same
backbone and weights (left out where fastai is not installed), and scikit-learn's logistic regression on the backbone's
last features. Ours is the recipe teasing-faces. Intervals are of the paired differences, by Student's t.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

import tellapart
from benchmarks.sets import find_set
from benchmarks.training.transfer import fastai
from tellapart.core.image_io import decode
from tellapart.core.parallel import cpu_count
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.embedder import Embedder

EACH = {"train": 66, "val": 12, "test": 20}  # images a class; train and val together are the 156


def draw(faces: Catalog, seed: int) -> Catalog:
    """A binary set of its own split; copies never stand on two sides, as each picture is taken once."""
    dice = np.random.default_rng(seed)
    kinds = ["happy" if label == "happy" else "rest" for label in faces.column("label")]
    part: list[str | None] = [None] * len(faces)
    for kind in ("happy", "rest"):
        seen: set[str] = set()
        rows = iter(dice.permutation([row for row in faces.rows() if kinds[row] == kind]).tolist())
        for name, count in EACH.items():
            taken = 0
            while taken < count:
                row = next(rows)
                if faces.column("pixels")[row] not in seen:
                    seen.add(faces.column("pixels")[row])
                    part[row], taken = name, taken + 1
    kept = [name is not None for name in part]
    return faces.with_column("label", kinds).with_column("split", part).with_column("keep", kept)


def f1(truth: list[str], answers: list[str]) -> float:
    """Of the happy ones."""
    return float(f1_score(truth, answers, pos_label="happy"))


def ours(catalog: Catalog) -> float:
    """The recipe, its threshold chosen on the validation images."""
    with tempfile.TemporaryDirectory() as folder:
        result = tellapart.train(catalog, out=Path(folder) / "run", recipe="teasing-faces")
    return float(result["test"]["per_class"]["happy"]["f1"])


def regression(catalog: Catalog, embed: Embedder) -> float:
    """Logistic regression on the last features of all images that may be learnt from."""
    spec = Preprocess(height=embed.size, width=embed.size, channels=3)
    rows = [*catalog.rows("train"), *catalog.rows("val"), *catalog.rows("test")]
    content = embed(np.stack([spec.apply(decode(data)) for _, data in catalog.read(rows)]))[0].astype(np.float64)
    order = [row for row, _ in catalog.read(rows)]
    labels = [catalog.column("label")[row] for row in order]
    judged = np.isin(order, catalog.rows("test"))
    model = LogisticRegression(max_iter=2000).fit(content[~judged], np.array(labels)[~judged])
    return f1(np.array(labels)[judged].tolist(), model.predict(content[judged]).tolist())


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    data = find_set("faces/fer2013")
    if data is None:
        return {}
    mend_torchvision()
    faces = open_catalog(data, task="classify")
    embed = Embedder()
    torch.set_num_threads(cpu_count())
    scores: dict[str, list[float]] = {"ours": [], "regression": [], "fastai": []}
    for seed in range(given.draws):
        catalog = draw(faces, seed)
        scores["ours"].append(ours(catalog))
        scores["regression"].append(regression(catalog, embed))
        try:
            scores["fastai"].append(fastai(catalog, 112, given.epochs, seed, score=f1)[1])
        except ImportError:
            if not seed:
                print("fastai is not installed: left out", file=sys.stderr)
        print(
            f"draw {seed}: " + ", ".join(f"{name} {took[-1]:.3f}" for name, took in scores.items() if took), flush=True
        )
    figures: dict[str, Any] = {}
    for name, took in scores.items():
        if not took:
            continue
        gap = np.array(scores["ours"]) - took
        reach = student.ppf(0.975, max(len(gap) - 1, 1)) * gap.std(ddof=1) / len(gap) ** 0.5 if len(gap) > 1 else 0.0
        figures[name] = {"f1": float(np.mean(took)), "ours_above": float(gap.mean()), "half_interval": float(reach)}
        line = f"{name:<11} F1 {np.mean(took):.3f}"
        if name != "ours":
            line += f"; ours is {gap.mean():+.3f} above, 95 % interval of the paired difference "
            line += f"{gap.mean() - reach:+.3f} to {gap.mean() + reach:+.3f}"
        print(line)
    return figures
