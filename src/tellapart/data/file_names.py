r"""Names of files that a table gives, found on the disk: as they stand, or the one file that they can only mean.

People write tables on other machines: with backslashes and a drive (``C:\set\cat\a.png``), without the ending (``a``),
in other case (``A.JPG``), below another folder (``images/a.png``). A name that can mean one file alone is that file,
and a note says so; any other is missing, and the nearest one is a hint.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from tellapart.core.errors import join_some
from tellapart.core.image_io import SUFFIXES
from tellapart.core.storage import as_path, is_url
from tellapart.core.terminal import excerpt, quoted
from tellapart.data.split_names import part_in_name

MOST_FILES = 500_000  # of a folder that are looked through for names that are not there
_LIKE = 5_000  # of these, how many are compared with a name letter by letter
_ALIKE = {".jpeg": ".jpg", ".tiff": ".tif"}

Parts = tuple[str, ...]


@dataclass
class FoundFiles:
    """Where the files of a table lie.

    Args:
        paths: name → path, relative to the folder and with forward slashes; missing ones are absent.
        guessed: name → path of those that are called otherwise.
        missing: names of no file.
        hints: for some of these, what they are near to, in words.
    """

    paths: dict[str, str] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)

    def notes(self, table: str) -> list[str]:
        """What a person should know of the names of a table."""
        if not self.guessed:
            return []
        pairs = join_some(f"{excerpt(name, 80)} is {path}" for name, path in self.guessed.items())
        return [f"read as: {len(self.guessed)} of {len(self.paths)} files are called otherwise in {table}: {pairs}"]

    def complaint(self, root: Path) -> str:
        """What is missing, in words: how many, the first of them with what they are near to, and where was looked."""
        names = [f"{excerpt(name, 80)}{self.hints.get(name, '')}" for name in self.missing]
        return (
            f"{len(self.missing)} of {len(self.paths) + len(self.missing)} files are missing: "
            f"{join_some(names)}; paths are relative to {root}"
        )


def find_files(root: Path, names: Iterable[str], part: str | None = None) -> FoundFiles:
    r"""Find the files that these names mean.

    Args:
        root: the folder that they are relative to.
        names: as a table gives them.
        part: train, val or test: of several files that a name can mean, it is the one in the folder of this part.

    Returns:
        Where they are. A name that is the path of a file is that file. Else it is the one file below ``root`` whose
        path is the same but for case, form of Unicode, slashes or the ending, or ends like the name, or that the name
        ends like; no two different names are one file then.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "cat").mkdir(); (folder / "cat" / "a.PNG").touch()
    >>> find_files(folder, ["C:\\set\\cat\\a.png", "dog/a.png"]).complaint(Path("."))
    "1 of 2 files are missing: dog/a.png (did you mean 'cat/a.PNG'?); paths are relative to ."
    """
    found = FoundFiles()
    rest = []
    for name in dict.fromkeys(names):
        if is_url(name) and not name.startswith(("http://", "https://")):
            found.paths[name] = name
        elif is_url(root) or _is_file(root, name):  # asking storage for each would take hours
            found.paths[name] = Path(name).as_posix()
        else:
            rest.append(name)
    if not rest:
        return found
    index = _Index(root)
    taken = defaultdict(set)  # path → the names that are it, as they compare
    for name, path in found.paths.items():
        taken[posixpath.normpath(path)].add(_parts(name))
    guesses = {name: guess for name in rest if (guess := _guess(root, name, index, part)) is not None}
    for name, guess in guesses.items():
        taken[guess].add(_parts(name))
    for name in rest:
        if name in guesses and len({_without_ending(parts) for parts in taken[guesses[name]]}) == 1:
            found.paths[name] = found.guessed[name] = guesses[name]
        else:
            found.missing.append(name)
    for name in found.missing[:3]:
        if hint := _hint(root, name, index):
            found.hints[name] = hint
    return found


def _is_file(root: Path, name: str) -> bool:
    return os.path.isfile(os.path.join(root, name))  # noqa: PTH113, PTH118  (quick; no name is an error)


def _guess(root: Path, name: str, index: _Index, part: str | None) -> str | None:
    """The one file that a name can mean, or None."""
    plain = (str(as_path(name)) if name.startswith("file://") else name).replace("\\", "/")
    if plain.startswith("/") and plain != name and _is_file(root, plain):
        return plain
    if plain != name and not plain.startswith("/") and _is_file(root, plain):
        return posixpath.normpath(plain)
    if "%" in plain and _is_file(root, unquote(plain)):  # as in an address
        return posixpath.normpath(unquote(plain))
    best = _of_part(index.matches(_parts(plain)), part)
    if len(best) == 1:
        return best[0]
    above = posixpath.join("..", plain)  # a table in a folder beside that of the images
    if not best and not plain.startswith(("/", "..")) and "/" in plain and _is_file(root, above):
        return posixpath.normpath(above)
    return None


def _of_part(paths: Sequence[str], part: str | None) -> Sequence[str]:
    """Of several paths those in a folder of a part, where one is given."""
    if len(paths) < 2 or part is None:
        return paths
    return [path for path in paths if part in map(_part_of_folder, path.split("/")[:-1])]


def _part_of_folder(name: str) -> str | None:
    said = part_in_name(name)
    return None if said is None else said.part


class _Index:
    """The files below a folder, by the last part of their path; looked through once, where a name needs it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> list[str]:
        files: list[str] = []
        for path in _walk(self.root):
            if len(files) == MOST_FILES:
                return []  # too many to be sure of anything
            files.append(path)
        return sorted(files)

    @cached_property
    def by_name(self) -> Mapping[str, list[tuple[Parts, str]]]:
        """Last part of the path, with and without its ending → all parts, and the path as it is written."""
        table = defaultdict(list)
        for path in self.files:
            parts = _parts(path)
            for last in {parts[-1], *_without_ending(parts)[-1:]}:
                table[last].append((parts, path))
        return table

    def matches(self, parts: Parts) -> list[str]:
        """The paths that a name may mean, of those that are nearest to it."""
        if not parts:
            return []
        ranked = defaultdict(list)
        for known, path in self.by_name.get(parts[-1], []):
            above, theirs = parts[:-1], known[:-1]
            short, long = sorted((above, theirs), key=len)
            if long[len(long) - len(short) :] == short:
                ranked[len(above) != len(theirs)].append(path)
        return ranked[False] or ranked[True]


