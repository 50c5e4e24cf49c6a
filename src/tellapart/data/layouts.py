"""Layouts of labelled images: folders, tables and shards become the same rows."""

from __future__ import annotations

import glob
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tellapart.core.errors import CatalogError, join_some
from tellapart.core.storage import RemotePath, as_path, is_url, matching
from tellapart.data.columns import Columns, label_expression
from tellapart.data.folder_tree import FolderTree, Parts, read_tree, tree_of
from tellapart.data.rows import SPLIT_NAMES, Listing, Row
from tellapart.data.shards import read_shards
from tellapart.data.tables import TABLE_NAMES, TABLE_SUFFIXES, read_table

LABEL_RULES = {
    # dog_01.jpg -> dog, 2_10067.png -> 2, cat.12.jpg -> cat, "cup (3).png" -> cup
    "prefix": re.compile(r"(?P<label>.+?)[ _.\-]+\(?\d+\)?"),
    # ab3kz.png -> ab3kz; a copy's counter is not text: 0042.1.png and "0042 (1).png" -> 0042
    "text": re.compile(r"(?P<label>.+?)(?:\.\d+| \(\d+\))?"),
}


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
        task: ``classify`` or ``read``; where ``label_from`` is ``auto`` it decides how names without folders are read.

    Raises:
        CatalogError: nothing there, no labels, an empty label, unknown columns, missing files, a damaged table.
    """
    try:
        listing = _listing(data, label_from, Columns(file_column, label_column, group_by, label_from), task)
    except OSError as error:  # no right to look, a disk that fails
        raise CatalogError(f"{error.filename or data}: cannot be read: {error.strerror or error}") from error
    if not listing.rows:
        raise CatalogError("; ".join([f"{data}: no images found", *listing.notes]))
    return listing


def _listing(data: str | Path, label_from: str, columns: Columns, task: str | None) -> Listing:
    if is_url(data):
        return _remote_listing(str(data), label_from, columns, task)
    path = Path(data)
    if any(sign in str(data) for sign in "*?[") and not path.exists():
        shards = sorted(Path(name) for name in glob.glob(str(data), recursive=True))  # noqa: PTH207
        if not shards:
            raise CatalogError(f"{data}: no file matches this pattern")
        return read_shards(shards, columns)
    if path.is_dir():
        return _folder(path, label_from, columns, task)
    if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
        return read_table(path, columns)
    if path.exists():
        raise CatalogError(
            f"{data}: not a data set; give a folder of images, a table ({', '.join(TABLE_SUFFIXES)}) or Parquet shards"
        )
    raise CatalogError(f"{data}: there is no such file or folder")


def _remote_listing(data: str, label_from: str, columns: Columns, task: str | None) -> Listing:
    """What a URL holds: a table, Parquet shards (one, a pattern, a folder of them), or a folder of images."""
    if any(sign in data for sign in "*["):
        shards = matching(data)
        if not shards:
            raise CatalogError(f"{data}: no object matches this pattern")
        return read_shards([as_path(shard.url) for shard in shards], columns)
    path = as_path(data)
    if path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        return read_table(path, columns)
    root = cast(RemotePath, path)
    root.check_bucket()
    tree = tree_of(path, [found.relative_to(root).parts for found, _ in root.files()])
    if label_from == "auto":
        tables = [f"{name}{suffix}" for name in TABLE_NAMES for suffix in TABLE_SUFFIXES]
        if table := next((name for name in tables if (name,) in tree.others), None):
            return read_table(path / table, columns)
    return _listing_of(tree, label_from, columns, task)


# --- folders ---------------------------------------------------------------------------------------


def _folder(root: Path, label_from: str, columns: Columns, task: str | None) -> Listing:
    if label_from == "auto":
        tables = [
            path for name in TABLE_NAMES for suffix in TABLE_SUFFIXES if (path := root / f"{name}{suffix}").is_file()
        ]
        if tables:
            return _note_unlisted(read_table(tables[0], columns), root)
    return _listing_of(read_tree(root), label_from, columns, task)


def _listing_of(tree: FolderTree, label_from: str, columns: Columns, task: str | None) -> Listing:
    """The rows of the files of a folder, by the names of their folders or their own."""
    root, images, others = tree.root, tree.images, tree.others
    shards = [root.joinpath(*parts) for parts in others if parts[-1].lower().endswith(".parquet")]
    if shards and not images:
        return _with_notes(read_shards(shards, columns, root), tree.notes)
    listing = Listing(root, [], "folder")
    if others:
        kinds = Counter(Path(parts[-1]).suffix.lower() or parts[-1] for parts in others)
        listing.notes.append(
            f"{len(others)} files are not images by name and were left out: "
            + join_some(f"{count} {kind}" for kind, count in kinds.most_common())
        )
    if images:
        columns.refuse_without_columns(root, "folders of images")
        splits = _split_folders(images)
        if label_from == "auto":
            deep = max(map(len, images)) - 1 > splits
            label_from = "folder" if deep else ("text" if task == "read" else "prefix")
        listing.layout = "class folders" if label_from == "folder" else "file names"
        listing.labelled_by = "folder names" if label_from == "folder" else f"file names (by the rule {label_from!r})"
        listing.rows = (
            _class_folders(images, splits) if label_from == "folder" else _rows_by_name(images, label_from, splits)
        )
    return _with_notes(listing, [*tree.notes, *_blank_twins(listing.rows)])


def _with_notes(listing: Listing, notes: Sequence[str]) -> Listing:
    listing.notes += notes
    return listing


def _rows_by_name(images: Sequence[Parts], rule: str, splits: bool) -> list[Row]:
    rows = []
    for parts in images:
        name = "/".join(parts)
        split = SPLIT_NAMES.get(parts[0].lower()) if splits else None
        rows.append(Row(name, label_in_name(name, rule), split=split))
    return rows


def label_in_name(path: str | Path, rule: str) -> str:
    """The label that a file name carries, by a named rule or a regular expression with one group.

    Raises:
        CatalogError: the name does not follow the rule, or the rule is no usable expression.

    >>> label_in_name("dog_01.jpg", "prefix"), label_in_name("2_10067.png", "prefix")
    ('dog', '2')
    >>> label_in_name("0042.1.png", "text"), label_in_name("x-red-7.png", "x-([a-z]+)-.*")
    ('0042', 'red')
    """
    stem = Path(path).stem
    expression = LABEL_RULES.get(rule)
    if expression is None:
        expression = label_expression(rule)
    match = expression.fullmatch(stem)
    if match is None or not match[1]:
        raise CatalogError(
            f"{path}: the name holds no label by the rule {rule!r}; "
            "sort the images into class folders, or give a rule that fits (--label-from)"
        )
    return str(match[1])


def _split_folders(images: Sequence[Parts]) -> bool:
    """Whether the first level is train/val/test, as many published sets have it."""
    tops = {parts[0].lower() for parts in images if len(parts) > 1}
    return len(tops) > 1 and "train" in {SPLIT_NAMES.get(top) for top in tops} and tops <= set(SPLIT_NAMES)


def _class_folders(images: Sequence[Parts], splits: bool) -> list[Row]:
    depths = Counter(len(parts) - 1 - splits for parts in images)
    if len(depths) > 1 or not depths.keys() <= {1, 2}:
        usual = depths.most_common(1)[0][0]
        odd = next(parts for parts in images if len(parts) - 1 - splits != usual or usual not in (1, 2))
        raise CatalogError(
            f"{'/'.join(odd)}: images must all lie in class folders (class/image) or all in "
            "group/class folders (group/class/image); move this one, or label by name (--label-from prefix)"
        )
    rows = []
    for parts in images:
        split = SPLIT_NAMES[parts[0].lower()] if splits else None
        folders = parts[splits:-1]
        rows.append(Row("/".join(parts), folders[-1], folders[0] if len(folders) == 2 else None, split))
    return rows


def _blank_twins(rows: Sequence[Row]) -> list[str]:
    """Notes on labels that differ only in blanks around them: a person cannot see that they are two."""
    stripped = defaultdict(list)
    for label in sorted({row.label for row in rows}):
        stripped[label.strip()].append(repr(label))
    twins = ["/".join(labels) for labels in stripped.values() if len(labels) > 1]
    return (
        [f"{len(twins)} labels differ from another only in the blanks around them: {join_some(twins)}"] if twins else []
    )


def _note_unlisted(listing: Listing, root: Path) -> Listing:
    if not listing.rows or listing.rows[0].shard is not None:
        return listing
    tree = read_tree(root)
    listed = {posixpath.normpath(row.file) for row in listing.rows}
    rest = [name for parts in tree.images if (name := "/".join(parts)) not in listed]
    if rest:
        listing.notes.append(
            f"{len(rest)} images are not named in {listing.layout} and were left out: {join_some(rest)}"
        )
    return _with_notes(listing, tree.notes)
