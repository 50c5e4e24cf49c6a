"""Training from nothing beside fastai's xresnet18 and timm's resnet18: same images, same split, same time, one run.

    TELLAPART_DATA=DATA python -m benchmarks scratch [--set messy20|glyphs55] [--seeds 0 1 2] [--minutes M]

DATA/illustrations/messy20 holds class folders of clip art with copies and photos mixed in on purpose, and
DATA/illustrations/messy20.answers.csv (file,kind,of) says which; DATA/characters/glyphs55 holds class folders of single
characters. The drawings are prepared by the recipe illustrations first, for all alike, and the test part is checked
against the answers. Ours trains by the recipe, glyphs as ``tellapart train --backbone small``; the others, with
fastai's one-cycle training and augmentation, for as many epochs as fit into the same seconds (measured on one epoch
before). Macro-F1 and accuracy on the test part. Without fastai (the extra ``peers``) only ours is printed.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import tellapart
from benchmarks.sets import find_set
from benchmarks.training.peers import loaders, test_answers
from tellapart.core.parallel import cpu_count
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.metrics.classification import classification_scores
from tellapart.training._torchvision import mend_torchvision

SETS = {"messy20": ("illustrations/messy20", 128), "glyphs55": ("characters/glyphs55", 32)}
MOST = 100  # epochs

Scores = tuple[float, float, float]  # seconds, accuracy, macro-F1


def peer(catalog: Catalog, make: Callable[[int], Any], size: int, seconds: float, seed: int) -> Scores:
    """A network by fastai for about so many seconds."""
    from fastai.vision.all import CrossEntropyLossFlat, Learner, set_seed

    set_seed(seed, reproducible=True)
    data = loaders(catalog, size, 64, do_flip=size > 64)
    with torch.random.fork_rng():
        probe = Learner(data, make(len(data.vocab)), loss_func=CrossEntropyLossFlat())
        began = time.perf_counter()
        with probe.no_bar(), probe.no_logging():
            probe.fit(1, 1e-3)
        an_epoch = time.perf_counter() - began
    learner = Learner(data, make(len(data.vocab)), loss_func=CrossEntropyLossFlat())
    began = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(min(max(1, round(seconds / an_epoch)), MOST), 3e-3)
    took = time.perf_counter() - began
    truth, answers = test_answers(learner, catalog)
    place = {name: number for number, name in enumerate(data.vocab)}
    scores = classification_scores([place[name] for name in truth], [place[name] for name in answers], list(place))
    return took, scores["accuracy"]["value"], scores["macro_f1"]["value"]


def drawings(data: Path, folder: Path, seed: int) -> Catalog:
    """Cleaned, split and balanced; says what the answers find in its test part."""
    catalog = open_catalog(tellapart.prepare(data, out=folder, recipe="illustrations", seed=seed)["catalog"])
    with data.with_name(f"{data.name}.answers.csv").open(newline="") as stream:
        lines = {line["file"]: line for line in csv.DictReader(stream)}
    part = dict(zip(catalog.column("file"), catalog.column("split"), strict=True))
    kept = {catalog.column("file")[row] for row in catalog.rows()}
    test = [lines[catalog.column("file")[row]] for row in catalog.rows("test")]
    photos = sum(line["kind"] == "photo" for line in test)
    pairs = [(line["file"], line["of"]) for line in lines.values() if line["of"] and {line["file"], line["of"]} <= kept]
    leaks = sum((part[one] == "test") != (part[other] == "test") for one, other in pairs)
    print(f"seed {seed}: {len(test)} test drawings; by the answers {photos} photos, {leaks} with a copy outside")
    return catalog


def ours(catalog: Catalog, seed: int, **options: Any) -> Scores:
    """As the product trains it."""
    with tempfile.TemporaryDirectory() as folder:
        result = tellapart.train(catalog, out=Path(folder) / "run", seed=seed, task="classify", **options)
    test = result["test"]
    print(
        "seed {}: calibration error {ece:.3f}, before {ece_uncalibrated:.3f}, by chance {ece_by_chance[mean]:.3f} and "
        "19 times of 20 below {ece_by_chance[high95]:.3f}".format(seed, **test),
        flush=True,
    )
    return result["seconds"], test["accuracy"]["value"], test["macro_f1"]["value"]


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=sorted(SETS), default="messy20")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, help="for the peers; by default what ours took")
    given = parser.parse_args()
    folder, size = SETS[given.set]
    data = find_set(folder)
    if data is None:
        return {}
    mend_torchvision()
    makers: dict[str, Callable[[int], Any]] = {}
    try:
        import timm
        from fastai.vision.all import xresnet18

        makers["fastai xresnet18"] = lambda classes: xresnet18(n_out=classes)
        makers["timm resnet18"] = lambda classes: timm.create_model("resnet18", pretrained=False, num_classes=classes)
    except ImportError:
        print("fastai is not installed: left out", file=sys.stderr)
    torch.set_num_threads(cpu_count())
    seen: dict[str, list[Scores]] = {name: [] for name in ("ours", *makers)}
    with tempfile.TemporaryDirectory() as name:  # a prepared catalog names its images from where it lies
        for seed in given.seeds:
            if given.set == "messy20":
                catalog = drawings(data, Path(name) / str(seed), seed)
                options: dict[str, Any] = {"recipe": "illustrations"}
            else:
                catalog, options = tellapart.split(data, seed=seed, task="classify"), {"backbone": "small"}
            seen["ours"].append(ours(catalog, seed, **options))
            seconds = given.minutes * 60 if given.minutes else seen["ours"][-1][0]
            for peer_name, make in makers.items():
                seen[peer_name].append(peer(catalog, make, size, seconds, seed))
            print(f"seed {seed}: " + ", ".join(f"{each} {took[-1][2]:.3f}" for each, took in seen.items()), flush=True)
    mine = statistics.mean(score[2] for score in seen["ours"])
    figures: dict[str, Any] = {}
    for name, took in seen.items():
        seconds, accuracy, f1 = (statistics.mean(column) for column in zip(*took, strict=True))
        print(
            f"{name:<17} macro-F1 {f1:.4f}, accuracy {accuracy:.4f} after {seconds:.0f} s; ours / this {mine / f1:.2f}"
        )
        figures[name] = {"macro_f1": f1, "accuracy": accuracy, "seconds": seconds, "ours_over_this": mine / f1}
    return figures