def _walk(root: Path) -> Iterator[str]:
    """The files below a folder, without hidden ones; links to folders are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    for folder, inside, files in os.walk(root, followlinks=True):
        inside[:] = sorted(name for name in inside if not name.startswith((".", "__MACOSX")))
        try:
            status = os.stat(folder)  # noqa: PTH116
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in seen:
            inside[:] = []
            continue
        seen.add((status.st_dev, status.st_ino))
        above = Path(folder).relative_to(root).as_posix()
        for name in files:
            if not name.startswith("."):
                yield name if above == "." else f"{above}/{name}"


def _parts(name: str) -> Parts:
    """A name as it compares: in one form and case, its folders apart, without a drive and without dots."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).replace("\\", "/")
    parts = [part for part in re.sub(r"^[a-z]:", "", folded).split("/") if part not in ("", ".")]
    if parts:
        stem, ending = posixpath.splitext(parts[-1])
        parts[-1] = stem + _ALIKE.get(ending, ending)
    return tuple(parts)


def _without_ending(parts: Parts) -> Parts:
    """The parts of a name without the ending of an image."""
    stem, ending = posixpath.splitext(parts[-1]) if parts else ("", "")
    return (*parts[:-1], stem) if ending in SUFFIXES else parts


# --- hints -------------------------------------------------------------------------------------------


def _hint(root: Path, name: str, index: _Index) -> str:
    """What a name that is no file is near to, in words."""
    if re.match(r"https?://", name):
        return " (a web address: nothing is fetched; save the images beside the table)"
    if name.startswith("data:") or (len(name) > 500 and re.fullmatch(r"[A-Za-z0-9+/=\s]+", name)):
        return " (an image as text: save it as a file, or as bytes in Parquet)"
    if os.path.isdir(os.path.join(root, name)):  # noqa: PTH112, PTH118
        return " (a folder)"
    near = _nearest(name, index)
    if not near and _is_file(Path.cwd(), name):
        near = [Path(os.path.relpath(name, root)).as_posix()]
    return f" (did you mean {' or '.join(quoted(path) for path in near)}?)" if near else ""


def _nearest(name: str, index: _Index) -> list[str]:
    """Up to two paths that a name may have meant."""
    parts = _parts(name)
    if not parts:
        return []
    if best := index.matches(parts):
        return best[:2]
    stem = re.sub(r"(?<=\d)\.0$", "", _without_ending(parts)[-1])  # 7.0 of a program that takes names for numbers
    for key in (parts[-1], stem):
        if known := index.by_name.get(key):
            return [path for _, path in known[:2]]
    if stem.isdecimal() and len(stem) < 20 and (padded := _of_number(int(stem), index.by_name)):
        return [padded]
    known_stems = {_without_ending(_parts(path))[-1]: path for path in index.files[:_LIKE]}
    close = difflib.get_close_matches(stem, known_stems, n=1, cutoff=0.8)
    return [known_stems[each] for each in close]


def _of_number(number: int, by_name: Mapping[str, Sequence[tuple[Parts, str]]]) -> str | None:
    """The path of the first file whose name is this number, whatever noughts stand before it."""
    for stem, known in by_name.items():
        if stem.isdecimal() and len(stem) < 20 and int(stem) == number:
            return known[0][1]
    return None
