"""Several sources as one catalog: a later label of a picture wins, and no copy of a test picture teaches."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack, cast

import pyarrow as pa

from tellapart.core.errors import CatalogError, did_you_mean, join_some, pluralize
from tellapart.core.storage import RemotePath, is_url, locate
from tellapart.data.catalog import SCHEMA, Catalog
from tellapart.data.coarse_labels import apply_coarse_labels, check_coarse_labels
from tellapart.data.opening import open_catalog, open_with_defaults
from tellapart.data.parquet import open_parquet
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions, SourceOptions
from tellapart.data.split import copy_clusters

TIME = "time"  # column of shards that a server wrote: when a row was kept, in seconds

CatalogRow = dict[str, Any]


def open_sources(
    sources: Sequence[str | Path | Catalog],
    *,
    new_labels: bool = False,
    progress: bool = False,
    **options: Unpack[SourceOptions],
) -> Catalog:
    """Open one source or several as one catalog, see `merge`.

    Args:
        sources: the first says the task, the classes and their groups; the others add to it or correct it.
        new_labels: take in classes that only the others have.
        progress: draw a bar on a terminal's stderr.
        options: how the sources are read, see `tellapart.data.opening.open_catalog`; of the others, as far as their
            kind has a use for them.

    Raises:
        CatalogError: a source cannot be used, or a later one has a class that the first has not.
    """
    first = open_catalog(sources[0], progress=progress, **options)
    if len(sources) == 1:
        return first
    labelling = cast("LabelOptions", {name: value for name, value in options.items() if name in LABEL_OPTIONS})
    others = [open_with_defaults(each, labelling, task=first.task, progress=progress) for each in sources[1:]]
    merged = merge([first, *others], new_labels=new_labels)
    if (groups := options.get("coarse_labels")) is not None:
        return apply_coarse_labels(merged, groups)
    if merged.task == "classify":
        check_coarse_labels(merged)
    return merged


def merge(catalogs: Sequence[Catalog], *, new_labels: bool = False) -> Catalog:
    """Return the rows of several catalogs as one.

    A picture that stands in several of them (equal pixels, in any encoding) is one row. It keeps its place and its
    part, and has the label of the latest: of rows that say when they were kept the last in time, else the last in
    order. Where a catalog has a split, rows without one are of the train part; a later row that is a copy of one in
    another part is left out, so that the parts stay what they were.

    Args:
        catalogs: of one task; the first says the classes.
        new_labels: take in classes that only the others have.

    Raises:
        CatalogError: different tasks, or a class that only a later catalog has.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for number, name in enumerate(["old/cat_1.png", "old/dog_1.png", "new/dog_9.png"]):
    ...     (folder / name).parent.mkdir(exist_ok=True)
    ...     Image.new("RGB", (8, 8), (90 * (number % 2), 0, 0)).save(folder / name)
    >>> merged = merge([open_catalog(folder / "old"), open_catalog(folder / "new")])
    >>> merged.column("file"), merged.column("label")
    (['old/cat_1.png', 'old/dog_1.png'], ['dog', 'dog'])
    """
    first = catalogs[0]
    for other in catalogs[1:]:
        _check_fit(first, other, new_labels)
    root = _common_root([each.root for each in catalogs])
    merging = _Merging(first.groups)
    notes = [*first.notes]
    for number, each in enumerate(catalogs):
        notes += merging.add(each, root, number)
        notes += [f"{each.source}: {note}" for note in each.notes if number]
    table = pa.Table.from_pylist(merging.rows, schema=SCHEMA)
    merged = Catalog(table, root, first.task, " + ".join(each.source for each in catalogs), tuple(notes))
    lost = {name: why for each in reversed(catalogs) for name, why in _of_meta(each, "lost_classes").items()}
    meta = {
        **{name: value for name, value in (first.meta or {}).items() if name != "split"},
        "lost_classes": {name: why for name, why in lost.items() if name not in merged.labels},
        "image_columns": {
            _renamed(each.root, name, root): column
            for each in catalogs
            for name, column in _of_meta(each, "image_columns").items()
        },
        "characters": "".join(dict.fromkeys("".join(each.characters for each in catalogs))),
    }
    merged = merged.with_meta(**{name: value for name, value in meta.items() if value})
    return _with_parts(merged, merging.source_of)


@dataclass
class _Merging:
    """The rows so far, and which of them show a picture."""

    groups: Mapping[str, str]
    rows: list[CatalogRow] = field(default_factory=list)
    source_of: list[int] = field(default_factory=list)
    _files: set[str] = field(default_factory=set)
    _by_pixels: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, catalog: Catalog, root: Path, number: int) -> list[str]:
        """Add a catalog's rows, or correct those that show the same pictures; returns what a person should know."""
        corrected: dict[str, str] = {}
        repeated = 0
        rows = list(_rows(catalog, root))
        latest = {row["pixels"]: row for row in rows if row["keep"]}
        for row in rows:
            if row["keep"] and number:
                row |= {name: latest[row["pixels"]][name] for name in ("label", "group")}
            same = self._by_pixels[row["pixels"]] if row["keep"] and number else []
            for place in same:
                before = self.rows[place]
                if before["label"] != row["label"]:
                    corrected[before["file"]] = f"{before['file']} ({before['label']}, now {row['label']})"
                before |= {"label": row["label"], "group": row["group"] or self.groups.get(row["label"])}
            if same or row["file"] in self._files:
                repeated += 1
                continue
            self._append(row, number)
        notes = []
        if corrected:
            notes.append(
                f"{catalog.source}: corrects the label of {pluralize(len(corrected), 'picture')}: "
                f"{join_some(corrected.values())}"
            )
        if repeated > len(corrected):
            notes.append(
                f"{catalog.source}: {pluralize(repeated - len(corrected), 'picture')} of it "
                f"{'stands' if repeated - len(corrected) == 1 else 'stand'} there already; each is taken once"
            )
        return notes

    def _append(self, row: CatalogRow, number: int) -> None:
        if row["keep"]:
            self._by_pixels[row["pixels"]].append(len(self.rows))
            row["group"] = row["group"] or self.groups.get(row["label"])
        self._files.add(row["file"])
        self.rows.append(row)
        self.source_of.append(number)


