"""Boxes around objects beside images (COCO, YOLO, Pascal VOC): told by what is in the files, and named, never read."""

from __future__ import annotations

import re
from pathlib import Path

from tellapart.core.errors import join_some
from tellapart.core.regular_files import open_regular
from tellapart.core.storage import is_url
from tellapart.data.folder_tree import FolderTree

ONE_LABEL = (
    "several objects an image, where one label an image is needed; cut the objects out of the images, each into the "
    "folder of its class, or write a table of file and label"
)
_HEAD = 1 << 16  # bytes that are looked at
_LOOKED_AT = 8  # files of a kind
_YOLO = re.compile(r"\d+(?: +[-+.\deE]+){4,}")  # a line: the class, then the box, or the corners of an outline
_SUFFIXES = (".json", ".txt", ".xml")


def kind_of_boxes(path: Path) -> str | None:
    """Which format of boxes a file is of: ``COCO``, ``YOLO`` or ``Pascal VOC``; None for any other file."""
    try:
        with open_regular(path) as stream:
            text = stream.read(_HEAD).decode("utf-8", errors="replace")
            whole = len(text) < _HEAD
            stream.seek(max(0, path.stat().st_size - _HEAD))
            both = text + stream.read(_HEAD).decode("utf-8", errors="replace")  # its lists may come in any order
    except OSError:
        return None
    kind = path.suffix.lower()
    if kind == ".json" and text.lstrip().startswith("{") and '"images"' in both and '"annotations"' in both:
        return "COCO"
    lines = [line.strip() for line in (text if whole else text[: text.rfind("\n") + 1]).splitlines()]
    if kind == ".txt" and lines and all(_YOLO.fullmatch(line) for line in lines):
        return "YOLO"
    return "Pascal VOC" if kind == ".xml" and "<annotation" in text and "<bndbox" in text else None


def find_boxes(tree: FolderTree) -> str | None:
    """The boxes that lie beside the images of a folder, in words; None where there are none.

    Boxes of an image have its name with another ending; those of a whole set are one file.
    """
    if is_url(tree.root):
        return None
    stems = {parts[-1].rpartition(".")[0] for parts in tree.images}
    for suffix in _SUFFIXES:
        files = [parts for parts in tree.others if parts[-1].lower().endswith(suffix)]
        if suffix != ".json":
            files = [parts for parts in files if parts[-1].rpartition(".")[0] in stems]
        kinds = [kind_of_boxes(tree.root.joinpath(*parts)) for parts in files[:_LOOKED_AT]]
        if found := next(filter(None, kinds), None):
            return f"{found} boxes lie beside the images ({join_some('/'.join(parts) for parts in files)})"
    return None
