"""The parts of a set (train, val, test) in the names of folders and files: published sets spell them in many ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tellapart.core.errors import join_some, pluralize
from tellapart.data.rows import SPLIT_NAMES, Row

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_FILLERS = frozenset({
    "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "pic", "pics", "picture",
    "pictures", "photo", "photos", "file", "files", "folder", "folders", "sample", "samples", "split", "splits",
    "part", "partial", "subset", "raw", "all", "jpg", "jpeg", "jpegs", "png", "pngs", "input", "inputs", "default",
})  # fmt: skip
_BETWEEN = " _-."  # what parts the words of a name
_SHARD = re.compile(r"(?P<name>.+?)-\d+-of-\d+(-\w+)?|\d+|part-\d+.*")


class PartName(NamedTuple):
    """A name that says a part: which one, and the words that it has beside."""

    part: str
    rest: tuple[str, ...]


def part_in_name(name: str) -> PartName | None:
    """The part that the name of a folder says; None where it says none, or two.

    >>> part_in_name("training_set"), part_in_name("seg_test"), part_in_name("bus")
    (PartName(part='train', rest=()), PartName(part='test', rest=('seg',)), None)
    """
    words = _words(name)
    parts = [SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES]
    if len(parts) != 1:
        return None
    return PartName(parts[0], tuple(word for word in words if word not in SPLIT_NAMES and word not in _FILLERS))


def is_generic(name: str) -> bool:
    """Whether a folder's name says only that data lies in it, or which part, and so is no class.

    >>> is_generic("JPEGImages"), is_generic("train_images"), is_generic("cats")
    (True, True, False)
    """
    words = _words(name)
    return bool(words) and all(word in _FILLERS or word in SPLIT_NAMES for word in words)


def without_part(name: str) -> str:
    """A name without the word that says the part, as it is written.

    >>> without_part("train_cats"), without_part("hot dogs-test"), without_part("trainA")
    ('cats', 'hot dogs', 'A')
    """
    word = next((word for word in _WORDS.finditer(name) if word[0].lower() in SPLIT_NAMES), None)
    if word is None:
        return name
    before, after = name[: word.start()].rstrip(_BETWEEN), name[word.end() :].lstrip(_BETWEEN)
    return f"{before}{name[len(before)]}{after}" if before and after else before + after


def parts_and_classes(names: Iterable[str]) -> dict[str, PartName] | None:
    """Name → its part and its class, of names that say both, as ``train_cats``, ``train_dogs`` and ``test_cats``.

    Args:
        names: of folders, or labels.

    Returns:
        None where a name says no part, or no class, and where the classes of another part are none of the train part.

    >>> parts_and_classes(["trainA", "trainB", "testA"])["testA"]
    PartName(part='test', rest=('A',))
    """
    found = {}
    for name in dict.fromkeys(names):
        said = part_in_name(name)
        if said is None or not said.rest:
            return None
        found[name] = PartName(said.part, (without_part(name),))
    trained = {each.rest for each in found.values() if each.part == "train"}
    parts = {each.part for each in found.values()}
    fits = len(parts) > 1 and len(trained) > 1 and all(each.rest in trained for each in found.values())
    return found if fits else None


def same_set(names: Sequence[PartName]) -> bool:
    """Whether names are those of the parts of one set: several, train among them, that differ in nothing else."""
    return len({name.part for name in names}) > 1 and _train_and_alike(names)


def _train_and_alike(names: Sequence[PartName]) -> bool:
    return any(name.part == "train" for name in names) and len({name.rest for name in names}) == 1


def _words(name: str) -> list[str]:
    words = []
    for word in map(str.lower, _WORDS.findall(name)):
        start = next((part for part in SPLIT_NAMES if word.startswith(part) and word[len(part) :] in _FILLERS), None)
        words += [word] if start is None else [start, word[len(start) :]]  # trainset, testimages
    return words


# --- shards and tables -------------------------------------------------------------------------------


def part_rows(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Give rows the parts that the names of their files say; rows of a file that says parts itself keep theirs.

    Args:
        rows: labelled images.
        names: of each row the name that may say its part: of a shard, or of an image in a table.

    Returns:
        The rows, and notes on names that say none beside others that do.

    >>> rows = [Row("a", "x"), Row("b", "x")]
    >>> [row.split for row in part_rows(rows, ["data/train-00000-of-00001.parquet", "data/test.parquet"])[0]]
    ['train', 'test']
    """
    said = parts_in_names(names)
    if not any(said.values()):
        return list(rows), []
    own = {name for row, name in zip(rows, names, strict=True) if row.split is not None}
    result = [
        row if name in own or said[name] is None else replace(row, split=said[name])
        for row, name in zip(rows, names, strict=True)
    ]
    silent = Counter(name for name in names if said[name] is None and name not in own)
    if not silent:
        return result, []
    return result, [
        f"{pluralize(silent.total(), 'image has', 'images have')} no part, as no train, val or test stands in the "
        f"names of {join_some(silent)}"
    ]


def parts_in_names(names: Iterable[str]) -> dict[str, str | None]:
    """File name → the part that it says; None for each where the names are not those of the parts of one set.

    >>> parts_in_names(["train-00000-of-00001.parquet", "test.parquet"])
    {'train-00000-of-00001.parquet': 'train', 'test.parquet': 'test'}
    """
    said = {name: _part_of_file(name) for name in dict.fromkeys(names)}
    if not same_set([part for part in said.values() if part is not None]):
        return dict.fromkeys(said)
    return {name: None if part is None else part.part for name, part in said.items()}


def _part_of_file(name: str) -> PartName | None:
    """The part in a file's name, as ``train-00000-of-00002.parquet`` says it, else in the names of its folders."""
    *folders, last = Path(name).parts
    stem = last.split(".")[0]
    match = _SHARD.fullmatch(stem)
    if match is None or match["name"]:
        said = part_in_name(match["name"] if match else stem)
        if said is not None:
            return PartName(said.part, ()) if match else said
    return next((said for folder in reversed(folders) if (said := part_in_name(folder)) is not None), None)
