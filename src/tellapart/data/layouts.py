"""Layouts of labelled images: folders, tables and shards become the same rows."""

from __future__ import annotations

import glob
import os
import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.image_io import FORMATS, is_image_name
from tellapart.core.storage import RemotePath, as_path, is_url, matching
from tellapart.core.system_files import is_system_name
from tellapart.data.box_annotations import ONE_LABEL, find_boxes, kind_of_boxes
from tellapart.data.columns import Columns
from tellapart.data.folder_names import read_names
from tellapart.data.folder_scheme import FolderScheme, find_scheme
from tellapart.data.folder_tree import FolderTree, Parts, read_tree, tree_of
from tellapart.data.left_out import hint_of_kind, other_files
from tellapart.data.normal_forms import composed
from tellapart.data.rows import Listing, Row
from tellapart.data.shards import read_shards
from tellapart.data.side_tables import naming_tables, offer
from tellapart.data.side_texts import read_side_texts
from tellapart.data.split_names import part_in_name, part_rows, parts_in_names
from tellapart.data.tables import GIVEN_SUFFIXES, TABLE_NAMES, TABLE_SUFFIXES, read_table

# Of files that may say labels in a form that is not read.
_MAY_LABEL = (
    ".csv", ".tsv", ".json", ".jsonl", ".xml", ".xlsx", ".xls", ".ods", ".mat", ".yaml", ".yml", ".txt",
)  # fmt: skip


def read_source(
    data: str | Path,
    *,
    label_from: str = "auto",
    file_column: str | None = None,
    label_column: str | None = None,
    group_by: str | None = None,
    task: str | None = None,
) -> Listing:
    """List the labelled images of a folder, a table, or Parquet shards (one, a glob, or a folder of them).

    Args:
        data: the source.
        label_from: ``auto``, ``folder`` (class folders), ``prefix`` (dog_01.jpg is a dog), ``text`` (ab3kz.png
            reads ab3kz), or a regular expression over the file name without its ending, with one group.
        file_column: of a table whose files are not in a usual column such as file.
        label_column: of a table whose labels are not in a usual column such as label.
        group_by: a table's column whose equal values never cross a split (one person, one site).
        task: ``classify``, ``read`` or ``tag`` (several labels an image, which only a table or shards hold); where
            ``label_from`` is ``auto`` it decides how names without folders are read.

    Raises:
        CatalogError: nothing there, no labels, an empty label, unknown columns, missing files, a damaged table.
    """
    columns = Columns(file_column, label_column, group_by, label_from, tags=task == "tag")
    try:
        listing = _listing(data, label_from, columns, task)
    except OSError as error:  # no right to look, a disk that fails
        raise CatalogError(f"{error.filename or data}: cannot be read: {error.strerror or error}") from error
    if not listing.rows:
        raise CatalogError("; ".join([f"{data}: no images found (looked for {', '.join(FORMATS)})", *listing.notes]))
    if listing.layout not in ("class folders", "file names"):
        listing.rows, notes = composed(listing.rows, names=False)
        listing.notes += notes
    return listing


def _listing(data: str | Path, label_from: str, columns: Columns, task: str | None) -> Listing:
    if is_url(data):
        return _remote_listing(str(data), label_from, columns, task)
    if shards := check_exists(data):
        return _shards(shards, columns)
    path = Path(data)
    if path.is_dir():
        return _folder(read_tree(path), label_from, columns, task)
    listing = _table(path, columns)
    return _with_notes(listing, [*_beside(listing)])


def check_exists(data: str | Path) -> list[Path]:
    """Check that a source on this machine is there: a folder, a table, or shards that match a pattern.

    Returns:
        What the pattern matches, sorted; nothing where the source is no pattern.

    Raises:
        CatalogError: there is no such file or folder, nothing matches, or a file that is no table.
    """
    path = Path(data)
    if any(sign in str(data) for sign in "*?[") and not path.exists():
        shards = sorted(Path(name) for name in glob.glob(str(data), recursive=True))  # noqa: PTH207
        if not shards:
            raise CatalogError(f"{data}: no file matches this pattern")
        if other := next((shard for shard in shards if shard.suffix.lower() != ".parquet"), None):
            raise CatalogError(
                f"{data}: {other.name} is no Parquet shard, and only those are taken by a pattern; give the folder, or "
                "one table"
            )
        return shards
    if not path.exists():
        raise CatalogError(f"{data}: there is no such file or folder")
    if not path.is_dir():
        _check_kind(path)
    return []


def _check_kind(path: Path) -> None:
    """Refuse a file that is no table, by its ending, or one of boxes."""
    suffix = path.suffix.lower() if path.is_file() else ""
    boxes = kind_of_boxes(path) if suffix == ".json" or (suffix and suffix not in GIVEN_SUFFIXES) else None
    if boxes or suffix not in GIVEN_SUFFIXES:
        hint = hint_of_kind(path.name) if suffix else None
        what = f"{boxes} boxes: {ONE_LABEL}" if boxes else "not a data set" + (f" ({hint})" if hint else "")
        raise CatalogError(
            f"{path}: {what}; give a folder of images, a table ({', '.join(GIVEN_SUFFIXES)}) or Parquet shards"
        )


