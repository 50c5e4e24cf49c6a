"""Tables that lie beside images and name them: offered by name, for they may hold the labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from tellapart.core.errors import join_some
from tellapart.core.regular_files import open_regular
from tellapart.core.storage import is_url
from tellapart.core.text_encoding import EncodingError, decode_text
from tellapart.data.folder_tree import FolderTree, Parts
from tellapart.data.tables import GIVEN_SUFFIXES

_HEAD = 1 << 20  # bytes that are looked at
_MOST = 30  # tables that are looked at
_TEXTS = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".json")
_CELLS = re.compile(r"[,;\t|\"{}\[\]\r]+")
_OURS = ("file,original,sha256", "file,keep,label")  # of `tidy` and of the review page
_HEADING = re.compile(r"file|image|img|\bid\b|id_|_id|name|path", re.IGNORECASE)
_ENOUGH = 3  # names of images


def naming_tables(tree: FolderTree, depth: int, known: Collection[Parts] = ()) -> list[Parts]:
    """The tables of a folder that name its images.

    Args:
        tree: the folder.
        depth: how many folders down they may lie.
        known: those that were read.
    """
    if is_url(tree.root):
        return []
    names = {_folded(parts[-1]) for parts in tree.images}
    stems = {name.rpartition(".")[0] for name in names}
    near = [parts for parts in tree.others if len(parts) <= depth + 1 and parts not in known]
    texts = [parts for parts in near if Path(parts[-1]).suffix.lower() in _TEXTS]
    return [parts for parts in texts[:_MOST] if _names_images(tree.root.joinpath(*parts), names, stems)]


def offer(tables: Collection[Parts], root: Path) -> str:
    """What to do with tables that name images, in words.

    >>> offer([("train.csv",)], Path("set"))
    'train.csv names these images: give it as the data (set/train.csv)'
    """
    readable = ["/".join(parts) for parts in tables if Path(parts[-1]).suffix.lower() in GIVEN_SUFFIXES]
    others = ["/".join(parts) for parts in tables if Path(parts[-1]).suffix.lower() not in GIVEN_SUFFIXES]
    lines = []
    if readable:
        verb = "names" if len(readable) == 1 else "name"
        lines.append(f"{join_some(readable)} {verb} these images: give it as the data ({root / readable[0]})")
    if others:
        verb = "names" if len(others) == 1 else "name"
        lines.append(
            f"{join_some(others)} {verb} these images: make it a table (a first line file,label, the ending .csv) and "
            "give that as the data"
        )
    return "; ".join(lines)


def _names_images(path: Path, names: set[str], stems: set[str]) -> bool:
    try:
        with open_regular(path) as stream:
            text, _ = decode_text(stream.read(_HEAD))
    except (OSError, EncodingError):
        return False
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or lines[0].strip().lower() in _OURS:
        return False
    whole, full, bare = set(), 0, 0
    for line in lines:
        cells = [_folded(cell) for cell in _CELLS.split(line)]
        if path.suffix.lower() == ".txt":
            cells += [word for cell in cells for word in cell.split()]
        bases = {re.split(r"[/\\]", cell)[-1].strip(" '\"") for cell in cells}
        whole |= bases.intersection(names)
        full += not bases.isdisjoint(names)
        bare += bool(cells) and cells[0].strip() in stems
    return max(full, len(whole)) >= min(_ENOUGH, len(names)) or (
        _HEADING.search(lines[0].split(",")[0]) is not None
        and bare >= max(min(_ENOUGH, len(names)), 0.8 * (len(lines) - 1))
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
