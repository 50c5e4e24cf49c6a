"""The figures of an evaluation: a dictionary that shows itself in a notebook, and those with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tellapart.core.notebook import data_frame, html_table
from tellapart.metrics.class_report import report_rows


class Report(dict[str, Any]):
    """What `tellapart.evaluate` returns, by name; JSON writes it as any other dictionary."""

    def to_pandas(self) -> Any:
        """A DataFrame: precision, recall, F1 and support of the classes and their means; of a reader the figures.

        Raises:
            ConfigError: pandas is not installed.
        """
        if "per_class" in self:
            return data_frame([{"class": name, **scores} for name, scores in _classes(self)])
        return data_frame([dict(zip(("figure", "value", "low", "high", "n"), row, strict=True)) for row in _rows(self)])

    def _repr_html_(self) -> str:
        title = f"{self.get('n', 0):,} images of {self.get('data')} (split: {self.get('split')})"
        shown = html_table(title, _rows(self), head=("", "value", "95 % from", "to", "n"))
        if "per_class" in self:
            head = ("class", "precision", "recall", "f1", "support")
            shown += html_table("classes", [(name, *scores.values()) for name, scores in _classes(self)], head=head)
        notes = [(note,) for note in self.get("notes", ())]
        return shown + html_table("notes", notes) if notes else shown


def figure_name(name: str) -> str:
    """Return the name of a figure in words.

    >>> figure_name("macro_f1"), figure_name("exact_match_folded")
    ('macro f1', 'exact match, case folded')
    """
    return name.replace("_", " ").replace("match folded", "match, case folded")


def headline_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that have an interval.

    >>> headline_figures({"n": 2, "accuracy": {"value": 0.5, "ci95": [0.1, 0.9], "n": 2}})
    {'accuracy': {'value': 0.5, 'ci95': [0.1, 0.9], 'n': 2}}
    """
    return {name: value for name, value in figures.items() if isinstance(value, Mapping) and "ci95" in value}


def _rows(figures: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(figure_name(name), each["value"], *each["ci95"], each["n"])
            for name, each in headline_figures(figures).items()]  # fmt: skip


def _classes(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The rows of the report of classes; of the fine ones where there are groups."""
    prefix = "fine_" if "fine_per_class" in figures else ""
    return report_rows(figures[f"{prefix}per_class"], figures[f"{prefix}confusion"])
