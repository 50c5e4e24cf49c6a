"""Layouts of labelled images: folders, tables and shards become the same rows."""

from __future__ import annotations

import glob
import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.storage import RemotePath, as_path, is_url, matching
from tellapart.data.box_annotations import ONE_LABEL, find_boxes, kind_of_boxes
from tellapart.data.columns import Columns
from tellapart.data.folder_scheme import FolderScheme, Place, find_scheme
from tellapart.data.folder_tree import FolderTree, Parts, read_tree, tree_of
from tellapart.data.left_out import lost_classes, other_files
from tellapart.data.name_rules import (
    NameRule,
    are_counted,
    hold_no_labels,
    label_in_name,
    label_reader,
    rule_of_names,
)
from tellapart.data.normal_forms import composed
from tellapart.data.rows import Listing, Row
from tellapart.data.shards import read_shards
from tellapart.data.side_tables import naming_tables, offer
from tellapart.data.split_names import part_in_name, part_rows
from tellapart.data.tables import GIVEN_SUFFIXES, TABLE_NAMES, TABLE_SUFFIXES, read_table


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
    return _folder(read_tree(path), label_from, columns, task) if path.is_dir() else _table(path, columns)


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
        return shards
    if not path.exists():
        raise CatalogError(f"{data}: there is no such file or folder")
    if not path.is_dir() and not (path.is_file() and path.suffix.lower() in GIVEN_SUFFIXES):
        boxes = f"{kind} boxes: {ONE_LABEL}" if path.is_file() and (kind := kind_of_boxes(path)) else None
        raise CatalogError(
            f"{data}: {boxes or 'not a data set'}; give a folder of images, a table ({', '.join(GIVEN_SUFFIXES)}) or "
            "Parquet shards"
        )
    return []


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
        return _by_tables(tree, FolderScheme(), {(): table}, columns)
    if not tree.images:
        if shards:
            return _with_notes(_shards(shards, columns, tree.root), tree.notes)
        return Listing(tree.root, [], "folder", [*other_files(tree.others), *tree.notes])
    scheme = find_scheme(tree.images, strict=label_from == "folder")
    if auto and (tables := _part_tables(tree, scheme)):
        return _by_tables(tree, scheme, tables, columns)
    columns.refuse_without_columns(tree.root, "folders of images")
    return _named(tree, scheme, label_from, task)


def _named(tree: FolderTree, scheme: FolderScheme, label_from: str, task: str | None) -> Listing:
    """The rows of a folder by names, unless tables or boxes beside the images may hold the labels."""
    beside = naming_tables(tree, len(scheme.around) + 1)
    try:
        listing = _by_names(tree, scheme, label_from, task)
    except CatalogError as error:
        if beside:
            raise CatalogError(f"{error}; {offer(beside, tree.root)}") from error
        if boxes := find_boxes(tree):
            raise CatalogError(f"{tree.root}: {boxes}: {ONE_LABEL}") from error
        raise
    unsure = label_from == "auto" and (listing.layout == "file names" or len({row.label for row in listing.rows}) == 1)
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


def _own_table(tree: FolderTree, folder: Parts) -> Parts | None:
    """The table that by its name belongs to the images of a folder."""
    here = {parts[-1].lower(): parts for parts in tree.others if parts[:-1] == folder}
    names = [f"{name}{suffix}" for name in TABLE_NAMES for suffix in TABLE_SUFFIXES]
    return next((here[name] for name in names if name in here), None)


def _part_tables(tree: FolderTree, scheme: FolderScheme) -> dict[Parts, Parts]:
    """Folder → its table: of a folder around the whole set, or of each part."""
    for length in range(len(scheme.around), 0, -1):
        if table := _own_table(tree, scheme.around[:length]):
            return {scheme.around[:length]: table}
    folders = [(*scheme.around, top, *scheme.doubled[top][:length])
               for top in scheme.parts for length in range(len(scheme.doubled[top]) + 1)]  # fmt: skip
    return {folder: table for folder in folders if (table := _own_table(tree, folder))}


def _by_tables(tree: FolderTree, scheme: FolderScheme, tables: Mapping[Parts, Parts], columns: Columns) -> Listing:
    """The rows of one table or of one a part, with their files named from the root."""
    listing: Listing | None = None
    for folder, table in tables.items():
        read = _table(tree.root.joinpath(*table), columns)
        place = scheme.place(folder)
        part = place.part if place is not None else None
        if folder:
            read.rows = [_below(row, folder, part) for row in read.rows]
        if listing is None:
            listing = replace(read, root=tree.root, layout="/".join(table))
        else:
            listing.rows += read.rows
            listing.notes += read.notes
            listing.layout = join_some("/".join(each) for each in tables.values())
            listing.labelled_by = f"the column {read.label_column!r} of {listing.layout}"
    assert listing is not None
    return _note_unlisted(listing, tree, set(tables.values()))


def _below(row: Row, folder: Parts, part: str | None) -> Row:
    """A row of a table in a folder, with its file named from the root."""
    if row.shard is not None or is_url(row.file) or Path(row.file).is_absolute():
        return replace(row, split=row.split or part)
    return replace(row, file=posixpath.normpath("/".join([*folder, row.file])), split=row.split or part)


