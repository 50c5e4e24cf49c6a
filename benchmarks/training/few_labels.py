"""Few labels: what pictures without labels bring, labelled by propagation, by the head itself or by a larger network.

    TELLAPART_DATA=DATA python -m benchmarks few_labels [--set drawings|photos] [--labels 10] [--seeds 0 1 2 3 4]
        [--teacher tf_efficientnet_lite2]

DATA/illustrations/messy20 holds class folders of drawings, DATA/photos/animals_objects of Caltech-101. Of each class of
the train part so many images keep their labels, drawn anew a seed; the others are pictures without labels. A head in
closed form on frozen features (EfficientNet-Lite0, 224 px) learns from the labels alone; from them and what it answers
for the pictures itself where it is sure (0.5 and 0.8); from them and the pictures on which it agrees with label
propagation (Zhou et al. 2004); with ``--teacher`` from what a head on that network's features answers, for all pictures
and where both agree; and from all labels. Printed: the share of right answers on the test part, the share of pictures
that were labelled so, and how many of those labels are right; means over the seeds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.semi_supervised import LabelSpreading

from benchmarks.sets import find_set
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.evaluation.feature_extraction import extract_features
from tellapart.metrics.calibration import temperature
from tellapart.metrics.lda import fit_lda, softmax
from tellapart.pipelines.feature_extractor import feature_extractor
from tellapart.training.models.backbones import DEFAULT_BACKBONE

SETS = {"drawings": "illustrations/messy20", "photos": "photos/animals_objects"}
SHRINK = 0.8
FOLDS = 5

Array = npt.NDArray[Any]


class Head:
    """A discriminant on some images, and its calibrated probabilities for all; N, K."""

    def __init__(self, features: Array, rows: Array, target: Array, classes: int) -> None:
        self.features, self.classes = features, classes
        slopes, offsets = self._fit(rows, target)
        fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
        held = np.zeros((len(rows), classes))
        for number in range(FOLDS):
            learn = fold != number
            some = self._fit(rows[learn], target[learn])
            held[~learn] = features[rows[~learn]] @ some[0] + some[1]
        self.chances = softmax((features @ slopes + offsets) / temperature(held, target))

    def _fit(self, rows: Array, target: Array) -> tuple[Array, Array]:
        return fit_lda(self.features[rows], target, self.classes, shrink=SHRINK)


def measure(
    features: Array, teacher: Array | None, target: Array, parts: Array, seed: int, count: int
) -> dict[str, tuple[float, float, float]]:
    """Of each way the accuracy on the test part, the share of pictures labelled, and how many labels are right."""
    dice, classes = np.random.default_rng(seed), int(target.max()) + 1
    train, test = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
    labelled = np.concatenate([dice.permutation(train[target[train] == kind])[:count] for kind in range(classes)])
    pictures = np.setdiff1d(train, labelled)

    def accuracy(rows: Array, labels: Array) -> float:
        slopes, offsets = fit_lda(features[rows], labels, classes, shrink=SHRINK)
        return float(((features[test] @ slopes + offsets).argmax(axis=1) == target[test]).mean())

    head = Head(features, labelled, target[labelled], classes)
    own = head.chances[pictures]
    seen = np.concatenate([labelled, pictures])
    directions = features[seen] - features[train].mean(axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    given = np.concatenate([target[labelled], np.full(len(pictures), -1)])
    spread = LabelSpreading(kernel="knn", n_neighbors=15, alpha=0.9, max_iter=100).fit(directions, given)
    near = spread.transduction_[len(labelled) :]
    everything = np.ones(len(pictures), bool)
    ways = {
        "its own answers from 0.8": (own.argmax(axis=1), own.max(axis=1) >= 0.8),
        "its own answers from 0.5": (own.argmax(axis=1), own.max(axis=1) >= 0.5),
        "propagation alone": (near, everything),
        "propagation and it agree": (near, near == own.argmax(axis=1)),
    }
    if teacher is not None:
        told = Head(teacher, labelled, target[labelled], classes).chances[pictures].argmax(axis=1)
        ways |= {"the teacher": (told, everything), "the teacher and it agree": (told, told == own.argmax(axis=1))}
    result = {"labels alone": (accuracy(labelled, target[labelled]), 0.0, float("nan"))}
    for name, (labels, chosen) in ways.items():
        rows = np.concatenate([labelled, pictures[chosen]])
        right = float((labels == target[pictures])[chosen].mean()) if chosen.any() else float("nan")
        learnt = np.concatenate([target[labelled], labels[chosen]])
        result[name] = accuracy(rows, learnt), float(chosen.mean()), right
    result["all labels"] = accuracy(train, target[train]), 1.0, 1.0
    return result


def look(catalog: Catalog, rows: Sequence[int], backbone: str) -> Array:
    """The features of rows, N, F."""
    return extract_features(feature_extractor(backbone), catalog, list(rows)).astype(np.float64)


def main() -> dict[str, Any]:
    """Measure and print; the figures of each way, a list over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=sorted(SETS), default="drawings")
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--teacher")
    options = parser.parse_args()
    data = find_set(SETS[options.set])
    if data is None:
        return {}
    catalog = split(open_catalog(data, task="classify"), seed=0)
    rows = catalog.rows()
    _, target = np.unique([catalog.column("label")[row] for row in rows], return_inverse=True)
    parts = np.array([catalog.column("split")[row] for row in rows])
    features = look(catalog, rows, DEFAULT_BACKBONE)
    teacher = look(catalog, rows, options.teacher) if options.teacher else None
    measured: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for seed in options.seeds:
        for name, figures in measure(features, teacher, target, parts, seed, options.labels).items():
            measured[name].append(figures)
    for name, each in measured.items():
        accuracy, share, right = np.mean(each, axis=0)
        seeds = " ".join(f"{one[0]:.3f}" for one in each)
        print(f"{name:<26} {accuracy:.3f} ({seeds}); {share:.0%} of the pictures labelled, {right:.0%} of them right")
    return dict(measured)


if __name__ == "__main__":
    main()