def _remote_listing(data: str, label_from: str, columns: Columns, task: str | None) -> Listing:
    """What a URL holds: a table, Parquet shards (one, a pattern, a folder of them), or a folder of images."""
    if any(sign in data for sign in "*["):
        shards = matching(data)
        if not shards:
            raise CatalogError(f"{data}: no object matches this pattern")
        return _shards([as_path(shard.url) for shard in shards], columns)
    path = as_path(data)
    if path.suffix.lower() in GIVEN_SUFFIXES and path.is_file():
        return _table(path, columns)
    root = cast(RemotePath, path)
    root.check_bucket()
    return _folder(
        tree_of(path, [found.relative_to(root).parts for found, _ in root.files()]), label_from, columns, task
    )


def _shards(paths: Sequence[Path], columns: Columns, root: Path | None = None) -> Listing:
    """The rows of shards, in the parts that the names of the shards say."""
    listing = read_shards(paths, columns, root)
    listing.rows, notes = part_rows(listing.rows, [row.shard or row.file for row in listing.rows])
    return _with_notes(listing, notes)


def _table(path: Path, columns: Columns) -> Listing:
    """The rows of a table, in the parts that the top folders of its files say."""
    listing = read_table(path, columns)
    tops = {row.file: Path(row.file).parts[0] for row in listing.rows if "/" in row.file}
    if len(tops) == len(listing.rows) and all(part_in_name(top) for top in set(tops.values())):
        listing.rows, notes = part_rows(listing.rows, [f"{tops[row.file]}/0" for row in listing.rows])
        _with_notes(listing, notes)
    return listing


# --- folders ---------------------------------------------------------------------------------------


def _folder(tree: FolderTree, label_from: str, columns: Columns, task: str | None) -> Listing:
    """The rows of the files of a folder: by its table or shards, by the names of folders, or by their own."""
    shards = [tree.root.joinpath(*parts) for parts in tree.others if parts[-1].lower().endswith(".parquet")]
    auto = label_from == "auto"
    if auto and (table := _own_table(tree, ())):
        return _by_tables(tree, [_PlacedTable((), table, None)], columns)
    if not tree.images:
        if shards:
            return _with_notes(_shards(shards, columns, tree.root), tree.notes)
        return Listing(tree.root, [], "folder", [*other_files(tree.others), *tree.notes])
    scheme = find_scheme(tree.images, strict=label_from == "folder")
    if auto and (tables := _part_tables(tree, scheme)):
        return _by_tables(tree, tables, columns)
    if auto and not columns.named and (listing := read_side_texts(tree, scheme, task)) is not None:
        return listing
    if auto and (listing := _by_part_tables(tree, scheme, columns)) is not None:
        return listing
    columns.refuse_without_columns(tree.root, "folders of images")
    return _named(tree, scheme, label_from, task)


def _named(tree: FolderTree, scheme: FolderScheme, label_from: str, task: str | None) -> Listing:
    """The rows of a folder by names, unless tables or boxes beside the images may hold the labels."""
    beside = naming_tables(tree, len(scheme.around) + 1)
    if task == "tag":
        raise CatalogError(
            f"{tree.root}: names give an image one label; for several (--task tag) "
            + (offer(beside, tree.root) if beside else "give a table: a first line file,label, then a.png,cat|dog")
        )
    try:
        listing = read_names(tree, scheme, label_from, task)
    except CatalogError as error:
        if beside:
            raise CatalogError(f"{error}; {offer(beside, tree.root)}") from error
        if boxes := find_boxes(tree):
            raise CatalogError(f"{tree.root}: {boxes}: {ONE_LABEL}") from error
        if others := ["/".join(parts) for parts in tree.others if _suffix(parts) in _MAY_LABEL]:
            raise CatalogError(
                f"{error}; the labels may stand in {join_some(others)}: make a table of file and label of that"
            ) from error
        raise
    unsure = _is_unsure(listing, label_from)
    if beside and unsure:
        how = "file names" if listing.layout == "file names" else "the one folder of the images"
        raise CatalogError(
            f"{tree.root}: the labels may stand in {how} or in a table: {offer(beside, tree.root)}, or say what the "
            "names are (--label-from folder, prefix or text)"
        )
    if beside:
        listing.notes.append(f"not read: {offer(beside, tree.root)} instead")
    elif boxes := find_boxes(tree):
        if unsure:
            raise CatalogError(f"{tree.root}: {boxes}: {ONE_LABEL}, or say what the names are (--label-from)")
        listing.notes.append(f"not read: {boxes}")
    return listing


def _is_unsure(listing: Listing, label_from: str) -> bool:
    """Whether labels that stand in names may as well be none."""
    one = len({row.label for row in listing.rows}) == 1
    return label_from == "auto" and (listing.layout == "file names" or one)


@dataclass(frozen=True)
class _PlacedTable:
    """A table of a folder: whose images it names, where it lies, and the part that its place or its name says."""

    folder: Parts
    table: Parts
    part: str | None


