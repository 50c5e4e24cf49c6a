"""Predicting 2,000 photos with a bundle, beside a bare loop of decoding and ONNX Runtime. Prints ratios of one run.

    python -m benchmarks predict [--images 2000] [--rounds 3]

Same files, same graph (EfficientNet-Lite0, 224 px), same batch of 16, same machine, rounds in turn. The bare loop
decodes with Pillow, fits, and runs the graph; "graph alone" runs it over pixels that lie ready in memory, which no
prediction from files can beat.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from PIL import Image

from benchmarks.timing import Spread, ratios, time_in_turn
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.manifest import BundleManifest, TrainingData
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.export import Deployed, write_graph
from tellapart.training.models.backbones import DEFAULT_BACKBONE
from tellapart.training.models.classifier import Classifier

BATCH = 16


def draw_photos(folder: Path, n: int) -> list[Path]:
    """JPEGs of 500 x 375 px with the detail of a photo: smooth shapes and grain."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)).resize((500, 375))
        grain = rng.integers(-12, 13, (375, 500, 3))
        pixels = np.clip(np.asarray(coarse).astype(np.int16) + grain, 0, 255).astype(np.uint8)
        files.append(folder / f"{number:05d}.jpg")
        Image.fromarray(pixels).save(files[-1], quality=90)
    return files


def make_bundle(folder: Path) -> Bundle:
    """A bundle of the default backbone; what it answers does not matter here."""
    torch.manual_seed(0)
    model = Classifier(48, DEFAULT_BACKBONE, pretrained=False).eval()
    spec = Preprocess(224, 224, 3, mean=model.mean, std=model.std)
    folder.mkdir()
    write_graph(Deployed(model, spec), spec, folder / GRAPH)
    labels = [f"class {number}" for number in range(48)]
    data = TrainingData(fingerprint="", content="", n=0, split=None)
    return Bundle.write(
        folder, BundleManifest(task="classify", labels=labels, preprocess=spec, data=data, training={}, versions={})
    )


def bare(session: ort.InferenceSession, files: list[Path]) -> None:
    """What one writes by hand."""
    for start in range(0, len(files), BATCH):
        batch = np.full((len(files[start : start + BATCH]), 224, 224, 3), 128, np.uint8)
        for place, file in enumerate(files[start : start + BATCH]):
            image = Image.open(file).convert("RGB")
            scale = 224 / max(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
            left, top = (224 - image.width) // 2, (224 - image.height) // 2
            batch[place, top : top + image.height, left : left + image.width] = np.asarray(image)
        session.run(None, {"pixels": batch})


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        files = draw_photos(folder / "photos", options.images)
        predictor = Predictor(make_bundle(folder / "bundle"))
        session = ort.InferenceSession(str(folder / "bundle" / GRAPH), providers=["CPUExecutionProvider"])
        ready = np.zeros((BATCH, 224, 224, 3), np.uint8)

        def graph_alone() -> None:
            for _ in range(0, len(files), BATCH):
                session.run(None, {"pixels": ready})

        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: predictor.predict(files),
            "bare loop": lambda: bare(session, files),
            "graph alone": graph_alone,
        }
        seconds = time_in_turn(ways, options.rounds)
    figures: dict[str, Any] = {}
    for way, values in seconds.items():
        rate = Spread.of([len(files) / each for each in values])
        print(f"{way:<12} {rate.median:8.1f} images a second (median of {options.rounds})")
        figures[f"{way}, images a second"] = rate.to_json()
    for way, aim in (("bare loop", "   (aim: 0.9)"), ("graph alone", "")):
        gain = ratios(seconds[way], seconds["ours"])
        print(f"ours / {way:<12} {gain}{aim}")
        figures[f"ours / {way}"] = gain.to_json()
    return figures
