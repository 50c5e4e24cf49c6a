"""Columns of a table: which holds the file, which the label, by the options or by the usual headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, did_you_mean, join_some
from tellapart.core.terminal import quoted
from tellapart.data.label_expression import NAMED_RULES, label_expression
from tellapart.data.rows import SEVERAL, label_cell
from tellapart.data.tag_cells import tag_cell

FILE_COLUMNS = (
    "file", "filename", "image", "path", "imagepath", "filepath", "imagefile", "imagefilename", "imagename", "img",
    "imgpath", "imgname", "imgfile", "fname", "imageid", "imgid", "idcode", "picture", "photo", "id", "name",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "text", "class", "target", "labels", "category", "finelabel", "words", "word", "transcription",
    "transcript", "groundtruth", "gt", "classname", "labelname", "categoryname", "classlabel", "species", "breed",
    "diagnosis", "dx", "choice", "tags",
)  # fmt: skip
LABEL_IDS = ("classid", "labelid", "categoryid", "targetid", "classindex", "labelindex", "classidx", "labelidx")

Choice = tuple[str, str]  # the column of the files, that of the labels


class UnfitOptionError(CatalogError):
    """Options that say nothing to this kind of source; ``options`` names them."""

    def __init__(self, message: str, options: Sequence[str]) -> None:
        super().__init__(message)
        self.options = tuple(options)


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold file, label and group; by default the usual names."""

    file: str | None = None
    label: str | None = None
    group_by: str | None = None  # equal values never cross a split
    label_from: str = "auto"  # or a regular expression over the label's text
    tags: bool = False  # a cell holds several labels

    @property
    def named(self) -> dict[str, str]:
        """The options that name columns, with what they name."""
        named = {"file_column": self.file, "label_column": self.label, "group_by": self.group_by}
        return {name: value for name, value in named.items() if value is not None}

    def refuse_without_columns(self, source: object, what: str) -> None:
        """Refuse options that name columns of a source that has none.

        Raises:
            UnfitOptionError: there are such options.
        """
        if self.named:
            options = join_some(f"{_option(name)} {value}" for name, value in self.named.items())
            raise UnfitOptionError(
                f"{source}: {options}: cannot be used with {what}, which have no columns; "
                "leave it out, or give a table",
                tuple(self.named),
            )

    def choose(self, present: Sequence[str], table: Path, sample: Sequence[Mapping[str, Any]] = ()) -> Choice:
        """Which of a table's columns name the file and the label.

        Args:
            present: the headings.
            table: its name, for messages.
            sample: some rows, which tell why there is no label column.

        Raises:
            CatalogError: a named column is not there, no usual one is, or several are; or tellapart itself wrote the
                table, for another use.

        >>> Columns().choose(["id", "Image", "text"], Path("labels.csv"))
        ('Image', 'text')
        """
        file = self.choose_file(present, table)
        return file, self.choose_label(present, table, file, sample)

    def choose_file(self, present: Sequence[str], table: Path) -> str:
        """Which of a table's columns names the file, see `choose`."""
        return self._one(self.file, FILE_COLUMNS, present, table, "file")

    def choose_label(
        self, present: Sequence[str], table: Path, file: str | None, sample: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """Which of a table's columns holds the label, see `choose`; not the one of the file."""
        _refuse_own(table, present)
        if self.group_by is not None and self.group_by not in present:
            hint = did_you_mean(self.group_by, present)
            raise CatalogError(f"{table}: no column {self.group_by!r}{hint} (group_by); it has: {_names(present)}")
        others = [name for name in present if name != file]
        if (
            self.label is None
            and not usual((*LABEL_COLUMNS, *LABEL_IDS), others)
            and (flags := one_hot(others, sample))
        ):
            raise CatalogError(
                f"{table}: no label column; the columns {join_some(flags)} hold 0 and 1, as for {SEVERAL}; write the "
                "one label of each image into a column 'label', or all of them, and say --task tag"
            )
        return self._one(self.label, (*LABEL_COLUMNS, *LABEL_IDS), present, table, "label", taken=file)

    def file_heading(self, present: Sequence[str]) -> str | None:
        """Of headings the one that names the file; None where no file and label can be chosen."""
        try:
            return self.choose(present, Path())[0]
        except CatalogError:
            return None

    @staticmethod
    def _one(
        wanted: str | None,
        names: Sequence[str],
        present: Sequence[str],
        table: Path,
        what: str,
        taken: str | None = None,
    ) -> str:
        option = f"--{what}-column"
        if wanted is not None:
            if wanted not in present:
                raise CatalogError(
                    f"{table}: no column {wanted!r}{did_you_mean(wanted, present)}; it has: {_names(present)}"
                )
            found = [wanted] * Counter(present)[wanted]
        else:
            found = usual(names, [name for name in present if name != taken])
        if not found:
            raise CatalogError(
                f"{table}: no {what} column; it has: {_names(present)}; name the right one with {option}"
            )
        if len(found) > 1:
            twice = len(set(found)) == 1
            raise CatalogError(
                f"{table}: {len(found)} columns may be the {what} column: {join_some(map(repr, found))}; "
                + ("rename one" if twice else f"name the right one with {option}")
            )
        return found[0]

    def others(self, present: Sequence[str], label: str) -> str | None:
        """A note on the label column where another may hold the labels as well; None where none does."""
        if self.label is not None:
            return None
        rest = [name for names in LABEL_COLUMNS for name in usual([names], present) if name != label]
        if not rest:
            return None
        return f"read as: labels from the column {label!r}, not {join_some(map(repr, rest))} (--label-column)"

    def label_of(self, value: Any, where: str, column: str, class_of: Callable[[Any], Any]) -> str:
        """The label that a cell holds; of several (``tags``) all as one text, see `tellapart.core.tag_sets`.

        Args:
            value: the cell.
            where: the table and the row, for messages.
            column: its heading.
            class_of: what makes the name of a class of a number.

        Raises:
            CatalogError: it holds none, or several where one is wanted.
        """
        if self.tags:
            return tag_cell(value, where, column, class_of, self.read_label)
        return self.read_label(label_cell(class_of(value), where, column), where)

    @cached_property
    def read_label(self) -> Callable[[str, str], str]:
        """What makes a label of a cell's text: the text itself, or what a regular expression takes of it.

        Its arguments are the text, and where it stands, for messages. It raises a CatalogError where the expression
        does not match the whole text.

        Raises:
            UnfitOptionError: a rule for names of files.
            CatalogError: no usable expression.

        >>> Columns(label_from="This is '(.+)'").read_label("This is 'abc'", "l.csv: row 2")
        'abc'
        """
        rule = self.label_from
        if rule == "auto":
            return lambda text, _: text
        if rule in NAMED_RULES:
            raise UnfitOptionError(
                f"--label-from {rule}: reads names of files, and here a column holds the labels; leave it out, or "
                "give a regular expression over the label's text",
                ["label_from"],
            )
        expression = label_expression(rule)

        def read(text: str, where: str) -> str:
            label = (expression(text) or "").strip()
            if not label:
                raise CatalogError(
                    f"{where}: the label {quoted(text)} holds nothing by the rule {rule!r}; give a rule that fits "
                    "(--label-from)"
                )
            return label

        return read


def _refuse_own(table: Path, present: Sequence[str]) -> None:
    """Refuse a table that tellapart wrote for another use: its rows say what to keep, which a table cannot."""
    if {"file", "label", "keep", "sha256", "pixels"} <= set(present):
        raise CatalogError(
            f"{table}: the rows of a catalog without its metadata, as another program writes them: which rows are kept "
            "and where the images are is lost; write the catalog again, and change its columns with tellapart"
        )
    if list(present) == ["file", "keep", "label"]:
        raise CatalogError(
            f"{table}: the corrections of a review page; give them to tellapart clean (--corrections), and the images "
            "as the data"
        )


def usual(names: Sequence[str], present: Sequence[str]) -> list[str]:
    """The headings that are the first of these names to be there; case, blanks, dashes and underlines do not count.

    >>> usual(FILE_COLUMNS, ["id", "File Name", "FILE_NAME"])
    ['File Name', 'FILE_NAME']
    """
    folded: dict[str, list[str]] = {}
    for name in present:
        folded.setdefault(re.sub(r"[\s_.\-]+", "", name).casefold(), []).append(name)
    return next((folded[name] for name in names if name in folded), [])


def one_hot(present: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns whose cells are all 0 or 1 (or -1, or empty), if there are several.

    >>> one_hot(["a", "b", "c"], [{"a": 0, "b": "1.0", "c": 7}, {"a": 1, "b": None, "c": 0}])
    ['a', 'b']
    """
    flags, held = [], set()
    for name in present:
        values = {str(value).strip().casefold() for record in sample if (value := record.get(name)) is not None}
        if values - {""} and values <= {"", "0", "1", "0.0", "1.0", "true", "false", "-1", "-1.0", "nan"}:
            flags.append(name)
            held |= values
    return flags if len(flags) > 1 and not held.isdisjoint({"1", "1.0", "true"}) else []


def _names(present: Sequence[str]) -> str:
    return join_some(present, most=30)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
