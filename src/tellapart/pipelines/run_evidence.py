"""What a finished run shows of how it went: its curves, its figures, and a look at a few hundred training images."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.image_io import decode
from tellapart.core.parallel import map_threads
from tellapart.curation.checks.label_errors import find_label_errors, gradients
from tellapart.data.duplicates.hashing import SIDE, thumbnail
from tellapart.inference.predictor import Predictor
from tellapart.metrics.intervals import wilson
from tellapart.training.config import Stage
from tellapart.training.run_folder import Run
from tellapart.training.tasks.registry import get_task

LEARNT = 0.7  # skill on training images from which on they count as learnt
SAMPLE_SIZE = 500  # training images


@dataclass(frozen=True)
class Cause:
    """A cause of a poor training.

    Args:
        name: of the cause.
        evidence: what shows it in this run, with numbers.
        advice: what to do.
    """

    name: str
    evidence: str
    advice: str


def skill(score: float, chance: float) -> float:
    """How far a score stands between always answering the same, 0, and always being right, 1 (Cohen 1960).

    >>> skill(0.75, 0.5), skill(0.5, 0.5)
    (0.5, 0.0)
    """
    return (score - chance) / (1 - chance) if chance < 1 else float(score == 1)


def largest(labels: Sequence[str]) -> float:
    """The share of the most frequent label.

    >>> largest(["a", "b", "a", "c"])
    0.5
    """
    return Counter(labels).most_common(1)[0][1] / len(labels) if labels else 0.0


def spread(rows: list[int], most: int) -> list[int]:
    """At most so many of the rows, evenly.

    >>> spread([3, 4, 5, 6, 7], 3)
    [3, 5, 7]
    """
    return rows[:: max(1, -(-len(rows) // most))]


class RunEvidence:
    """The facts about a run that the checks of `diagnose` read; each is computed once, when a check reads it first.

    Args:
        run: a finished run.
        metrics: its figures on the test part.
    """

    def __init__(self, run: Run, metrics: dict[str, Any]) -> None:
        self.run, self.metrics, self.catalog = run, metrics, run.catalog()
        self.labels = self.catalog.column("label")
        self.figure = metrics.get("fine_accuracy") or metrics.get("accuracy") or metrics["exact_match"]
        part = metrics.get("split", "test")
        self.chance = largest([self.labels[row] for row in self.catalog.rows(None if part == "all" else part)])
        self.skill = skill(self.figure["value"], self.chance)
        self.classify = self.catalog.task == "classify"
        self.class_counts = Counter(self.labels[row] for row in self.catalog.training_rows())

    @cached_property
    def curves(self) -> list[tuple[Stage, list[float]]]:
        """The training losses of each stage that has any, of every member."""
        curves: dict[tuple[int, int], list[float]] = defaultdict(list)
        for member, lines in enumerate(self.run.histories().values()):
            for line in lines:
                if "train_loss" in line:
                    curves[member, line["stage"]].append(line["train_loss"])
        stages = self.run.config.stages or []
        return [(stages[stage], losses) for (_, stage), losses in curves.items()]

    def updates(self, losses: list[float]) -> int:
        """How many steps the weights took in so many epochs."""
        batch_size = self.run.config.batch_size or 32
        return len(losses) * -(-len(self.catalog.training_rows()) // batch_size)

    @cached_property
    def begun(self) -> bool:
        """Whether the network began with what another has learnt."""
        return get_task(self.catalog.task).transfers(self.run.config) or self.run.config.init_from is not None

    @cached_property
    def sample(self) -> list[tuple[int, bytes]]:
        """Training images of as many classes as make a fair number each; of a reader, images spread over all."""
        rows = self.catalog.rows("train")
        if self.classify:
            most = max(25, SAMPLE_SIZE // len(self.class_counts))
            label_to_rows: dict[str, list[int]] = defaultdict(list)
            for row in rows:
                label_to_rows[self.labels[row]].append(row)
            names = [name for name, _ in self.class_counts.most_common()]
            rows = [row for name in names for row in spread(label_to_rows[name], most)][:SAMPLE_SIZE]
        return list(self.catalog.read(spread(rows, SAMPLE_SIZE)))

    @cached_property
    def sample_labels(self) -> list[str]:
        """The labels of the sample."""
        return [self.labels[row] for row, _ in self.sample]

    @cached_property
    def sample_chance(self) -> float:
        """The share of the sample that the most frequent label has."""
        return largest(self.sample_labels)

    @cached_property
    def validation(self) -> tuple[float, float, float]:
        """The share of the validation images that is answered right, the lower end of its interval, and chance.

        All are zero where half of these images or more also teach.
        """
        pixels = self.catalog.column("pixels")
        taught = {pixels[row] for row in self.catalog.rows("train")}
        rows = spread(self.catalog.rows("val"), SAMPLE_SIZE)
        if sum(pixels[row] in taught for row in rows) >= len(rows) / 2:
            return 0.0, 0.0, 0.0
        labels = [self.labels[row] for row in rows]
        predictor = Predictor(self.run.path / "bundle", pattern=None if self.classify else ".*")
        answers = predictor.predict(data for _, data in self.catalog.read(rows))
        right = sum(each.answer == label for each, label in zip(answers, labels, strict=True))
        return right / len(rows), wilson(right, len(rows))[0], largest(labels)

    @cached_property
    def thumbnails(self) -> npt.NDArray[np.uint8]:
        """``uint8`` N, SIDE, SIDE, 3 of the sample."""
        pictures = (data for _, data in self.sample)
        return np.stack([*map_threads(lambda data: thumbnail(decode(data, at_least=2 * SIDE)), pictures)])

    @cached_property
    def predictions(self) -> list[str]:
        """What the bundle says of the sample, texts as long as they come."""
        predictor = Predictor(self.run.path / "bundle", pattern=None if self.classify else ".*")
        return [each.answer for each in predictor.predict(data for _, data in self.sample)]

    @cached_property
    def train_accuracy(self) -> float:
        """The share of the sample that is answered right."""
        return sum(map(str.__eq__, self.predictions, self.sample_labels)) / len(self.sample_labels)

    @cached_property
    def learnt(self) -> bool:
        """Whether the training images are known."""
        return skill(self.train_accuracy, self.sample_chance) >= LEARNT

    @cached_property
    def shape_baseline(self) -> tuple[float, float, float, float] | None:
        """Accuracy of a closed-form classifier on shapes and colours, its interval (low, high), and chance.

        None of a reader, and where no image can be tested.
        """
        if not self.classify:
            return None
        pixels = self.catalog.column("pixels")
        group_numbers: dict[str, int] = {}
        groups = [group_numbers.setdefault(pixels[row], len(group_numbers)) for row, _ in self.sample]
        errors = find_label_errors(gradients(self.thumbnails), self.sample_labels, groups)
        tested_labels = [
            name for name, margin in zip(self.sample_labels, errors.margin, strict=True) if not math.isnan(margin)
        ]
        if not tested_labels or math.isnan(errors.accuracy):
            return None
        return (
            errors.accuracy,
            *wilson(errors.accuracy * len(tested_labels), len(tested_labels)),
            largest(tested_labels),
        )

    @cached_property
    def train_accuracy_note(self) -> str:
        """How little is known even of the training images."""
        return f"even of the training images {self.train_accuracy:.0%} are answered right"