def _own_table(tree: FolderTree, folder: Parts) -> Parts | None:
    """The table that by its name belongs to the images of a folder."""
    here = {parts[-1].lower(): parts for parts in tree.others if parts[:-1] == folder}
    names = [f"{name}{suffix}" for name in TABLE_NAMES for suffix in TABLE_SUFFIXES]
    return next((here[name] for name in names if name in here), None)


def _part_tables(tree: FolderTree, scheme: FolderScheme) -> list[_PlacedTable]:
    """The table of a folder around the whole set, or those of its parts."""
    for length in range(len(scheme.around), 0, -1):
        if table := _own_table(tree, scheme.around[:length]):
            return [_PlacedTable(scheme.around[:length], table, None)]
    folders = [(*scheme.around, top, *scheme.doubled[top][:length])
               for top in scheme.parts for length in range(len(scheme.doubled[top]) + 1)]  # fmt: skip
    found = ((folder, _own_table(tree, folder)) for folder in folders)
    return [_PlacedTable(folder, table, place.part if (place := scheme.place(folder)) else None)
            for folder, table in found if table]  # fmt: skip


def _by_part_tables(tree: FolderTree, scheme: FolderScheme, columns: Columns) -> Listing | None:
    """The rows of tables whose names say the parts, as ``train.csv`` and ``test.csv``; None where names of folders do.

    All of them lie in one folder and can be read; a ``test.csv`` without labels is none of these.
    """
    if scheme.parts or any(place.folders for parts in tree.images if (place := scheme.place(parts[:-1])) is not None):
        return None
    for length in range(len(scheme.around) + 1):
        folder = scheme.around[:length]
        here = [parts for parts in tree.others if parts[:-1] == folder and _suffix(parts) in TABLE_SUFFIXES]
        said = parts_in_names(parts[-1] for parts in here)
        tables = [_PlacedTable(folder, parts, said[parts[-1]]) for parts in here if said[parts[-1]] is not None]
        if tables:
            try:
                return _by_tables(tree, tables, columns)
            except CatalogError:
                return None  # they are offered one by one
    return None


def _suffix(parts: Parts) -> str:
    return Path(parts[-1]).suffix.lower()


def _by_tables(tree: FolderTree, tables: Sequence[_PlacedTable], columns: Columns) -> Listing:
    """The rows of one table or of several, with their files named from the root."""
    listing: Listing | None = None
    for each in tables:
        read = _table(tree.root.joinpath(*each.table), columns)
        if each.folder or each.part:
            read.rows = [_below(row, each.folder, each.part) for row in read.rows]
        if listing is None:
            listing = replace(read, root=tree.root, layout="/".join(each.table))
        else:
            listing.rows += read.rows
            listing.notes += read.notes
            listing.layout = join_some("/".join(each.table) for each in tables)
            listing.labelled_by = f"the column {read.label_column!r} of {listing.layout}"
    assert listing is not None
    return _note_unlisted(listing, tree, {each.table for each in tables})


def _beside(listing: Listing) -> Iterator[str]:
    """A note on the images in the folders of those that a table names, which it does not name."""
    if is_url(listing.root) or any(row.shard is not None or is_url(row.file) for row in listing.rows):
        return
    listed = {posixpath.normpath(row.file) for row in listing.rows} | listing.waiting
    rest: list[str] = []
    for folder in sorted({posixpath.dirname(name) for name in listed}):
        with os.scandir(listing.root / folder) as entries:
            names = sorted(entry.name for entry in entries if is_image_name(entry.name) and entry.is_file())
        paths = (posixpath.join(folder, name) for name in names if not is_system_name(name))
        rest += [path for path in paths if path not in listed]
    if rest:
        yield _unnamed(rest, " beside them", listing.layout)


def _unnamed(images: Sequence[str], where: str, layout: str) -> str:
    one = len(images) == 1
    count = pluralize(len(images), f"image{where} is", f"images{where} are")
    return f"{count} not named in {layout} and {'was' if one else 'were'} left out: {join_some(images)}"


def _below(row: Row, folder: Parts, part: str | None) -> Row:
    """A row of a table in a folder, with its file named from the root."""
    if row.shard is not None or is_url(row.file) or Path(row.file).is_absolute():
        return replace(row, split=row.split or part)
    return replace(row, file=posixpath.normpath("/".join([*folder, row.file])), split=row.split or part)


def _with_notes(listing: Listing, notes: Sequence[str]) -> Listing:
    listing.notes += notes
    return listing


def _note_unlisted(listing: Listing, tree: FolderTree, tables: Collection[Parts]) -> Listing:
    """Note the images that no table names, and what else lies there."""
    if not listing.rows or listing.rows[0].shard is not None:
        return listing
    listed = {posixpath.normpath(row.file) for row in listing.rows} | listing.waiting
    rest = [name for parts in tree.images if (name := "/".join(parts)) not in listed]
    if rest:
        listing.notes.append(_unnamed(rest, "", listing.layout))
    others = [parts for parts in tree.others if parts not in tables]
    return _with_notes(listing, [*other_files(others), *tree.notes])
