"""What the levels of a folder mean: folders around the set, its parts, groups and classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tellapart.core.errors import CatalogError, join_some
from tellapart.data.folder_tree import Parts
from tellapart.data.split_names import PartName, is_generic, part_in_name, parts_and_classes, same_set


class Place(NamedTuple):
    """Where a folder lies in a set: in which part, and below which group and class."""

    part: str | None
    folders: Parts


@dataclass(frozen=True)
class FolderScheme:
    """What the folders of a set mean.

    Args:
        around: folders around the whole set, from the root down.
        parts: top folder → part; None where its name says that it is the one part of the set.
        doubled: top folder → folders below it that say nothing more, as in ``seg_train/seg_train``.
        inside: whether the last folder says the part, as in ``cat/train``.
        unlabelled: top folders beside the parts whose images lie in no class.
        crossed: top folder → its part and class, where it says both, as ``train_cats``.
        below: whether the last folder of each image says nothing more, as in ``cat/images``.
    """

    around: Parts = ()
    parts: Mapping[str, str | None] = field(default_factory=dict)
    doubled: Mapping[str, Parts] = field(default_factory=dict)
    inside: bool = False
    unlabelled: frozenset[str] = frozenset()
    crossed: Mapping[str, PartName] = field(default_factory=dict)
    below: bool = False

    def place(self, folders: Parts) -> Place | None:
        """Where a folder lies; None where it holds nothing of the set."""
        place = self._place(folders)
        if place is None or not self.below:
            return place
        return Place(place.part, place.folders[: _length(place.folders)])

    def _place(self, folders: Parts) -> Place | None:
        rest = _below(folders, self.around)
        if rest is None:
            return None
        if self.crossed:
            said = self.crossed.get(rest[0]) if rest else None
            return None if said is None else Place(said.part, (*said.rest, *rest[1:]))
        if self.inside:
            said = part_in_name(rest[-1]) if rest else None
            return Place(None, rest) if said is None else Place(said.part, rest[:-1])
        if not self.parts:
            return Place(None, rest)
        if not rest or rest[0] not in self.parts or rest[0] in self.unlabelled:
            return None
        inner = _below(rest[1:], self.doubled[rest[0]])
        return None if inner is None else Place(self.parts[rest[0]], inner)


def find_scheme(images: Iterable[Parts], *, strict: bool = False) -> FolderScheme:
    """What the folders of a set mean, by their names and by where images lie.

    Args:
        images: the images, by the parts of their names.
        strict: whether a single folder of images is a class though its name says nothing, such as ``images``.

    Raises:
        CatalogError: some folders look like parts of the set and others like classes beside them.

    >>> scheme = find_scheme([("x", "Train", "cat", "1.png"), ("x", "Test", "cat", "2.png")])
    >>> scheme.around, scheme.place(("x", "Test", "cat"))
    (('x',), Place(part='test', folders=('cat',)))
    """
    folders = sorted({parts[:-1] for parts in images})
    around = _around(folders, strict)
    inner = [folder[len(around) :] for folder in folders]
    if any(not folder for folder in inner):
        return FolderScheme(around)
    below: dict[str, list[Parts]] = defaultdict(list)
    for folder in inner:
        below[folder[0]].append(folder[1:])
    scheme = _with_parts(around, below)
    if scheme is None and all(not any(rest) for rest in below.values()) and (crossed := parts_and_classes(below)):
        scheme = FolderScheme(around, crossed=crossed)
    if scheme is None and _parts_inside(inner):
        scheme = FolderScheme(around, inside=True)
    scheme = scheme or FolderScheme(around)
    places = [place.folders for folder in folders if (place := scheme.place(folder)) is not None and place.folders]
    if places and not strict and all(0 < _length(place) < len(place) for place in places):
        return replace(scheme, below=True)
    return scheme


def _length(folders: Parts) -> int:
    """How many folders stand before those that say nothing more, such as ``images``."""
    length = len(folders)
    while length > 1 and is_generic(folders[length - 1]) and part_in_name(folders[length - 1]) is None:
        length -= 1
    return length


def _below(folders: Parts, above: Parts) -> Parts | None:
    return folders[len(above) :] if folders[: len(above)] == above else None


def _around(folders: Sequence[Parts], strict: bool) -> Parts:
    """The folders that all images lie in and that are no class: there are others below, or the name says nothing."""
    length = 0
    while all(len(folder) > length for folder in folders) and len({folder[length] for folder in folders}) == 1:
        deeper = [folder for folder in folders if len(folder) > length + 1]
        name = folders[0][length]
        branches = len(deeper) == len(folders) > 1
        if not branches and (not is_generic(name) or (strict and not deeper)):
            break
        length += 1
    return folders[0][:length] if folders else ()


def _with_parts(around: Parts, below: Mapping[str, Sequence[Parts]]) -> FolderScheme | None:
    """The scheme of a set whose top folders are its parts; None where they are not."""
    said = {top: name for top in below if (name := part_in_name(top)) is not None}
    deep = {top for top, folders in below.items() if _has_classes(top, folders)}
    trained = {top for top, name in said.items() if name.part == "train"}
    others = {top for top in below if top not in said}
    classes = not deep.isdisjoint(trained)
    if not trained or len({name.rest for name in said.values()}) > 1 or (others and not classes):
        return None
    several = same_set(list(said.values()))
    odd = sorted(deep & others)
    if several and odd:
        raise CatalogError(
            f"{join_some(sorted(said))} look like the parts of one set (its split), and {join_some(odd)} does not, "
            "though it holds folders of images; give the one folder that holds the set, or move what is not of it"
        )
    if not several and (odd or not others):
        return None
    parts: dict[str, str | None] = {top: name.part if several else None for top, name in said.items()}
    doubled = _doubled({top: below[top] for top in said}, said)
    unlabelled = frozenset(set(below) - deep - trained) if classes else frozenset[str]()
    first = {top: {folder[len(doubled[top]) :][:1] for folder in below[top]} - {()} for top in said}
    unlabelled |= _of_no_class(first, trained)
    return FolderScheme(
        around,
        {**parts, **dict.fromkeys(others)},
        {**doubled, **dict.fromkeys(others, ())},
        unlabelled=unlabelled,
    )


def _of_no_class(first: Mapping[str, set[Parts]], trained: Collection[str]) -> set[str]:
    """The parts whose images lie in one folder that is no class of the train part, as ``test/unknown``.

    Args:
        first: part → the folders below it.
        trained: the train parts.
    """
    known = set[Parts]().union(*(first[top] for top in trained))
    lone = {top for top, folders in first.items() if top not in trained and len(folders) == 1}
    return {top for top in lone if first[top].isdisjoint(known)} if len(known) > 1 else set()


def _has_classes(top: str, folders: Iterable[Parts]) -> bool:
    """Whether images lie in folders that may be classes: not in the top folder, or in one that says nothing more."""
    return any(name != top and not is_generic(name) for folder in folders for name in folder)


def _doubled(below: Mapping[str, Sequence[Parts]], said: Mapping[str, PartName]) -> dict[str, Parts]:
    """The folders below each part that all its images lie in and that say nothing more."""
    found: dict[str, Parts] = {}
    for top, folders in below.items():
        skipped: Parts = ()
        while (name := _only(folders, len(skipped))) is not None:
            inner = part_in_name(name)
            again = name == top or (inner is not None and inner.part == said[top].part) or is_generic(name)
            shared = all(_only(others, len(skipped)) == name for others in below.values())
            branches = len(folders) > 1 and all(len(folder) > len(skipped) + 1 for folder in folders)
            if not again and not (shared and branches):
                break
            skipped += (name,)
        found[top] = skipped
    return found


def _only(folders: Collection[Parts], depth: int) -> str | None:
    """The one name that all folders have at a depth."""
    if any(len(folder) <= depth for folder in folders):
        return None
    names = {folder[depth] for folder in folders}
    return names.pop() if len(names) == 1 else None


def _parts_inside(folders: Sequence[Parts]) -> bool:
    """Whether the last folder of each image says a part, as in ``cat/train``, and each class has a train part."""
    said: dict[Parts, list[PartName]] = defaultdict(list)
    for folder in folders:
        name = part_in_name(folder[-1])
        if name is None or len(folder) < 2:
            return False
        said[folder[:-1]].append(name)
    return same_set([name for names in said.values() for name in names]) and all(
        any(name.part == "train" for name in names) for names in said.values()
    )
