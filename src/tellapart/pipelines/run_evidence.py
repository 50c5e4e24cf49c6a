"""What a finished run shows of how it went: its curves, its figures, and a look at a few hundred training images."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
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
from tellapart.training.ensemble import FOLDER
from tellapart.training.run import HISTORY, Run

LEARNT = 0.7  # skill on training images from which on they count as learnt
LOOKED_AT = 500  # training images


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
    """What the checks see of a run; each look is taken once, and only if a check asks."""

    def __init__(self, run: Run, metrics: dict[str, Any]) -> None:
        self.run, self.metrics, self.catalog = run, metrics, run.catalog()
        self.labels = self.catalog.column("label")
        self.figure = metrics.get("fine_accuracy") or metrics.get("accuracy") or metrics["exact_match"]
        part = metrics.get("split", "test")
        self.chance = largest([self.labels[row] for row in self.catalog.rows(None if part == "all" else part)])
        self.skill = skill(self.figure["value"], self.chance)
        self.classify = self.catalog.task == "classify"
        self.seen = Counter(self.labels[row] for row in self.catalog.training_rows())

    @cached_property
    def curves(self) -> list[tuple[Stage, list[float]]]:
        """The training losses of each stage that has any, of every member."""
        whole = self.run.path / HISTORY
        files = [whole] if whole.is_file() else sorted(self.run.path.glob(f"{FOLDER}/*/{HISTORY}"))
        found: dict[tuple[int, int], list[float]] = defaultdict(list)
        for member, file in enumerate(files):
            for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
                if "train_loss" in line:
                    found[member, line["stage"]].append(line["train_loss"])
        stages = self.run.config.stages or []
        return [(stages[stage], losses) for (_, stage), losses in found.items()]

    @cached_property
    def sample(self) -> list[tuple[int, bytes]]:
        """Training images of as many classes as make a fair number each; of a reader, images spread over all."""
        rows = self.catalog.rows("train")
        if self.classify:
            most = max(25, LOOKED_AT // len(self.seen))
            of: dict[str, list[int]] = defaultdict(list)
            for row in rows:
                of[self.labels[row]].append(row)
            rows = [row for name, _ in self.seen.most_common() for row in spread(of[name], most)][:LOOKED_AT]
        return list(self.catalog.read(spread(rows, LOOKED_AT)))

    @cached_property
    def names(self) -> list[str]:
        """The labels of the sample."""
        return [self.labels[row] for row, _ in self.sample]

    @cached_property
    def thumbnails(self) -> npt.NDArray[np.uint8]:
        """``uint8`` N, SIDE, SIDE, 3 of the sample."""
        pictures = (data for _, data in self.sample)
        return np.stack([*map_threads(lambda data: thumbnail(decode(data, at_least=2 * SIDE)), pictures)])

    @cached_property
    def answers(self) -> list[str]:
        """What the bundle says of the sample, texts as long as they come."""
        predictor = Predictor(self.run.path / "bundle", pattern=None if self.classify else ".*")
        return [each.answer for each in predictor.predict(data for _, data in self.sample)]

    @cached_property
    def known(self) -> float:
        """The share of the sample that is answered right."""
        return sum(map(str.__eq__, self.answers, self.names)) / len(self.names)

    @cached_property
    def learnt(self) -> bool:
        """Whether the training images are known."""
        return skill(self.known, largest(self.names)) >= LEARNT

    @cached_property
    def by_shape(self) -> tuple[float, float, float, float] | None:
        """How well shapes and colours alone tell the classes: the share, its interval, and chance; or nobody knows."""
        if not self.classify:
            return None
        pixels = self.catalog.column("pixels")
        number: dict[str, int] = {}
        together = [number.setdefault(pixels[row], len(number)) for row, _ in self.sample]
        found = find_label_errors(gradients(self.thumbnails), self.names, together)
        judged = [name for name, margin in zip(self.names, found.margin, strict=True) if not math.isnan(margin)]
        if not judged or math.isnan(found.accuracy):
            return None
        return found.accuracy, *wilson(found.accuracy * len(judged), len(judged)), largest(judged)

    @cached_property
    def sorry(self) -> str:
        """How little is known even of the training images."""
        return f"even of the training images {self.known:.0%} are answered right"
