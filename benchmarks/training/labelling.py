"""How many labels are needed when `tellapart next` chooses the images, and when chance does: one pool, one run.

    TELLAPART_DATA=DATA python -m benchmarks labelling [--seeds 0 1 2 3 4] [--batch 48] [--goals 0.9 0.93 0.95]

DATA/photos/animals_objects holds class folders of Caltech-101 (48 classes). A seed puts 30 % aside as the test part; of
the others two images a class are labelled at first. Each round a head in closed form is fitted to what is labelled, on
the frozen features of EfficientNet-Lite2, and scored on the test part. Then `--batch` more images are labelled: those
that `tellapart.evaluation.label_selection` chooses, those of the smallest margins alone, or any. Printed: accuracy on
the mean of the seeds after so many labels, and with how many a seed first reached each goal.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.sets import find_set
from tellapart.data.opening import open_catalog
from tellapart.evaluation.feature_extraction import extract_features
from tellapart.evaluation.label_selection import SHORTLIST, farthest_first, unsure_first
from tellapart.metrics.calibration import temperature
from tellapart.metrics.lda import fit_lda, softmax
from tellapart.pipelines.feature_extractor import feature_extractor

BACKBONE = "tf_efficientnet_lite2"
WAYS = ("next", "margin", "chance")
SHRINK = 0.8
FIRST = 2  # images a class that are labelled at first
TEST = 0.3

Array = npt.NDArray[Any]


def choose(way: str, features: Array, chances: Array, n: int, generator: np.random.Generator) -> list[int]:
    """Which of some unlabelled images are labelled next, by their features (N, F) and probabilities (N, K)."""
    if way == "chance":
        drawn: list[int] = generator.permutation(len(features))[:n].tolist()
        return drawn
    ordered = np.sort(chances, axis=1)
    margins = (ordered[:, -1] - ordered[:, -2]).tolist()
    unsure = unsure_first(margins, [[number] for number in range(len(features))])
    if way == "margin":
        return unsure[:n]
    shortlist = unsure[: SHORTLIST * n]
    return [shortlist[place] for place in farthest_first(features[shortlist], n)]


def head(features: Array, target: Array, classes: int) -> tuple[Array, Array]:
    """Slopes and offsets of a calibrated head: its temperature fits what each half says of the other."""
    order = np.random.default_rng(0).permutation(len(target))
    outputs = np.zeros((len(target), classes))
    for half in (0, 1):
        learnt, judged = order[half::2], order[1 - half :: 2]
        slopes, offsets = fit_lda(features[learnt], target[learnt], classes, shrink=SHRINK)
        outputs[judged] = features[judged] @ slopes + offsets
    scale = temperature(outputs, target)
    slopes, offsets = fit_lda(features, target, classes, shrink=SHRINK)
    return slopes / scale, offsets / scale


def curve(way: str, features: Array, target: Array, batch: int, seed: int) -> dict[int, float]:
    """Number of labels → accuracy on the test part, until all are labelled."""
    generator = np.random.default_rng(seed)
    classes = int(target.max()) + 1
    order = generator.permutation(len(target))
    test, pool = np.split(order, [round(TEST * len(order))])
    labelled = [row for name in range(classes) for row in pool[target[pool] == name][:FIRST].tolist()]
    result: dict[int, float] = {}
    while True:
        slopes, offsets = head(features[labelled], target[labelled], classes)
        logits = features @ slopes + offsets
        result[len(labelled)] = float((logits[test].argmax(axis=1) == target[test]).mean())
        rest = np.setdiff1d(pool, labelled)
        if not len(rest):
            return result
        labelled += rest[choose(way, features[rest], softmax(logits[rest]), batch, generator)].tolist()


def first(scores: dict[int, float], goal: float) -> int | None:
    """The fewest labels with which a goal is reached; None where it never is."""
    return next((labels for labels, score in scores.items() if score >= goal), None)


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--goals", type=float, nargs="+", default=[0.9, 0.93, 0.95])
    given = parser.parse_args()
    data = find_set("photos/animals_objects")
    if data is None:
        return {}
    catalog = open_catalog(data, task="classify")
    rows, labels = catalog.rows(), catalog.column("label")
    features = extract_features(feature_extractor(BACKBONE), catalog, rows)
    target = np.array([catalog.labels.index(labels[row]) for row in rows])
    curves = {way: [curve(way, features, target, given.batch, seed) for seed in given.seeds] for way in WAYS}
    figures: dict[str, Any] = {}
    print(f"{'labels':>7}  " + "  ".join(f"{way:>7}" for way in WAYS))
    means = {way: {n: statistics.mean(each[n] for each in some) for n in some[0]} for way, some in curves.items()}
    for n in means["next"]:
        print(f"{n:>7}  " + "  ".join(f"{means[way][n]:>7.4f}" for way in WAYS))
    for goal in given.goals:
        print(f"labels for {goal:g}:")
        for way in WAYS:
            needed = [first(each, goal) for each in curves[way]]
            on_mean = first(means[way], goal)
            print(f"  {way:<7} on the mean {on_mean or 'never'}; by seed {[each or 'never' for each in needed]}")
            figures[f"{way}, {goal:g}"] = {"mean": on_mean, "seeds": needed}
    return figures | {"mean accuracy": means}


if __name__ == "__main__":
    main()
