"""Shards of one set, by their names: several sets in one folder are refused, shards that are not there are named."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.data.split_names import is_generic, part_in_name

_NUMBERED = re.compile(r"(?P<start>(?:.*/)?[^/]+-)(?P<number>\d+)(?P<end>-of-0*(?P<total>\d+)\.parquet)")
_MOST_SHARDS = 100_000  # that a name may say there are


def check_shard_names(names: Sequence[str], root: Path) -> list[str]:
    """Check that shards are those of one set, by their names.

    Args:
        names: below the root.
        root: for messages.

    Returns:
        Notes on shards that are not there, as the second of ``train-00000-of-00002.parquet``.

    Raises:
        CatalogError: several folders hold shards of one and the same name, as configurations and versions do.

    >>> check_shard_names(["train-00000-of-00002.parquet"], Path())
    ['1 shard is not there: train-00001-of-00002.parquet']
    """
    folders: dict[str, set[str]] = defaultdict(set)
    for name in names:
        if part_in_name(posixpath.basename(name).split("-")[0].split(".")[0]) is not None:
            folders[posixpath.basename(name)].add(posixpath.dirname(name))
    several = next((sorted(each) for each in folders.values() if len(each) > 1), [])
    if len({_set_of(folder) for folder in several}) > 1:
        raise CatalogError(
            f"{root}: holds several sets, or one in several versions: {join_some(several)} have shards of the same "
            "names; give one of these folders"
        )
    present, wanted = set(names), dict[str, None]()
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            digits, total = len(match["number"]), int(match["total"])
            if total <= _MOST_SHARDS:
                start, end = match["start"], match["end"]
                wanted |= dict.fromkeys(f"{start}{number:0{digits}}{end}" for number in range(total))
    gone = [name for name in wanted if name not in present]
    return [f"{pluralize(len(gone), 'shard is', 'shards are')} not there: {join_some(gone)}"] if gone else []


def _set_of(folder: str) -> str:
    """What of a folder's name says the set: the folders that say no part."""
    return "/".join(name for name in folder.split("/") if not is_generic(name))
