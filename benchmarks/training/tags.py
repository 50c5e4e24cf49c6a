"""Several labels an image beside scikit-learn's one-vs-rest logistic regression: same features, same split, one run.

    python -m benchmarks tags [--n 600] [--seeds 0 1 2] [--effort quick|good]

Draws pictures of one to four things among eight, some rare, on a patterned ground, and trains a tagger. The peer gets
the features of the tagger's own network (`tellapart embed`): with ``quick`` those of the frozen backbone, so that the
heads alone differ. Its regularisation and a threshold a tag are chosen on the same validation part, for the mean
average precision and for F1. Printed: mean average precision, macro and micro F1 on the test part, and the seconds:
ours from the images to the weights, the peer's of its fits alone.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.metrics.calibration import threshold
from tellapart.metrics.tagging import tag_scores
from tellapart.training.decision_rules import tag_targets

SHARES = {
    "disc": 0.5, "box": 0.4, "ring": 0.3, "cross": 0.25, "triangle": 0.2, "star": 0.12, "bars": 0.08, "arc": 0.05,
}  # fmt: skip
SIDE = 128  # px
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # C of the logistic regression
FIGURES = ("mean_average_precision", "macro_f1", "micro_f1")

Array = npt.NDArray[Any]


def draw(folder: Path, n: int, seed: int) -> Path:
    """Draw n pictures and the table of their tags; the table."""
    rows = ["file,label"]
    for number in range(n):
        dice = np.random.default_rng([seed, number])
        coarse = dice.integers(60, 200, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        tags = [name for name, share in SHARES.items() if dice.random() < share][:4] or ["disc"]
        for name in tags:
            _draw_thing(ImageDraw.Draw(picture), name, dice)
        picture.save(folder / f"{number:05}.png")
        rows.append(f"{number:05}.png,{'|'.join(tags)}")
    table = folder / "labels.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def _draw_thing(pen: ImageDraw.ImageDraw, name: str, dice: np.random.Generator) -> None:
    radius = float(dice.uniform(9, 20))
    x, y = (float(value) for value in dice.uniform(radius, SIDE - radius, 2))
    colour = tuple(int(value) for value in dice.integers(0, 256, 3))
    box = (x - radius, y - radius, x + radius, y + radius)
    if name == "disc":
        pen.ellipse(box, colour)
    elif name == "box":
        pen.rectangle(box, colour)
    elif name == "ring":
        pen.ellipse(box, outline=colour, width=4)
    elif name == "cross":
        pen.line((x - radius, y, x + radius, y), colour, 5)
        pen.line((x, y - radius, x, y + radius), colour, 5)
    elif name == "arc":
        pen.arc(box, 20, 200, colour, 5)
    elif name == "bars":
        for step in (-1, 0, 1):
            pen.line((x - radius, y + step * radius / 2, x + radius, y + step * radius / 2), colour, 3)
    else:
        points = 3 if name == "triangle" else 10
        reach = [radius if name == "triangle" or place % 2 == 0 else radius / 2.5 for place in range(points)]
        angles = [2 * math.pi * place / points - math.pi / 2 for place in range(points)]
        pen.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(reach, angles, strict=True)], colour)


def one_vs_rest(features: Array, truth: Array, parts: Array) -> tuple[dict[str, float], float]:
    """The peer's figures on the test part, and the seconds of its fits."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, val, test = (parts == part for part in ("train", "val", "test"))
    names = [str(place) for place in range(truth.shape[1])]
    began, best = time.perf_counter(), (-1.0, np.zeros(0), np.zeros(0))
    for strength in STRENGTHS:
        model = make_pipeline(
            StandardScaler(), OneVsRestClassifier(LogisticRegression(C=strength, max_iter=1000), n_jobs=1)
        ).fit(features[train], truth[train])
        on_val, on_test = (model.predict_proba(features[part]) for part in (val, test))
        score = tag_scores(truth[val], on_val > 0.5, on_val, names)["mean_average_precision"]["value"]
        if score > best[0]:
            best = score, on_val, on_test
    _, on_val, on_test = best
    at = [threshold(on_val[:, place], truth[val][:, place], "f1") if truth[val][:, place].any() else 0.5
          for place in range(truth.shape[1])]  # fmt: skip
    seconds = time.perf_counter() - began
    scores: Any = tag_scores(truth[test], on_test >= np.array(at), on_test, names)
    return {name: scores[name]["value"] for name in FIGURES}, seconds


def measure(n: int, seed: int, effort: Any) -> dict[str, dict[str, float]]:
    """Ours and the peer's figures on one drawing."""
    with tempfile.TemporaryDirectory() as folder:
        table, run = draw(Path(folder), n, seed), Path(folder) / "run"
        result = tellapart.train(table, task="tag", effort=effort, height=SIDE, out=run, seed=seed)
        ours: Any = result["test"]
        catalog = open_catalog(run / "data.parquet")
        tellapart.embed(run, catalog, out=Path(folder) / "features.npy")
        features = np.load(Path(folder) / "features.npy")
        theirs, seconds = one_vs_rest(features, tag_targets(catalog) > 0, np.array(catalog.column("split")))
    return {
        "tellapart": {**{name: ours[name]["value"] for name in FIGURES}, "seconds": result["seconds"]},
        "one-vs-rest": {**theirs, "seconds": seconds},
    }


def main() -> dict[str, Any]:
    """Measure and print; the figures of each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--effort", choices=["quick", "good"], default="quick")
    given = parser.parse_args()
    measured = {}
    for seed in given.seeds:
        measured[seed] = measure(given.n, seed, given.effort)
        for name, figures in measured[seed].items():
            print(
                f"seed {seed}, {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True
            )
    return {str(seed): figures for seed, figures in measured.items()}


if __name__ == "__main__":
    main()
