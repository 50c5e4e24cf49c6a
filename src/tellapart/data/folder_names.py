"""Rows of the files of a folder by names alone: of class folders, or of the files themselves."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.terminal import quoted
from tellapart.data.folder_scheme import FolderScheme, Place
from tellapart.data.folder_tree import FolderTree, Parts
from tellapart.data.left_out import lost_classes, other_files
from tellapart.data.name_rules import (
    RULE_MEANINGS,
    NameRule,
    are_counted,
    hold_no_labels,
    hold_texts,
    label_in_name,
    label_reader,
    rule_of_names,
    stem_of,
)
from tellapart.data.normal_forms import composed
from tellapart.data.rows import Listing, Row
from tellapart.data.split_names import parts_and_classes

Placed = Mapping[Parts, Place]  # image → its place

_EVERY_SET = frozenset({"image", "images", "img", "imgs", "jpegimages", "data", "dataset", "files", "input", "inputs"})
_DATE = re.compile(r"(?:19|20)\d\d(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?[0-3]\d)?)?")
_LAST = "say --label-from folder if the last folder is the class all the same"


def read_names(tree: FolderTree, scheme: FolderScheme, label_from: str, task: str | None) -> Listing:
    """The rows of a folder by the names of folders, or by those of files.

    Args:
        tree: the folder.
        scheme: what its levels mean.
        label_from: see `tellapart.data.layouts.read_source`.
        task: ``classify``, ``read`` or None.

    Raises:
        CatalogError: the names say no labels, or may say them in several ways.
    """
    listing = Listing(tree.root, [], "folder", other_files(tree.others))
    placed, unlabelled = _placed(tree, scheme)
    if unlabelled:
        listing.notes.append(
            f"{pluralize(len(unlabelled), 'image in no class was', 'images in no class were')} left out: "
            f"{join_some(unlabelled)}"
        )
    if label_from in ("auto", "folder") and task != "read":
        _refuse_backslashes(tree)
    asked = label_from == "folder"
    if label_from == "auto":
        deep = any(place.folders for place in placed.values())
        if deep and task == "read":
            _ask_for_texts(placed)
        label_from = "folder" if deep else ""
    if label_from == "folder":
        listing.layout, listing.labelled_by = "class folders", "folder names"
        listing.rows = _class_folders(placed, task, asked=asked)
        listing.lost_classes, notes = lost_classes(tree, scheme, {row.label for row in listing.rows})
        listing.notes += notes
    else:
        listing.layout = "file names"
        placed, notes = _with_labels(placed, label_from)
        listing.notes += notes
        rule = NameRule(label_from) if label_from else rule_of_names(["/".join(parts) for parts in placed], task)
        meaning = f": {RULE_MEANINGS[rule.rule]}" if rule.rule in RULE_MEANINGS else ""
        listing.labelled_by = f"file names (by the rule {rule.rule!r}{meaning})"
        listing.notes += rule.notes
        listing.rows = _rows_by_name(placed, rule.rule, asked=bool(label_from), task=task)
        listing.notes += _take_parts(listing) if not label_from else []
    if scheme.crossed:
        listing.labelled_by += " that say the part and the class"
    if scheme.around:
        listing.labelled_by += f" below {'/'.join(scheme.around)}"
    listing.rows, notes = composed(listing.rows, names=True)
    listing.notes += [*tree.notes, *notes]
    return listing


def _placed(tree: FolderTree, scheme: FolderScheme) -> tuple[dict[Parts, Place], list[str]]:
    """Image → its place, and the images that have none."""
    placed, unlabelled = {}, []
    for parts in tree.images:
        place = scheme.place(parts[:-1])
        if place is None or (scheme.unlabelled and not place.folders):
            unlabelled.append("/".join(parts))
        else:
            placed[parts] = place
    return placed, unlabelled


def _refuse_backslashes(tree: FolderTree) -> None:
    r"""Refuse names such as ``cat\1.png``: folders that an archive from Windows has, and that were not made."""
    found = [parts[-1] for parts in tree.images]
    if found and all(re.fullmatch(r"[^\\]+(\\[^\\]+)+", name) for name in found):
        raise CatalogError(
            f"{tree.root}: {pluralize(len(found), 'name holds', 'names hold')} a backslash, as where an archive from "
            f"Windows was unpacked without making its folders: {join_some(found)}; unpack it with a program that makes "
            "them (unzip does), or say --label-from with a rule for these names"
        )


# --- class folders ---------------------------------------------------------------------------------


def _class_folders(placed: Placed, task: str | None, *, asked: bool) -> list[Row]:
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
    if blank := next((parts for parts, place in placed.items() if not place.folders[-1].strip()), None):
        raise CatalogError(f"{quoted('/'.join(blank[:-1]))}: a class folder without a name; rename it")
    if not asked:
        _ask_for_classes(placed, task)
    several = _in_several_groups(placed) if asked else []
    return [
        Row("/".join(parts), place.folders[-1], place.folders[0] if len(place.folders) == 2 and not several else None,
            place.part)
        for parts, place in placed.items()
    ]  # fmt: skip


def _in_several_groups(placed: Placed) -> list[str]:
    """The classes that lie in several groups."""
    groups: dict[str, set[str]] = defaultdict(set)
    for place in placed.values():
        groups[place.folders[-1]].add(place.folders[0])
    return sorted(label for label, names in groups.items() if len(names) > 1)


def _ask_for_classes(placed: Placed, task: str | None) -> None:
    """Refuse folders that are hardly classes.

    Raises:
        CatalogError: a folder that every set has stands among them, or what should be classes are dates or numbers.
    """
    labels = {place.folders[-1] for place in placed.values()}
    deep = any(len(place.folders) == 2 for place in placed.values())
    plain = sorted(label for label in labels if label.casefold() in _EVERY_SET)
    if plain and len(labels) > len(plain):
        rest = join_some(sorted(labels - set(plain)))
        raise CatalogError(
            f"the folder {join_some(plain)} beside {rest} is hardly a class (are the others masks, or labels?); give a "
            f"table of file and label, or {_LAST}"
        )
    if deep and all(_DATE.fullmatch(label) for label in labels):
        groups = sorted({place.folders[0] for place in placed.values()})
        raise CatalogError(
            f"the classes may be {join_some(groups)}, and the folders in them dates ({join_some(sorted(labels))}); "
            f"move the images up into the folders of their classes, or {_LAST}"
        )
    numbers = deep and all("".join(place.folders).isdecimal() for place in placed.values())
    if numbers and task is None and hold_texts([parts[-1] for parts in placed]):
        name = next(iter(placed))[-1]
        raise CatalogError(
            f"the folders are numbers, and the names of the files may hold texts, as {name!r}; say --task read with "
            f"--label-from number-text-number, or {_LAST}"
        )


def _ask_for_texts(placed: Placed) -> None:
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


# --- names of files ----------------------------------------------------------------------------------


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
        if any(label_reader(rule)(stem_of(name)) for name in names) if rule else not hold_no_labels(names, trained):
            continue
        left = set(images)
        placed = {parts: place for parts, place in placed.items() if parts not in left}
        notes.append(
            f"{pluralize(len(images), 'image')} without a label in the name left out: "
            f"{join_some('/'.join(parts) for parts in images)}"
        )
    return placed, notes


def _rows_by_name(placed: Placed, rule: str, *, asked: bool, task: str | None) -> list[Row]:
    try:
        return [Row(name := "/".join(parts), label_in_name(name, rule), split=place.part)
                for parts, place in placed.items()]  # fmt: skip
    except CatalogError as error:
        if asked or task is not None:
            raise
        raise CatalogError(f"{error}; if the names are the texts in the images, say --task read") from error


def _take_parts(listing: Listing) -> Sequence[str]:
    """Take the parts out of labels that say them, as those of ``train_cat_1.png``; returns notes."""
    said = parts_and_classes(row.label for row in listing.rows)
    if said is None or any(row.split is not None for row in listing.rows):
        return ()
    example = listing.rows[0].label
    listing.rows = list(_with_parts(listing.rows, {name: (each.part, each.rest[0]) for name, each in said.items()}))
    first = listing.rows[0]
    return [
        f"the names say the parts: {example!r} is {first.label!r} of the {first.split} part (--label-from prefix: "
        "it is a class)"
    ]


def _with_parts(rows: Sequence[Row], said: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    for row in rows:
        part, label = said[row.label]
        yield replace(row, label=label, split=part)
