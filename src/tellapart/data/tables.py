"""Tables that name images become rows: CSV, TSV, JSON Lines and Parquet, each row kept or named."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.tag_sets import labels_of_several, split_tags
from tellapart.core.terminal import excerpt, quoted
from tellapart.data.columns import Columns
from tellapart.data.delimited import read_delimited
from tellapart.data.file_names import find_files
from tellapart.data.json_lines import read_json_lines
from tellapart.data.json_tables import read_json_table
from tellapart.data.parquet import open_parquet
from tellapart.data.part_columns import PartColumns, find_part_columns
from tellapart.data.rows import (
    SEVERAL,
    Listing,
    Record,
    Records,
    Row,
    extra_cell,
    file_cell,
    without_repeats,
)
from tellapart.data.shards import (
    class_names,
    image_column,
    name_classes,
    numbers_in,
    read_shards,
    values_in,
)
from tellapart.data.split_names import part_in_name
from tellapart.data.tag_cells import list_in_text

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
GIVEN_SUFFIXES = (*TABLE_SUFFIXES, ".json", ".txt")  # of a table given by name; beside images these may be anything
TABLE_NAMES = ("labels", "metadata", "annotations")
EMPTY = ("nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat", "nil")
PREDICTED = "predicted"  # column of a table that `tellapart.next` wrote: its rows await a label
_SAMPLE = 1000  # rows that tell what kind of columns a table has


@dataclass(frozen=True)
class _Chosen:
    """The columns of a table that are read, and the class names of its numbers."""

    file: str
    label: str
    part: PartColumns
    classes: Sequence[Any] | None = None


def read_table(path: Path, columns: Columns) -> Listing:
    """The rows of a text table, JSON Lines or Parquet; a Parquet file that holds the images themselves is a shard.

    Raises:
        CatalogError: a damaged table, a row that may be cut, unknown columns, an empty cell, several labels an image,
            missing files, one file with two labels.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        with open_parquet(path) as file:
            if image_column(file, path, columns.file) is not None:
                return read_shards([path], columns)
            table, chosen = _read_parquet(file, path, columns)
    else:
        table = _read_text_table(path, kind, columns)
        cells = [record.cells for record in table.records]
        file_column, label_column = columns.choose(table.present, path, cells[:_SAMPLE])
        part = find_part_columns(table.present, lambda name: [record.get(name) for record in cells], path)
        chosen = _Chosen(file_column, label_column, part)
    return _listing(path, table, chosen, columns)


def _read_text_table(path: Path, kind: str, columns: Columns) -> Records:
    if kind in (".jsonl", ".ndjson"):
        return read_json_lines(path)
    return (read_json_table if kind == ".json" else read_delimited)(path, columns.file_heading)


def _read_parquet(file: Any, path: Path, columns: Columns) -> tuple[Records, _Chosen]:
    """The rows of a Parquet table, counted from 1, without the columns that nobody asks for."""
    schema = file.schema_arrow
    present = schema.names
    file_column = columns.choose_file(present, path)
    label = columns.choose_label(present, path, file_column, numbers_in(file, _SAMPLE))
    part = find_part_columns(present, lambda name: values_in(file, name), path)
    wanted = {file_column, label, "group", *part.names, columns.group_by}
    cells = file.read(columns=[name for name in present if name in wanted]).to_pylist()
    records = [Record(number, record) for number, record in enumerate(cells, start=1)]
    return Records(present, records), _Chosen(file_column, label, part, class_names(schema, label))


def _listing(path: Path, table: Records, chosen: _Chosen, columns: Columns) -> Listing:
    for name in (*chosen.part.names, "group", columns.group_by):
        if name is not None and table.present.count(name) > 1:
            raise CatalogError(f"{path}: {table.present.count(name)} columns are called {name!r}; rename one")
    everything, table = table, _labelled(path, table, chosen)
    rows, names = _rows(path, table, chosen, columns)
    said = part_in_name(path.stem)
    found = find_files(path.parent, names, said.part if said is not None else None)
    if found.missing:
        raise CatalogError(f"{path}: {found.complaint(path.parent)}")
    rows = [replace(row, file=found.paths[name]) for row, name in zip(rows, names, strict=True)]
    kept, twice = without_repeats(rows, path, names)
    notes = [*table.notes, *found.notes(path.name), *twice]
    notes += [note for note in (columns.others(table.present, chosen.label), chosen.part.note) if note]
    labels = [row.label for row in kept]
    if columns.tags:
        labels = [tag for label in labels for tag in split_tags(label)]
    elif columns.label_from == "auto":
        _check_values(labels, path, chosen.label)
    return Listing(
        path.parent,
        kept,
        path.name,
        [*notes, *_odd_labels(labels)],
        labelled_by=f"the column {chosen.label!r} of {path.name}",
        label_column=chosen.label,
        class_names=chosen.classes is not None,
        waiting=_waiting(everything, table, chosen),
    )


def _waiting(everything: Records, labelled: Records, chosen: _Chosen) -> frozenset[str]:
    known = {record.number for record in labelled.records}
    rest = (record.cells.get(chosen.file) for record in everything.records if record.number not in known)
    return frozenset(posixpath.normpath(str(name).strip()) for name in rest if name)


def _labelled(path: Path, table: Records, chosen: _Chosen) -> Records:
    """A table of images to label, without its rows that nobody has labelled yet; any other table as it is.

    Raises:
        CatalogError: no row has a label.
    """
    if PREDICTED not in table.present:
        return table
    labelled = [record for record in table.records if record.cells.get(chosen.label) not in (None, "")]
    n_open = len(table.records) - len(labelled)
    if n_open and not labelled:
        raise CatalogError(
            f"{path}: none of its {pluralize(n_open, 'row')} has a label yet; fill the {chosen.label!r} column"
        )
    note = f"{pluralize(n_open, 'row')} of {path.name} without a label yet left out"
    return replace(table, records=labelled, notes=[*table.notes, *([note] if n_open else [])])


def _rows(path: Path, table: Records, chosen: _Chosen, columns: Columns) -> tuple[list[Row], list[str]]:
    """The rows of a table, and the names of their files as it gives them."""
    rows, names = [], []
    class_of = name_classes(chosen.classes)
    for record in table.records:
        cells, where = record.cells, f"{path}: row {record.number}"
        name = file_cell(cells.get(chosen.file), where, chosen.file)
        named = f"{where} ({excerpt(name)})"
        rows.append(
            Row(
                name,
                columns.label_of(cells.get(chosen.label), named, chosen.label, class_of),
                group=extra_cell(cells.get("group"), where, "group"),
                split=chosen.part.part(cells, where),
                together=extra_cell(cells.get(columns.group_by), where, columns.group_by) if columns.group_by else None,
            )
        )
        names.append(name)
    return rows, names


def _check_values(labels: Sequence[str], path: Path, column: str) -> None:
    """Refuse labels that are lists or JSON objects written as text.

    Raises:
        CatalogError: each of them is a list, or one is an object.
    """
    if (
        labels
        and any("'" in label or '"' in label or "," in label for label in labels)
        and all(list_in_text(label) is not None for label in labels)
    ):
        raise CatalogError(
            f"{path}: the column {column!r} holds lists, as {quoted(labels[0])}: {SEVERAL}; say --task tag, give "
            "each image one, or name another column with --label-column"
        )
    if (label := next(filter(_is_object, labels), None)) is not None:
        raise CatalogError(
            f"{path}: the column {column!r} holds JSON objects, as {quoted(label)}; write the one label of each image "
            "there, name another column with --label-column, or take it out of the text with --label-from"
        )


def _is_object(text: str) -> bool:
    if not (text.startswith('{"') and text.endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _odd_labels(labels: Sequence[str]) -> Iterator[str]:
    """Notes on labels that may mean something else: several joined, an empty cell, a number that was rewritten."""
    known = sorted(set(labels))
    joined = {
        label
        for label in known
        if any(sign in label and {part.strip() for part in label.split(sign)} <= set(known) for sign in ";, ")
    }
    several = sorted({*joined, *labels_of_several(known)})
    empty = [label for label in known if label.casefold() in EMPTY]
    rewritten = [label for label in known if re.fullmatch(r"\d(\.\d+)?[eE]\+\d+", label)]
    if several:
        look = pluralize(len(several), "label looks", "labels look")
        yield f"{look} like {SEVERAL}, joined (--task tag): {join_some(several)}"
    if empty:
        count = sum(label in empty for label in labels)
        yield f"{pluralize(count, 'row')} with a label as programs write an empty cell: {join_some(empty)}"
    if known and all(re.fullmatch(r"-?\d+\.0", label) for label in known):
        yield f"labels as programs write whole numbers where some cells are empty: {join_some(known)}"
    if rewritten:
        yield f"{pluralize(len(rewritten), 'label')} as spreadsheets rewrite long numbers: {join_some(rewritten)}"
