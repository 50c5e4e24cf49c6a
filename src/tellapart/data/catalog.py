"""The catalog: one row an image, one column a decision; no image is ever changed, moved or deleted."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, ImageError, join_some
from tellapart.core.files import atomic_file, check_target
from tellapart.core.parallel import map_threads
from tellapart.core.progress import track
from tellapart.data.image_facts import FACTS, Facts, image_facts
from tellapart.data.layouts import read_source
from tellapart.data.tables import Row, iter_shard, open_parquet

SPLITS = ("train", "val", "test")
TASKS = ("classify", "read")
FORMAT = 2

SCHEMA = pa.schema(
    {
        "file": pa.string(),  # as in the data, relative, forward slashes
        "label": pa.string(),  # the class, or the text
        "group": pa.string(),  # the coarse label, where there is one
        "split": pa.string(),  # train, val, test, or null
        "keep": pa.bool_(),
        "why": pa.string(),  # why not, in a sentence
        "times": pa.int32(),  # how often an epoch shows it, where `balance` decided; null: once
        "width": pa.int32(),  # px, as decoded
        "height": pa.int32(),
        "sha256": pa.string(),  # of the encoded bytes
        "pixels": pa.string(),  # digest of the decoded picture: equal for exact copies in any encoding
        "hash": pa.binary(16),  # see `tellapart.data.duplicates.hashing.picture_hash`: close for near-copies
        "together": pa.string(),  # equal values never cross a split
        "shard": pa.string(),  # bytes embedded in Parquet: the file, and its row
        "row": pa.int64(),
    }
)


@dataclass(frozen=True)
class Catalog:
    """The rows of a data set and where its images lie. Made by `open_catalog`, changed only by copies."""

    table: pa.Table
    root: Path
    task: str
    source: str
    notes: tuple[str, ...] = ()
    meta: Mapping[str, Any] | None = None  # how its columns were made

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> list[Any]:
        """A column as a list."""
        return self._columns[name]

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        return {name: self.table.column(name).to_pylist() for name in self.table.column_names}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels of kept rows, sorted."""
        return tuple(
            sorted({label for label, keep in zip(self.column("label"), self.column("keep"), strict=True) if keep})
        )

    @cached_property
    def groups(self) -> dict[str, str]:
        """Label → group for kept rows; empty where there are no groups."""
        return {
            label: group
            for label, group, keep in zip(self.column("label"), self.column("group"), self.column("keep"), strict=True)
            if keep and group is not None
        }

    def rows(self, split: str | None = None) -> list[int]:
        """Indices of kept rows, of one split or of all."""
        parts = self.column("split")
        return [row for row, keep in enumerate(self.column("keep")) if keep and split in (None, parts[row])]

    def training_rows(self) -> list[int]:
        """Rows of the train part, each as often as an epoch shows it."""
        times = self.column("times")
        return [row for row in self.rows("train") for _ in range(1 if times[row] is None else times[row])]

    def read(self, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Pairs of row and encoded bytes; shards are walked in order, whatever order was asked for.

        Raises:
            ImageError: a file has gone.
        """
        shards, numbers, files = self.column("shard"), self.column("row"), self.column("file")
        embedded: dict[str, dict[int, int]] = defaultdict(dict)
        for row in rows:
            if shards[row] is None:
                yield row, image_io.read_bytes(self.root / files[row])
            else:
                embedded[shards[row]][numbers[row]] = row
        for shard, wanted in embedded.items():
            for number, data in iter_shard(self.root / shard, list(wanted)):
                yield wanted[number], data

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of what training sees: image, label, group, split, keep, times, characters; in any row order."""
        names = ["sha256", "label", "group", "split", "keep"]
        if any(times is not None for times in self.column("times")):
            names.append("times")
        fields = [self.column(name) for name in names]
        lines = sorted("\0".join(map(str, row)) for row in zip(*fields, strict=True))
        if self.characters:
            lines.append(f"characters\0{self.characters}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def with_column(self, name: str, values: Sequence[Any]) -> Catalog:
        """A copy with one column replaced."""
        position = SCHEMA.get_field_index(name)
        column = pa.array(values, type=SCHEMA.field(name).type)
        return replace(self, table=self.table.set_column(position, SCHEMA.field(name), column))

    def with_notes(self, notes: Iterable[str]) -> Catalog:
        """A copy that says more."""
        return replace(self, notes=(*self.notes, *notes))

    def with_meta(self, **meta: Any) -> Catalog:
        """A copy that also keeps how a column was made."""
        return replace(self, meta={**(self.meta or {}), **meta})

    @property
    def characters(self) -> str:
        """What its texts may hold beside the characters that they do hold, where somebody has said so."""
        return str((self.meta or {}).get("characters") or "")

    def write(self, path: str | Path) -> Path:
        """Write the catalog as Parquet, whole or not at all."""
        path = Path(path)
        about = {
            "format": FORMAT,
            "task": self.task,
            "source": self.source,
            "root": str(self.root.resolve()),
            "root_from_here": _relative(self.root, path.parent),
            "notes": list(self.notes),
            "meta": dict(self.meta or {}),
        }
        with atomic_file(path) as temporary:
            pq.write_table(self.table.replace_schema_metadata({"tellapart": json.dumps(about)}), temporary)
        return path


Look = Callable[[Catalog], Mapping[int, Facts]]


def catalog(
    data: str | Path,
    *,
    out: str | Path,
    task: str | None = None,
    coarse_labels: str | Path | None = None,
    **options: Any,
) -> Catalog:
    """Look at every image of a data set once and write the catalog: one row an image.

    See `open_catalog` for the options.
    """
    check_target(out, ".parquet")
    result = open_catalog(data, task=task, coarse_labels=coarse_labels, progress=True, **options)
    result.write(out)
    return result


def open_catalog(
    data: str | Path | Catalog,
    *,
    task: str | None = None,
    coarse_labels: str | Path | Mapping[str, Sequence[str]] | None = None,
    progress: bool = False,
    look: Look | None = None,
    **options: Any,
) -> Catalog:
    """A catalog from any source: class folders, group/class folders, names, a table, shards, a catalog.

    An image that cannot be decoded keeps its row with ``keep`` false and the reason in ``why``.

    Args:
        task: ``classify`` or ``read``; by default ``read`` where most labels occur once or twice.
        coarse_labels: YAML file or mapping, group → list of classes; every class in exactly one group.
        look: how the images of a raw source are looked at; by default each is decoded once, here.
        options: see `tellapart.data.layouts.read_source`.

    Raises:
        CatalogError: the source cannot be used; the message names the file, row or class.
    """
    if task not in (None, *TASKS):
        raise CatalogError(f"task {task!r}: known are {', '.join(TASKS)}")
    if isinstance(data, Catalog):
        result = data
    elif (about := _about(Path(data))) is not None:
        result = _reopen(Path(data), about)
    else:
        result = _look(data, task, progress, look, options)
        if coarse_labels is None and result.task == "classify":
            _check_groups(result)
    if coarse_labels is not None:
        result = _grouped(result, coarse_labels)
    if task is not None and task != result.task:
        result = replace(result, task=task)
    return result


def _about(path: Path) -> dict[str, Any] | None:
    if path.suffix != ".parquet" or not path.is_file():
        return None
    with open_parquet(path) as file:
        meta = file.schema_arrow.metadata or {}
    if b"tellapart" not in meta:
        return None
    try:
        about = json.loads(meta[b"tellapart"])
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise CatalogError(f"{path}: its metadata 'tellapart' is no JSON object; catalog again")
    return about


def _reopen(path: Path, about: Mapping[str, Any]) -> Catalog:
    if about.get("format") != FORMAT:
        raise CatalogError(f"{path}: in format {about.get('format')}; this version reads {FORMAT}: catalog again")
    usable = {
        "task": about.get("task") in TASKS,
        "root": isinstance(about.get("root"), str),
        "root_from_here": isinstance(about.get("root_from_here"), str | None),
        "notes": isinstance(about.get("notes"), list),
        "meta": isinstance(about.get("meta"), dict),
    }
    if broken := [name for name, fine in usable.items() if not fine]:
        raise CatalogError(f"{path}: its metadata 'tellapart' has no usable {', '.join(broken)}; catalog again")
    here = path.parent / about["root_from_here"] if about.get("root_from_here") else None
    root = here if here is not None and here.is_dir() else Path(about["root"])
    if not root.is_dir():
        raise CatalogError(f"{path}: its images were in {about['root']}, which is gone; catalog them again")
    with open_parquet(path) as file:
        table = file.read()
        table.validate(full=True)  # a damaged page may pass for a whole one, with texts that are none
    return Catalog(
        _checked(table, path), root, about["task"], str(path), tuple(map(str, about["notes"])), about["meta"]
    )


def _checked(table: pa.Table, path: Path) -> pa.Table:
    """The table of a catalog that people may have edited by hand; rows are counted from 0, as `Catalog.rows` does."""
    ours, theirs = Counter(SCHEMA.names), Counter(table.schema.names)
    if missing := list(ours - theirs):
        raise CatalogError(f"{path}: no column {', '.join(missing)}; put it back as it was, or catalog again")
    if more := list(theirs - ours):
        raise CatalogError(f"{path}: a column too many: {', '.join(more)}; drop it")
    for field in SCHEMA:
        if (kind := table.schema.field(field.name).type) != field.type:
            raise CatalogError(
                f"{path}: column {field.name} holds {kind}, not {field.type}; cast it to that, or catalog again"
            )
    table = table.select(SCHEMA.names).cast(SCHEMA)
    said = dict(zip(SCHEMA.names, table.columns, strict=True))
    if not len(table):
        raise CatalogError(f"{path}: a catalog without a row; catalog the images again")
    none = {name: pc.is_null(column) for name, column in said.items()}
    kept = pc.fill_null(said["keep"], False)
    wrong = [  # a column, where it cannot be as it is, and what to do
        ("file", pc.equal(pc.fill_null(said["file"], ""), ""), "name the image or drop the row"),
        ("label", pc.equal(pc.fill_null(said["label"], ""), ""), "fill it or drop the row"),
        ("split", pc.invert(pc.is_in(said["split"], pa.array([*SPLITS, None]))), "write train, val, test or null"),
        ("keep", none["keep"], "write true or false"),
        ("times", pc.less(said["times"], 0), "write 0 or more, or null for once"),
        ("row", pc.xor(none["row"], none["shard"]), "fill shard and row, or neither"),
        *(
            (name, pc.and_(kept, none[name]), "nobody saw this image: set keep to false, or catalog again")
            for name in FACTS[:5]
        ),
    ]
    files = said["file"].to_pylist()
    for name, where, remedy in wrong:
        if len(rows := pc.indices_nonzero(where)):
            row = rows[0].as_py()
            whose = f" ({files[row]})" if files[row] else ""
            raise CatalogError(f"{path}: row {row}{whose}: {name} is {said[name][row].as_py()!r}; {remedy}")
    first: dict[str, int] = {}
    for row, file in enumerate(files):
        if first.setdefault(file, row) != row:
            raise CatalogError(f"{path}: rows {first[file]} and {row} have the same file {file!r}; drop one of them")
    return table


def _look(data: str | Path, task: str | None, progress: bool, look: Look | None, options: Mapping[str, Any]) -> Catalog:
    listing = read_source(data, task=task, **options)
    rows = listing.rows
    task = task or _guess_task([row.label for row in rows])
    draft = Catalog(_table(rows), listing.root, task, str(data))
    seen = look(draft) if look is not None else _facts_of_all(draft, progress)
    columns = zip(*(seen[row] for row in range(len(rows))), strict=True)
    for name, values in zip(FACTS, columns, strict=True):
        draft = draft.with_column(name, values)
    return draft.with_notes([*listing.notes, *_remarks(draft)])


def _facts_of_all(draft: Catalog, progress: bool) -> dict[int, Facts]:
    files = draft.column("file")

    def look(item: tuple[int, bytes | ImageError]) -> tuple[int, Facts]:
        row, data = item
        return row, image_facts(data, files[row])[0]

    return dict(
        track(map_threads(look, encoded(draft, range(len(draft)))), "looking at images", len(draft), show=progress)
    )


def encoded(catalog: Catalog, rows: Iterable[int]) -> Iterator[tuple[int, bytes | ImageError]]:
    """Like `Catalog.read`, with the failure in place of the bytes where a file has gone."""
    if any(shard is not None for shard in catalog.column("shard")):
        yield from catalog.read(rows)
        return
    files = catalog.column("file")
    for row in rows:
        try:
            yield row, image_io.read_bytes(catalog.root / files[row])
        except ImageError as error:
            yield row, error


def _table(rows: Sequence[Row]) -> pa.Table:
    empty: list[Any] = [None] * len(rows)
    values = {name: [getattr(row, name, None) for row in rows] for name in SCHEMA.names}
    values |= {"keep": [True] * len(rows), "why": empty, "sha256": empty}
    try:
        return pa.table(values, schema=SCHEMA)
    except UnicodeEncodeError as error:
        raise CatalogError(f"{error.object!r}: not valid Unicode; rename the file or mend the table") from error


def _guess_task(labels: Sequence[str]) -> str:
    """Texts are mostly different from each other and short of spaces; classes repeat."""
    return "read" if len(labels) >= 20 and len(set(labels)) > 0.2 * len(labels) else "classify"


def _remarks(draft: Catalog) -> list[str]:
    """What a person should know: counted and named, never dropped silently."""
    notes = []
    bad = [f"{file} ({why})" for file, why in zip(draft.column("file"), draft.column("why"), strict=True) if why]
    if bad:
        notes.append(f"{len(bad)} images cannot be used and are left out: {join_some(bad)}")
    if draft.task == "classify":
        folded: dict[str, set[str]] = {}
        for label in draft.labels:
            folded.setdefault(label.casefold(), set()).add(label)
        twins = ["/".join(sorted(names)) for names in folded.values() if len(names) > 1]
        if twins:
            notes.append(f"{len(twins)} labels differ from another only in case: {join_some(sorted(twins))}")
    return notes


def _grouped(result: Catalog, groups: str | Path | Mapping[str, Sequence[str]]) -> Catalog:
    name = "groups" if isinstance(groups, Mapping) else str(groups)
    if not isinstance(groups, Mapping):
        try:
            groups = yaml.safe_load(Path(groups).read_text(encoding="utf-8"))
        except OSError as error:
            raise CatalogError(f"{name}: the groups file cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise CatalogError(f"{name}: not YAML: {error}") from error
    if not isinstance(groups, Mapping) or not all(isinstance(members, list | tuple) for members in groups.values()):
        raise CatalogError(f"{name}: write one line a group: its name, then its classes in brackets")
    # YAML reads 0042 as a number and `no` as false: such a class must be quoted, and is said so below.
    members = [(str(group), str(label)) for group, labels in groups.items() for label in labels]
    counts = Counter(label for _, label in members)
    if twice := sorted(label for label, count in counts.items() if count > 1):
        raise CatalogError(f"{name}: in more than one group: {join_some(twice)}; every class belongs to exactly one")
    of = {label: group for group, label in members}
    if none := [label for label in result.labels if label not in of]:
        raise CatalogError(
            f"{name}: in no group: {join_some(none)}; every class belongs to exactly one (quote names like '0042')"
        )
    result = result.with_column("group", [of.get(label) for label in result.column("label")])
    absent = sorted(set(of) - set(result.labels))
    return result.with_notes([f"{len(absent)} classes of {name} have no image: {join_some(absent)}"] if absent else [])


def _check_groups(result: Catalog) -> None:
    """The same rule for groups that folders or a table bring along."""
    columns = (result.column(name) for name in ("label", "group", "keep"))
    pairs = {(label, group) for label, group, keep in zip(*columns, strict=True) if keep}
    if none := sorted(label for label, group in pairs if group is None and result.groups):
        raise CatalogError(f"{result.source}: in no group: {join_some(none)}; every class belongs to exactly one")
    counts = Counter(label for label, _ in pairs)
    if twice := sorted(label for label, count in counts.items() if count > 1):
        raise CatalogError(
            f"{result.source}: in more than one group: {join_some(twice)}; every class belongs to exactly one"
        )


def _relative(root: Path, start: Path) -> str | None:
    try:
        return Path(os.path.relpath(root.resolve(), start.resolve())).as_posix()
    except ValueError:  # another drive
        return None
