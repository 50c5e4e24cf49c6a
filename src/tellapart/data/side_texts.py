"""Texts beside the images, a file each: ``0001.txt`` beside ``0001.png``, or ``0001.gt.txt`` as Tesseract is taught."""

from __future__ import annotations

from collections.abc import Mapping

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.storage import is_url
from tellapart.data.box_annotations import kind_of_boxes
from tellapart.data.delimited import read_text
from tellapart.data.folder_scheme import FolderScheme
from tellapart.data.folder_tree import FolderTree, Parts
from tellapart.data.left_out import other_files
from tellapart.data.rows import Listing, Row

_TRUTH, _PLAIN = ".gt.txt", ".txt"
_LOOKED_AT = 8  # files that tell whether boxes are in them
_SHARE = 0.5  # of the images, that have a text where the texts are meant


def read_side_texts(tree: FolderTree, scheme: FolderScheme, task: str | None) -> Listing | None:
    """The rows of images that have a file of text beside them, whose one line is the label.

    A ``.gt.txt`` is always meant so; a ``.txt`` is where the images lie in no class folders, or the task is reading.

    Args:
        tree: the folder.
        scheme: what its levels mean.
        task: ``classify``, ``read`` or None.

    Returns:
        None where there are no such texts.

    Raises:
        CatalogError: a file holds no text, or several lines.
    """
    if is_url(tree.root):
        return None
    texts, ending = _texts(tree, _TRUTH), _TRUTH
    if not texts:
        folders = any(place.folders for parts in tree.images if (place := scheme.place(parts[:-1])) is not None)
        if folders and task != "read":
            return None
        texts, ending = _texts(tree, _PLAIN), _PLAIN
    if len(texts) < _SHARE * len(tree.images) or not texts:
        return None
    if ending == _PLAIN and any(kind_of_boxes(tree.root.joinpath(*text)) for text in [*texts.values()][:_LOOKED_AT]):
        return None
    rows = []
    for parts, text in texts.items():
        place = scheme.place(parts[:-1])
        rows.append(Row("/".join(parts), _line(tree, text), split=place.part if place is not None else None))
    listing = Listing(tree.root, rows, "texts beside the images", labelled_by=f"the {ending} beside each image")
    listing.label_column = "text"  # what stands in such a file
    if without := ["/".join(parts) for parts in tree.images if parts not in texts]:
        what = pluralize(len(without), "image has", "images have")
        listing.notes.append(f"{what} no {ending} beside it and left out: {join_some(without)}")
    used = set(texts.values())
    listing.notes += [*other_files([parts for parts in tree.others if parts not in used]), *tree.notes]
    return listing


def _texts(tree: FolderTree, ending: str) -> Mapping[Parts, Parts]:
    """Image → the file of its name with another ending."""
    others = [parts for parts in tree.others if parts[-1].lower().endswith(ending)]
    found = {(*parts[:-1], parts[-1][: -len(ending)]): parts for parts in others}
    stems = {parts: (*parts[:-1], parts[-1].rpartition(".")[0] or parts[-1]) for parts in tree.images}
    return {parts: found[stem] for parts, stem in stems.items() if stem in found}


def _line(tree: FolderTree, parts: Parts) -> str:
    text, _ = read_text(tree.root.joinpath(*parts))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise CatalogError(
            f"{tree.root.joinpath(*parts)}: holds {pluralize(len(lines), 'line')}; write the one text of its image "
            "there, or give a table of file and label"
        )
    return lines[0]
