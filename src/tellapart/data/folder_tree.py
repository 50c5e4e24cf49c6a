"""The files below a folder: images, what else there is, and what could not be followed."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tellapart.core.errors import join_some
from tellapart.core.image_files import is_image_file
from tellapart.core.image_io import is_image_name
from tellapart.core.system_files import is_system_name, system_kind

Parts = tuple[str, ...]  # of a file's name below the root: parsed once, and in the order of sorted paths


@dataclass
class FolderTree:
    """What lies below a folder, each list sorted.

    Links to folders are followed, as people link their data in, but never to a folder that they lie in.
    """

    root: Path
    images: list[Parts] = field(default_factory=list)  # by name, or by content where a name has no ending
    others: list[Parts] = field(default_factory=list)
    folders: list[Parts] = field(default_factory=list)  # all but the root
    closed: list[Parts] = field(default_factory=list)  # folders that cannot be read
    notes: list[str] = field(default_factory=list)  # on what could not be followed, and on what a system left


def read_tree(root: Path) -> FolderTree:
    """List what lies below a folder.

    Args:
        root: the folder.

    Raises:
        OSError: the folder itself cannot be read; of folders in it a note says so.

    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("a.png", "b.txt", "Thumbs.db"):
    ...     (root / name).touch()
    >>> tree = read_tree(root)
    >>> tree.images, tree.others
    ([('a.png',)], [('b.txt',)])
    """
    walk = _Walk(FolderTree(root))
    walk.run()
    tree = walk.tree
    tree.notes += [f"{len(names)} {reason}: {join_some(sorted(names))}" for reason, names in walk.skipped.items()]
    return _finished(tree, walk.system)


def tree_of(root: Path, names: Iterable[Parts]) -> FolderTree:
    """The same of files that were listed already, by their names alone.

    Args:
        root: what they lie in.
        names: the files, by the parts of their names below the root.

    >>> tree_of(Path("x"), [("cat", "1.png"), ("cat", "Thumbs.db")]).images
    [('cat', '1.png')]
    """
    tree, system = FolderTree(root), Counter[str]()
    folders: set[Parts] = set()
    for parts in names:
        first = next((place for place, name in enumerate(parts) if is_system_name(name)), None)
        if first is not None:
            system[system_kind(parts[first])] += 1
            continue
        folders |= {parts[:length] for length in range(1, len(parts))}
        (tree.images if is_image_name(parts[-1]) else tree.others).append(parts)
    tree.folders += folders
    return _finished(tree, system)


def _finished(tree: FolderTree, system: Counter[str]) -> FolderTree:
    for names in (tree.images, tree.others, tree.folders):
        names.sort()
    if system:
        kinds = [f"{count} {kind}" for kind, count in sorted(system.items(), key=lambda item: (-item[1], item[0]))]
        tree.notes.append(f"hidden, or left behind by a system, and left out: {join_some(kinds, 6)}")
    return tree


class _Walk:
    """The files below a folder, gathered folder by folder."""

    def __init__(self, tree: FolderTree) -> None:
        self.tree = tree
        self.skipped: dict[str, list[str]] = defaultdict(list)  # reason → names
        self.system: Counter[str] = Counter()
        self._folders: list[tuple[Parts, frozenset[tuple[int, int]]]] = [((), frozenset())]

    def run(self) -> None:
        """Visit every folder."""
        while self._folders:
            parts, above = self._folders.pop()
            folder = self.tree.root.joinpath(*parts)
            try:
                with os.scandir(folder) as listed:
                    entries = list(listed)
            except OSError as error:
                if not parts:
                    raise
                reason = f"{'/'.join(parts)} ({error.strerror or error})"
                self.skipped["folders cannot be read and were left out"].append(reason)
                self.tree.closed.append(parts)
                continue
            if any(entry.is_symlink() for entry in entries):
                above |= _line(folder)
            for entry in entries:
                if is_system_name(entry.name):
                    self.system[system_kind(entry.name)] += 1
                else:
                    self._visit(entry, (*parts, entry.name), above)

    def _visit(self, entry: os.DirEntry[str], parts: Parts, above: frozenset[tuple[int, int]]) -> None:
        if entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110  (false for a link to itself)
            if is_image_name(entry.name):  # it keeps its row: whoever reads the image says what is wrong
                self.tree.images.append(parts)
            else:
                self.skipped["links cannot be followed and were left out"].append("/".join(parts))
        elif entry.is_dir():
            if entry.is_symlink() and _identity(entry.path) in above:
                reason = "links lead back to a folder that they lie in and were not followed"
                self.skipped[reason].append("/".join(parts))
            else:
                self.tree.folders.append(parts)
                self._folders.append((parts, above))
        elif entry.is_file():
            (self.tree.images if is_image_file(entry.path) else self.tree.others).append(parts)


def _line(folder: Path) -> set[tuple[int, int]]:
    """A folder and all folders that it lies in, by what the disk calls them."""
    here = folder.resolve()
    return set(map(_identity, (here, *here.parents)))


def _identity(path: str | Path) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino
