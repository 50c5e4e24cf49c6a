"""Parts of a source: one Parquet shard each, or 1,024 files. A part is named by what goes into it."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, ConfigError, ImageError
from tellapart.core.image_io import is_image_name
from tellapart.core.storage import RemotePath, Status, as_path, is_url, locate, matching
from tellapart.data.catalog import Catalog, read_files
from tellapart.data.columns import Columns
from tellapart.data.layouts import read_source
from tellapart.data.opening import open_catalog
from tellapart.data.parquet import iter_shard, open_parquet
from tellapart.data.rows import Listing
from tellapart.data.shards import common_folder, image_column, read_shards, shard_names
from tellapart.data.source_options import LABEL_OPTIONS
from tellapart.data.split_names import parts_in_names
from tellapart.data.tables import TABLE_NAMES, TABLE_SUFFIXES

KNOWN = ("label", "split", "group", "together")  # of an image, beside its name
FILES = 1024  # of a listing, in one part
File = tuple[str, str | None, str | None, str | None, str | None]  # name below the root, and what `KNOWN` names
Piece = tuple[Mapping[str, Any], str, str]  # inputs, stamp and title of a part


@dataclass(frozen=True)
class Part:
    """A piece of work of one core.

    Args:
        number: its place among all.
        inputs: what the function of a part takes, as JSON.
        stamp: sizes and times of change of what it reads: a part whose inputs have changed is another part.
        title: what it is called in messages.
    """

    number: int
    inputs: Mapping[str, Any]
    stamp: str
    title: str

    def file_name(self, key: str) -> str:
        """Return the name of its answer, made of its number, its inputs and the key of the whole work."""
        text = json.dumps([key, self.inputs, self.stamp], sort_keys=True)
        return f"part-{self.number:06}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}.parquet"


def numbered(pieces: Iterable[Piece]) -> Iterator[Part]:
    """Parts of pairs of inputs, stamp and title."""
    return (Part(number, *piece) for number, piece in enumerate(pieces))


def image_parts(sources: Sequence[str]) -> Iterator[Part]:
    """Parts of images whose labels do not matter: files, folders, shards, patterns and catalogs, local or by URL.

    A folder that holds no image is one of shards.

    Raises:
        ConfigError: a folder without images and shards, or a pattern that nothing fits.
        StorageError: no such bucket or folder, or no permission.
    """

    def pieces() -> Iterator[Piece]:
        for is_single, some in itertools.groupby(sources, key=_is_single):
            if is_single:
                yield from _file_pieces(Path.cwd(), ((name, None, None, None, None) for name in some))
            else:
                yield from itertools.chain.from_iterable(map(_image_pieces, some))

    return numbered(pieces())


def labelled_parts(data: str | Path | Catalog, options: Mapping[str, Any]) -> Iterator[Part]:
    """Parts of a labelled source: of shards one each, whose labels are read there, of all else 1,024 rows.

    Raises:
        CatalogError: the source cannot be used.
    """
    given: Any = {name: value for name, value in options.items() if value not in (None, "auto")}
    if isinstance(data, Catalog) or _is_catalog(as_path(data)):
        return catalog_parts(open_catalog(data, **given))
    shards = _shards(as_path(data), str(data))
    if shards is not None:
        root, paths = shards
        labels = {name: options.get(name) for name in LABEL_OPTIONS}
        if options.get("task") == "tag":
            labels["task"] = "tag"
        said = parts_in_names(_below(root, path) for path, _ in paths)
        return numbered(
            _shard_piece(root, path, status, {"labels": labels, "split": said[_below(root, path)]})
            for path, status in paths
        )
    listing = read_source(data, **options)
    return numbered(_listing_pieces(listing))


def catalog_parts(catalog: Catalog, rows: Sequence[int] | None = None) -> Iterator[Part]:
    """Parts of rows of a catalog, by default the kept ones: of one shard, or of 1,024 files."""
    shard, number = catalog.column("shard"), catalog.column("row")
    columns = [catalog.column(name) for name in ("file", *KNOWN)]

    def line(row: int) -> tuple[Any, ...]:
        return tuple(column[row] for column in columns)

    order = part_order(catalog, catalog.rows() if rows is None else rows)
    single = [row for row in order if shard[row] is None]
    inside = [row for row in order if shard[row] is not None]

    def pieces() -> Iterator[Piece]:
        yield from _file_pieces(catalog.root, map(line, single))
        for name, those in itertools.groupby(inside, key=lambda row: shard[row]):
            here = list(those)
            rest = {
                "rows": [number[row] for row in here],
                "named": [line(row) for row in here],
                "column": ((catalog.meta or {}).get("image_columns") or {}).get(name),
            }
            path = locate(catalog.root, name)
            yield _shard_piece(catalog.root, path, _status(path), rest)

    return numbered(pieces())


def part_order(catalog: Catalog, rows: Sequence[int]) -> list[int]:
    """The rows in the order in which `catalog_parts` has them: files as they are, then shard after shard."""
    shard, number = catalog.column("shard"), catalog.column("row")
    return sorted(rows, key=lambda row: (shard[row] is not None, shard[row] or "", number[row] or 0))


def _is_single(source: str) -> bool:
    """Whether a source is one image; one that is missing becomes a row with its error, like any bad file."""
    place = as_path(source)
    return (is_image_name(source) and not place.is_dir()) or (place.is_file() and place.suffix != ".parquet")


def _image_pieces(source: str) -> Iterator[Piece]:
    place = as_path(source)
    if _is_catalog(place):
        yield from ((part.inputs, part.stamp, part.title) for part in catalog_parts(open_catalog(source)))
    elif (shards := _shards(place, source)) is not None:
        root, paths = shards
        yield from (_shard_piece(root, path, status, {}) for path, status in paths)
    else:
        images = ((name, None, None, None, None) for name, _, _ in _walk(place) if is_image_name(name))
        some = next(images, None)
        if some is None:
            raise ConfigError(f"{source}: no image and no Parquet shard there")
        yield from _file_pieces(place, itertools.chain([some], images), source.rstrip("/") + "/")


def _walk(place: Path) -> Iterator[tuple[str, Path, Status]]:
    """The files below a folder, sorted, folder by folder: names below it, paths, sizes and times of change."""
    if isinstance(place, RemotePath):
        for path, status in place.files():
            yield path.relative_to(place).as_posix(), as_path(path.url), status
        return
    for folder, folders, names in os.walk(place, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith("."):
                yield path.relative_to(place).as_posix(), path, _status(path)


def _shards(place: Path, source: str) -> tuple[Path, list[tuple[Path, Status]]] | None:
    """The shards that a source is, and the folder that they are named from; None where it is none of shards.

    Raises:
        CatalogError: a pattern that nothing fits.
    """
    if any(sign in source for sign in "*["):
        if is_url(source):
            found = [as_path(path.url) for path in matching(source)]
        else:
            found = sorted(Path(place.anchor or ".").glob(str(place.relative_to(place.anchor))))
        if not found:
            raise CatalogError(f"{source}: nothing fits this pattern")
        return common_folder(found), [(path, _status(path)) for path in found]
    if place.suffix == ".parquet" and place.is_file():
        with open_parquet(place) as file:
            return (place.parent, [(place, _status(place))]) if image_column(file, place) else None
    if not place.exists():
        raise CatalogError(f"{source}: there is no such file or folder")
    if place.is_dir() and not any((place / f"{n}{s}").is_file() for n in TABLE_NAMES for s in TABLE_SUFFIXES):
        shards = []
        for name, path, status in _walk(place):
            if is_image_name(name):
                return None
            if name.endswith(".parquet"):
                shards.append((path, status))
        return (place, shards) if shards else None
    return None


def _is_catalog(place: Path) -> bool:
    if place.suffix != ".parquet" or any(sign in str(place) for sign in "*[") or not place.is_file():
        return False
    with open_parquet(place) as file:
        return b"tellapart" in (file.schema_arrow.metadata or {})


def _listing_pieces(listing: Listing) -> Iterator[Piece]:
    return _file_pieces(
        listing.root, ((row.file, row.label, row.split, row.group, row.together) for row in listing.rows)
    )


def _file_pieces(root: Path, files: Iterable[File], shown: str = "") -> Iterator[Piece]:
    """Pieces of 1,024 files; ``shown`` stands before their names in answers."""
    source = iter(files)
    while some := list(itertools.islice(source, FILES)):
        stamps = [f"{status.st_size} {status.st_mtime_ns}" for status in _states(root, [name for name, *_ in some])]
        inputs = {"root": _named(root), "files": [list(each) for each in some], "shown": shown}
        yield inputs, " ".join(stamps), f"{len(some)} files from {shown or str(root) + '/'}{some[0][0]} on"


def _shard_piece(root: Path, path: Path, status: Status, rest: Mapping[str, Any]) -> Piece:
    inputs = {"root": _named(root), "shard": _below(root, path), **rest}
    return inputs, f"{status.st_size} {status.st_mtime_ns}", str(path)


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _named(root: Path) -> str:
    return root.url if isinstance(root, RemotePath) else str(root.absolute())


def _states(root: Path, names: Sequence[str]) -> list[Status]:
    if isinstance(root, RemotePath):  # one question for all
        found = root.fs.get_file_info([(root / name).key for name in names])
        return [Status(info.size or 0, info.mtime_ns or 0) for info in found]
    return [_status(as_path(name) if is_url(name) else root / name) for name in names]


def _status(path: Path) -> Status:
    try:
        status = path.stat()
    except OSError:  # it has gone: whoever reads it says so
        return Status(-1, 0)
    return Status(status.st_size, status.st_mtime_ns)


# --- the other side: what a worker reads ----------------------------------------------------------


@dataclass(frozen=True)
class PartImage:
    """An image of a part: its name in answers, what is known of it, and its bytes, or why there are none."""

    name: str
    label: str | None
    split: str | None
    group: str | None
    together: str | None
    data: bytes | ImageError


def read_part(inputs: Mapping[str, Any]) -> Iterator[PartImage]:
    """The images of a part, in the order of its files or rows.

    Raises:
        CatalogError: a shard that has gone, is damaged, or has changed.
        StorageError: storage refuses.
    """
    root = as_path(inputs["root"])
    if "shard" in inputs:
        images = _read_shard(locate(root, inputs["shard"]), inputs)
        yield from itertools.islice(images, *inputs["between"]) if "between" in inputs else images
        return
    names, shown = [name for name, *_ in inputs["files"]], inputs["shown"]
    contents = read_files(root, names, range(len(names)))
    for (name, label, split, group, together), (_, data) in zip(inputs["files"], contents, strict=True):
        yield PartImage(shown + name, label, split, group, together, data)


def _read_shard(path: Path, inputs: Mapping[str, Any]) -> Iterator[PartImage]:
    if "rows" in inputs:
        images = iter_shard(path, inputs["rows"], inputs["column"])
        for (name, label, split, group, together), (_, data) in zip(inputs["named"], images, strict=True):
            yield PartImage(name, label, split, group, together, data)
        return
    labels = inputs.get("labels")
    if labels is None:
        column, names = shard_names(path, inputs["shard"])
        for name, (_, data) in zip(names, iter_shard(path, range(len(names)), column), strict=True):
            yield PartImage(name, None, None, None, None, data)
        return
    named = (labels["file_column"], labels["label_column"], labels["group_by"], labels["label_from"] or "auto")
    columns = Columns(*named, tags=labels.get("task") == "tag")
    listing = read_shards([path], columns, as_path(inputs["root"]))
    if all(row.split is None for row in listing.rows):
        listing.rows = [replace(row, split=inputs["split"]) for row in listing.rows]
    single = [row for row in listing.rows if row.shard is None]  # with a path in the place of bytes
    contents = read_files(listing.root, [row.file for row in single], range(len(single)))
    for row, (_, file) in zip(single, contents, strict=True):
        yield PartImage(row.file, row.label, row.split, row.group, row.together, file)
    inside = [row for row in listing.rows if row.row is not None]
    numbers = [row.row for row in inside if row.row is not None]
    images = iter_shard(path, numbers, listing.image_columns.get(inputs["shard"])) if inside else iter(())
    for row, (_, data) in zip(inside, images, strict=True):
        yield PartImage(row.file, row.label, row.split, row.group, row.together, data)
