"""A survey as the checks see it, and what a check is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt

from tellapart.curation.findings import Finding
from tellapart.curation.image_index import ImageIndex
from tellapart.data.duplicates.hashing import connected_components
from tellapart.data.duplicates.registration import Limits, Match
from tellapart.data.image_statistics import NAMES
from tellapart.data.split import near_copies

Array = npt.NDArray[Any]


class CheckContext:
    """A survey as the checks see it: what several of them need is worked out once."""

    def __init__(self, survey: ImageIndex, limits: Limits) -> None:
        self.survey, self.catalog, self.limits = survey, survey.catalog, limits
        self.rows = survey.rows()
        self.files = survey.catalog.column("file")
        self.labels = survey.catalog.column("label")
        self.widths = survey.catalog.column("width")
        self.heights = survey.catalog.column("height")
        self.parts = survey.catalog.column("split")

    @cached_property
    def measures(self) -> Array:
        """The measures of the rows in use, in their order."""
        return self.survey.measures(self.rows)

    def measure(self, name: str) -> Array:
        """One of them."""
        return self.measures[:, NAMES.index(name)]

    @cached_property
    def exact(self) -> list[list[int]]:
        """Rows of equal pixels."""
        rows: dict[str, list[int]] = defaultdict(list)
        pixels = self.catalog.column("pixels")
        for row in self.rows:
            rows[pixels[row]].append(row)
        return [group for group in rows.values() if len(group) > 1]

    @cached_property
    def matches(self) -> dict[tuple[int, int], Match]:
        """Near-copies, each exact copy standing for all."""
        return near_copies(self.catalog, self.rows, self.survey.thumbs, self.limits)

    @cached_property
    def near(self) -> list[list[int]]:
        """Groups of near-copies with all exact copies of their members; groups of exact copies alone are not there."""
        named = {row for pair in self.matches for row in pair}
        return [group for group in self.copies if named & set(group)]

    @cached_property
    def copies(self) -> list[list[int]]:
        """Every group of copies, exact or near."""
        exact = [(group[0], other) for group in self.exact for other in group[1:]]
        return connected_components([*exact, *self.matches])

    def best(self, group: Sequence[int]) -> list[int]:
        """A group with the one to keep first: of a test part that was given, then the largest, then the first."""
        return sorted(group, key=lambda row: (_PART[self.parts[row]], -self.widths[row] * self.heights[row], row))


# Of copies on both sides of a given split the test part keeps its own: what others measured on stays the same.
_PART = {"test": 0, "val": 1, "train": 2, None: 2}


@dataclass(frozen=True)
class Check:
    """A check: its name, what it asks, its threshold, for which task, and how it is done."""

    name: str
    title: str
    threshold: float | None
    task: str | None  # classify, read, or both
    run: Callable[[CheckContext, float], Finding]
