"""Columns of a table that say the part of the data: one whose cells name parts, or flags such as ``is_valid``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, join_some
from tellapart.core.terminal import quoted
from tellapart.data.columns import usual
from tellapart.data.rows import SPLIT_NAMES, split_cell

_NAMED = ("split", "subset", "partition", "dataset", "set", "usage", "phase", "datasplit", "splitname", "mluse",
          "traintest", "trainvaltest", "datasettype", "settype", "splittype")  # fmt: skip
_VAGUE = ("datatype", "type", "mode", "stage", "kind", "section")  # which say other things as often
_FLAGS = {
    "train": ("istrain", "istraining", "istrainimage", "istrainingimage", "istrainingimg", "istrainimg"),
    "val": ("isvalid", "isval", "isvalidation", "isdev"),
    "test": ("istest", "istesting", "istestimage", "istestimg"),
}
_FEW = 8  # values, that the parts of a set may have
_TRUE = frozenset({"true", "1", "1.0", "t", "yes", "y"})
_FALSE = frozenset({"false", "0", "0.0", "f", "no", "n", ""})


@dataclass(frozen=True)
class PartColumns:
    """The columns that say an image's part, and what to make of their cells.

    Args:
        named: the column whose cells name the part.
        flags: column → the part of the rows whose cell is true.
        rest: the part of rows without a true flag.
    """

    named: str | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    rest: str | None = None

    @property
    def names(self) -> list[str]:
        """The headings of all these columns."""
        return [*([self.named] if self.named is not None else []), *self.flags]

    @property
    def note(self) -> str | None:
        """What a person should know; None where the column is called split."""
        if self.flags:
            parts = " and ".join(f"{part} from {name!r}" for name, part in self.flags.items())
            return f"read as: the part {parts}; {self.rest or 'no part'} where that is not true"
        if self.named is None or self.named.lower() == "split":
            return None
        return f"read as: train, val and test parts from the column {self.named!r}"

    def part(self, cells: Mapping[str, Any], where: str) -> str | None:
        """The part that a row's cells say; None where they say none.

        Args:
            cells: heading → cell.
            where: the table and the row, for messages.

        Raises:
            CatalogError: a cell names no part, or the flags name two.
        """
        if self.named is not None:
            return split_cell(cells.get(self.named), where, self.named)
        said = {part for name, part in self.flags.items() if _flag(cells.get(name)) in _TRUE}
        if len(said) > 1:
            raise CatalogError(f"{where} is of several parts by {join_some(map(repr, self.flags))}; leave one true")
        return said.pop() if said else self.rest


def find_part_columns(
    present: Sequence[str], values_of: Callable[[str], Iterable[Any]], table: Path = Path()
) -> PartColumns:
    """The columns that say which part of the data an image is of, by their headings and by what they hold.

    Args:
        present: the headings.
        values_of: the values of a column. One that is not called split counts only if all of them are parts.
        table: its name, for messages.

    Raises:
        CatalogError: a column holds parts, train among them, and other values.

    >>> find_part_columns(["file", "is_valid"], {"is_valid": [True, False]}.get).flags
    {'is_valid': 'val'}
    """
    if found := usual(["split"], present):
        return PartColumns(found[0])
    for name in (*_NAMED[1:], *_VAGUE):
        for column in usual([name], present):
            values = {str(value or "").strip().lower() for value in values_of(column)} - {""}
            odd = sorted(values - SPLIT_NAMES.keys())
            if values and not odd:
                return PartColumns(column)
            if name not in _VAGUE and len(values) <= _FEW and "train" in {SPLIT_NAMES.get(value) for value in values}:
                raise CatalogError(
                    f"{table}: the column {column!r} says the part of each image, and {join_some(map(quoted, odd))} is "
                    "none of train, val and test; write the right part there, or give the column another heading"
                )
    return _flag_columns(present, values_of)


def _flag_columns(present: Sequence[str], values_of: Callable[[str], Iterable[Any]]) -> PartColumns:
    flags = {}
    for part, headings in _FLAGS.items():
        for column in usual(headings, present)[:1]:
            values = {_flag(value) for value in values_of(column)}
            if values <= _TRUE | _FALSE and values & _TRUE and values & _FALSE:
                flags[column] = part
    if not flags:
        return PartColumns()
    rest = next((part for part in ("train", "test", "val") if part not in flags.values()), None)
    return PartColumns(None, flags, rest)


def _flag(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip().lower()