def _check_fit(first: Catalog, other: Catalog, new_labels: bool) -> None:
    if other.task != first.task:
        raise CatalogError(f"{other.source}: labelled to {other.task}, but {first.source} to {first.task}")
    strange = [label for label in other.labels if label not in first.labels]
    if first.task != "read" and strange and not new_labels:
        kind = ("tag", "tags") if first.task == "tag" else ("class", "classes")
        raise CatalogError(
            f"{other.source}: {pluralize(len(strange), *kind)} that {first.source} has not: "
            f"{join_some(strange)}{did_you_mean(strange[0], first.labels)}; mend the label, or take it in with "
            "--new-labels true"
        )


def _common_root(roots: Sequence[Path]) -> Path:
    """The folder that files are named from: of all on this machine the nearest around them, else the first."""
    here = [os.path.abspath(root) for root in roots if not is_url(root)]  # noqa: PTH100  (a link stays a link)
    try:
        return Path(os.path.commonpath(here)) if here else roots[0]
    except ValueError:  # several drives
        return Path(here[0])


def _renamed(before: Path, name: str, root: Path) -> str:
    """A file's name below another root; what lies elsewhere is named in full."""
    if before == root or is_url(name):
        return name
    if isinstance(before, RemotePath):
        return str(locate(before, name))
    path = Path(os.path.abspath(before)) / name  # noqa: PTH100
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _rows(catalog: Catalog, root: Path) -> Iterator[CatalogRow]:
    """The rows of a catalog with names below another root; those that say when they were kept in that order."""
    rows = catalog.table.to_pylist()
    kept_at = _kept_at(catalog)
    for place in sorted(
        range(len(rows)), key=lambda place: kept_at.get((rows[place]["shard"], rows[place]["row"]), 0.0)
    ):
        row = rows[place]
        for name in ("file", "shard"):
            if row[name] is not None:
                row[name] = _renamed(catalog.root, row[name], root)
        yield row


def _kept_at(catalog: Catalog) -> dict[tuple[str, int], float]:
    """Shard and row → the time at which it was kept, where the shard says so."""
    result: dict[tuple[str, int], float] = {}
    for shard in sorted({name for name in catalog.column("shard") if name is not None}):
        with open_parquet(locate(catalog.root, shard)) as file:
            schema = file.schema_arrow
            if TIME in schema.names and pa.types.is_floating(schema.field(TIME).type):
                times = file.read(columns=[TIME]).column(TIME).to_pylist()
                result |= {(shard, row): time for row, time in enumerate(times) if time is not None}
    return result


def _of_meta(catalog: Catalog, name: str) -> Mapping[str, Any]:
    return (catalog.meta or {}).get(name) or {}


def _with_parts(catalog: Catalog, source_of: Sequence[int]) -> Catalog:
    """Where some rows have a part: the others are of the train part, and a later copy of another part is left out."""
    keep, why, files = ([*catalog.column(name)] for name in ("keep", "why", "file"))
    given = catalog.column("split")
    rows = catalog.rows()
    if all(given[row] is None for row in rows):
        return catalog
    parts = [part or "train" if kept else part for part, kept in zip(given, keep, strict=True)]
    bound = []
    for cluster in copy_clusters(catalog, rows):
        first = min(cluster, key=lambda row: (source_of[row], ("test", "val", "train").index(parts[row])))
        for row in cluster:
            if source_of[row] != source_of[first] and parts[row] != parts[first]:
                bound.append(files[row])
                keep[row] = False
                why[row] = f"a copy of {files[first]}, which is in the {parts[first]} part"
    catalog = catalog.with_column("split", parts).with_column("keep", keep).with_column("why", why)
    if not bound:
        return catalog
    what = pluralize(len(bound), "picture is", "pictures are")
    return catalog.with_notes(
        [f"{what} left out, as a copy stands in another part, mostly one that must not teach: {join_some(bound)}"]
    )
