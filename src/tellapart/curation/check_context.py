"""What checks work on, and what a check is."""

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
    """The data of an audit, and what several checks derive from it, computed once.

    Args:
        index: what was measured of the images.
        limits: from which likeness on two pictures are copies.
    """

    def __init__(self, index: ImageIndex, limits: Limits) -> None:
        self.index, self.catalog, self.limits = index, index.catalog, limits
        self.rows = index.rows()
        self.files = self.catalog.column("file")
        self.labels = self.catalog.column("label")
        self.widths = self.catalog.column("width")
        self.heights = self.catalog.column("height")
        self.parts = self.catalog.column("split")

    @cached_property
    def measures(self) -> Array:
        """Measures of the rows in use, N, M, in their order."""
        return self.index.measures(self.rows)

    def measure(self, name: str) -> Array:
        """Return one measure of the rows in use, N."""
        return self.measures[:, NAMES.index(name)]

    @cached_property
    def exact(self) -> list[list[int]]:
        """Groups of rows with equal pixels."""
        rows: dict[str, list[int]] = defaultdict(list)
        pixels = self.catalog.column("pixels")
        for row in self.rows:
            rows[pixels[row]].append(row)
        return [group for group in rows.values() if len(group) > 1]

    @cached_property
    def matches(self) -> dict[tuple[int, int], Match]:
        """Pairs of near-copies; one row stands for all its exact copies."""
        return near_copies(self.catalog, self.rows, self.index.thumbs, self.limits)

    @cached_property
    def near(self) -> list[list[int]]:
        """Groups of near-copies, with all exact copies of their members. Groups of exact copies alone are left out."""
        matched = {row for pair in self.matches for row in pair}
        return [group for group in self.copies if matched & set(group)]

    @cached_property
    def copies(self) -> list[list[int]]:
        """All groups of copies, exact or near."""
        exact = [(group[0], other) for group in self.exact for other in group[1:]]
        return connected_components([*exact, *self.matches])

    def best(self, group: Sequence[int]) -> list[int]:
        """Return a group with the row to keep first: that of the given test part, else the largest, else the first."""
        return sorted(group, key=lambda row: (_PART[self.parts[row]], -self.widths[row] * self.heights[row], row))


# Of copies on both sides of a given split the test part keeps its own, so that its figures stay comparable.
_PART = {"test": 0, "val": 1, "train": 2, None: 2}


@dataclass(frozen=True)
class Check:
    """A check.

    Args:
        name: its key in findings, policies and thresholds.
        title: its name for people.
        threshold: the default; None for a check without one.
        task: classify or read; None for both.
        run: makes the finding from the context and a threshold.
    """

    name: str
    title: str
    threshold: float | None
    task: str | None
    run: Callable[[CheckContext, float], Finding]
