"""Transfer from ImageNet beside fastai's ``fine_tune``: same backbone and weights, same images, same split, one run.

    TELLAPART_DATA=DATA python -m benchmarks transfer [--set animals|faces] [--seeds 0 1 2] [--ours quick recipe]

DATA/photos/animals_objects holds class folders of Caltech-101 (48 classes), DATA/faces/fer2013 class folders of
FER2013. Without them, or without fastai (the extra ``peers``), there is nothing to do. For each seed both train on the
train part, may look at the val part, and are scored once on the test part. Seconds are those of training, decoding
included on both sides; a run reaches fastai's accuracy when it ends, if it does at least as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tellapart
from benchmarks.sets import find_set
from benchmarks.training.peers import loaders, test_answers
from tellapart.core.parallel import cpu_count
from tellapart.data.catalog import Catalog
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.models.backbones import DEFAULT_BACKBONE, timm_backbone

SETS: dict[str, dict[str, Any]] = {
    "animals": {"data": "photos/animals_objects", "size": 224, "epochs": 3, "recipe": "animal-object"},
    "faces": {"data": "faces/fer2013", "size": 112, "epochs": 5, "recipe": "teasing-faces"},
}


def share(truth: list[str], answers: list[str]) -> float:
    """Accuracy."""
    return float(np.mean([one == other for one, other in zip(truth, answers, strict=True)]))


def fastai(
    catalog: Catalog, size: int, epochs: int, seed: int, score: Callable[[list[str], list[str]], float] = share
) -> tuple[float, float]:
    """Seconds of ``fine_tune``, and the score of its answers for the test part."""
    from fastai.vision.all import accuracy, set_seed, vision_learner

    set_seed(seed, reproducible=True)
    learner = vision_learner(loaders(catalog, size, 32), DEFAULT_BACKBONE, pretrained=False, metrics=accuracy)
    weights = timm_backbone(DEFAULT_BACKBONE, 3, pretrained=True).state_dict()
    body = learner.model[0].model  # fastai's wrapper around the timm network
    missing = body.load_state_dict(weights, strict=False)
    assert not missing.missing_keys, missing
    learner.freeze()
    began = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs)
    seconds = time.perf_counter() - began
    return seconds, score(*test_answers(learner, catalog))


def ours(catalog: Catalog, how: str, recipe: str, seed: int) -> tuple[float, float]:
    """Seconds of training and accuracy on the test part."""
    options: dict[str, Any] = {"recipe": recipe} if how == "recipe" else {"effort": how}
    with tempfile.TemporaryDirectory() as folder:
        result = tellapart.train(catalog, out=Path(folder) / "run", seed=seed, task="classify", **options)
    test = result["test"]
    return result["seconds"], test.get("fine_accuracy", test["accuracy"])["value"]


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=sorted(SETS), default="animals")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ours", nargs="+", choices=["quick", "good", "best", "recipe"], default=["quick", "recipe"])
    given = parser.parse_args()
    about = SETS[given.set]
    data = find_set(about["data"])
    if data is None:
        return {}
    mend_torchvision()
    if importlib.util.find_spec("fastai") is None:
        print("fastai is not installed: pip install fastai (nothing was measured)", file=sys.stderr)
        return {}
    torch.set_num_threads(cpu_count())
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ("fastai", *given.ours)}
    for seed in given.seeds:
        catalog = tellapart.split(data, seed=seed, task="classify")
        seen["fastai"].append(fastai(catalog, about["size"], about["epochs"], seed))
        for how in given.ours:
            seen[how].append(ours(catalog, how, about["recipe"], seed))
        print(f"seed {seed}: " + ", ".join(f"{name} {took[-1][1]:.4f} after {took[-1][0]:.0f} s"
                                           for name, took in seen.items()), flush=True)  # fmt: skip
    peer = seen["fastai"]
    figures: dict[str, Any] = {}
    for name, took in seen.items():
        mean = statistics.mean(score for _, score in took)
        line = f"{name:<8} accuracy {mean:.4f} after {statistics.median(seconds for seconds, _ in took):.1f} s"
        if name != "fastai":
            reached = [other / mine for (mine, score), (other, aim) in zip(took, peer, strict=True) if score >= aim]
            gain = mean - statistics.mean(score for _, score in peer)
            line += f"; {gain:+.4f}; at fastai's final accuracy in {len(reached)} of {len(took)} seeds"
            line += f", {statistics.median(reached):.1f} times sooner" if reached else ""
        print(line)
        figures[name] = {"accuracy": [score for _, score in took], "seconds": [seconds for seconds, _ in took]}
    return figures
