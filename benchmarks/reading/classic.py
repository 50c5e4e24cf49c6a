"""The scheme ``classic``, whole: exact match, character errors, what the confidence is worth, and parity.

    python -m benchmarks classic [--run RUN] [--fresh 10000]

Trains the recipe captcha-text (10,000 drawn images) with a level to abstain below for 99 % precision, then draws fresh
images and reads them with the bundle and with the network that was exported: readings that differ, exact match, CER,
ECE of whole words, and how many of the words that the bundle is sure of are right; with --tta too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.inference.predictor import Predictor
from tellapart.pipelines.export import Deployed
from tellapart.training.build_model import build_preprocess, load_model
from tellapart.training.run_folder import Run

PRECISION = 0.99
BATCH = 32


def differing(run: Run, data: Path) -> tuple[int, int]:
    """How many images the trained network and the bundle read differently, and of how many."""
    catalog = open_catalog(data, task="read")
    spec, predictor = build_preprocess(run), Predictor(run.path / "bundle")
    trained = Deployed(load_model(run), spec, run.calibration().get("temperature", 1.0)).eval()
    images = [image for _, image in catalog.read(catalog.rows())]
    theirs = []
    for start in range(0, len(images), BATCH):
        for image in images[start : start + BATCH]:
            with torch.inference_mode():
                probabilities = trained(torch.tensor(spec.load(image)[None]))[0].numpy()
            theirs += predictor.interpret([""], probabilities)
    ours = predictor.predict(images)
    return sum(a.answer != b.answer for a, b in zip(ours, theirs, strict=True)), len(images)


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="where to train, or a finished run")
    parser.add_argument("--fresh", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drawn, fresh = Path(folder) / "classic.parquet", Path(folder) / "fresh.parquet"
        tellapart.generate("classic", 10_000, drawn, seed=0)
        tellapart.generate("classic", given.fresh, fresh, seed=1)
        out = given.run or Path(folder) / "run"
        result = tellapart.train(drawn, recipe="captcha-text", abstain=PRECISION, out=out)
        test = result["test"]
        print(f"training {result['seconds']:.0f} s")
        figures: dict[str, Any] = {"seconds": result["seconds"]}
        for name in ("exact_match", "cer"):
            low, high = test[name]["ci95"]
            figures[f"test part, {name}"] = test[name]
            print(f"test part, {name}: {test[name]['value']:.4f} [{low:.4f}, {high:.4f}], n {test['n']}")
        for part, data, split in (("test part", drawn, "test"), ("fresh images", fresh, "all")):
            for careful in (False, True):
                report = tellapart.evaluate(out, data, split=split, tta=careful)
                for name in ("exact_match", "cer", "ece", "answered", "answered_accuracy"):
                    value = report[name]["value"] if isinstance(report[name], dict) else report[name]
                    how = f"{part}, {'tta' if careful else 'one look'}"
                    figures[f"{how}, {name}"] = value
                    print(f"{how}, {name}: {value:.4f}, n {report['n']}", flush=True)
        different, n = differing(Run.open(out), fresh)
        print(f"readings that differ between the trained network and the bundle: {different} of {n}")
    return figures | {"readings that differ": different, "of": n}