def _by_names(tree: FolderTree, scheme: FolderScheme, label_from: str, task: str | None) -> Listing:
    """The rows of a folder by the names of folders, or by those of files."""
    listing = Listing(tree.root, [], "folder", other_files(tree.others))
    placed, unlabelled = {}, []
    for parts in tree.images:
        place = scheme.place(parts[:-1])
        if place is None or (scheme.unlabelled and not place.folders):
            unlabelled.append("/".join(parts))
        else:
            placed[parts] = place
    if unlabelled:
        listing.notes.append(
            f"{pluralize(len(unlabelled), 'image in no class was', 'images in no class were')} left out: "
            f"{join_some(unlabelled)}"
        )
    if label_from == "auto":
        deep = any(place.folders for place in placed.values())
        if deep and task == "read":
            _ask_for_texts(placed)
        label_from = "folder" if deep else ""
    if label_from == "folder":
        listing.layout, listing.labelled_by = "class folders", "folder names"
        listing.rows = _class_folders(placed)
        lost, notes = lost_classes(tree, scheme, {row.label for row in listing.rows})
        listing.lost_classes = lost
        listing.notes += notes
    else:
        listing.layout = "file names"
        placed, notes = _with_labels(placed, label_from)
        listing.notes += notes
        rule = NameRule(label_from) if label_from else rule_of_names(["/".join(parts) for parts in placed], task)
        listing.labelled_by = f"file names (by the rule {rule.rule!r})"
        listing.notes += rule.notes
        listing.rows = _rows_by_name(placed, rule.rule, asked=bool(label_from), task=task)
    if scheme.around:
        listing.labelled_by += f" below {'/'.join(scheme.around)}"
    listing.rows, notes = composed(listing.rows, names=True)
    return _with_notes(listing, [*tree.notes, *notes, *_blank_twins(listing.rows)])


def _with_labels(placed: dict[Parts, Place], rule: str) -> tuple[dict[Parts, Place], list[str]]:
    """The images without those of parts whose names hold no labels, as ``test1/1.jpg`` beside ``train/cat.0.jpg``.

    Args:
        placed: image → its place.
        rule: that somebody gave; empty where nobody did.

    Returns:
        The others, and notes on what was left out.
    """
    of_part: dict[str | None, list[Parts]] = defaultdict(list)
    for parts, place in placed.items():
        of_part[place.part].append(parts)
    trained = [parts[-1] for parts in of_part.pop("train", [])]
    if not trained:
        return placed, []
    notes = []
    for images in of_part.values():
        names = [parts[-1] for parts in images]
        if any(label_reader(rule)(Path(name).stem) for name in names) if rule else not hold_no_labels(names, trained):
            continue
        left = set(images)
        placed = {parts: place for parts, place in placed.items() if parts not in left}
        notes.append(
            f"{pluralize(len(images), 'image')} without a label in the name left out: "
            f"{join_some('/'.join(parts) for parts in images)}"
        )
    return placed, notes


def _with_notes(listing: Listing, notes: Sequence[str]) -> Listing:
    listing.notes += notes
    return listing


def _rows_by_name(placed: Mapping[Parts, Place], rule: str, *, asked: bool, task: str | None) -> list[Row]:
    try:
        return [Row(name := "/".join(parts), label_in_name(name, rule), split=place.part)
                for parts, place in placed.items()]  # fmt: skip
    except CatalogError as error:
        if asked or task is not None:
            raise
        raise CatalogError(f"{error}; if the names are the texts in the images, say --task read") from error


def _class_folders(placed: Mapping[Parts, Place]) -> list[Row]:
    depths = Counter(len(place.folders) for place in placed.values())
    if len(depths) > 1 or not depths.keys() <= {1, 2}:
        usual = depths.most_common(1)[0][0]
        odd = ["/".join(parts) for parts, place in placed.items()
               if len(place.folders) != usual or usual not in (1, 2)]  # fmt: skip
        raise CatalogError(
            f"{odd[0]}: images must all lie in class folders (class/image) or all in group/class folders "
            f"(group/class/image); move {'this one' if len(odd) == 1 else f'these {len(odd):,}'}, or label by name "
            "(--label-from prefix)"
        )
    return [
        Row("/".join(parts), place.folders[-1], place.folders[0] if len(place.folders) == 2 else None, place.part)
        for parts, place in placed.items()
    ]


def _ask_for_texts(placed: Mapping[Parts, Place]) -> None:
    """Refuse to read folder names as texts where the names of the files may be the texts as well.

    Raises:
        CatalogError: they may.
    """
    of_folder: dict[Parts, list[str]] = defaultdict(list)
    for parts in placed:
        of_folder[parts[:-1]].append(parts[-1])
    if all(are_counted(names) for names in of_folder.values()):
        return
    name = next(names[0] for names in of_folder.values() if not are_counted(names))
    folder = next(place.folders[-1] for place in placed.values() if place.folders)
    raise CatalogError(
        f"the texts may be the names of folders, as {folder!r}, or of files, as {name!r}; say which: "
        "--label-from folder or --label-from text"
    )


def _blank_twins(rows: Sequence[Row]) -> list[str]:
    """Notes on labels that differ only in blanks around them: a person cannot see that they are two."""
    stripped = defaultdict(list)
    for label in sorted({row.label for row in rows}):
        stripped[label.strip()].append(repr(label))
    twins = ["/".join(labels) for labels in stripped.values() if len(labels) > 1]
    return (
        [f"{len(twins)} labels differ from another only in the blanks around them: {join_some(twins)}"] if twins else []
    )


def _note_unlisted(listing: Listing, tree: FolderTree, tables: Collection[Parts]) -> Listing:
    """Note the images that no table names, and what else lies there."""
    if not listing.rows or listing.rows[0].shard is not None:
        return listing
    listed = {posixpath.normpath(row.file) for row in listing.rows}
    rest = [name for parts in tree.images if (name := "/".join(parts)) not in listed]
    if rest:
        listing.notes.append(
            f"{len(rest)} images are not named in {listing.layout} and were left out: {join_some(rest)}"
        )
    others = [parts for parts in tree.others if parts not in tables]
    return _with_notes(listing, [*other_files(others), *tree.notes])
