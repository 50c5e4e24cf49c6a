"""The options that say how a source of labelled images is read: one list for every verb that takes DATA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

LABEL_OPTIONS = ("label_from", "file_column", "label_column", "group_by")
SOURCE_OPTIONS = ("task", "coarse_labels", *LABEL_OPTIONS)


class LabelOptions(TypedDict, total=False):
    """Where the labels of a source stand, see `tellapart.data.layouts.read_source`."""

    label_from: str
    file_column: str | None
    label_column: str | None
    group_by: str | None


class TaskOptions(LabelOptions, total=False):
    """Where the labels of a source stand, and for which task they are."""

    task: str | None


class SourceOptions(TaskOptions, total=False):
    """How a source is read: `TaskOptions`, and the groups of its classes.

    See `tellapart.data.opening.open_catalog`.
    """

    coarse_labels: str | Path | Mapping[str, Sequence[str]] | None
