"""Each picture of a data set decoded once, and all that the checks need of it kept on disk in parts.

A part is written whole or not at all, so a pass that was stopped goes on where it was, and a set that has
grown is looked at only where it is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.errors import CatalogError
from tellapart.core.files import atomic_file, atomic_folder
from tellapart.core.image_io import Pixels
from tellapart.core.progress import log, track
from tellapart.curation.image_analysis import Glance, analyse_images
from tellapart.data.catalog import SCHEMA, Catalog
from tellapart.data.image_facts import FACTS, Facts
from tellapart.data.opening import Look

PART = 1024  # images
VERSION = 1  # of what is measured
PLACE = "place.npy"
SURVEY = "survey"  # the folder of an audit that holds it
DAMAGED = (OSError, ValueError, KeyError, EOFError)  # what reading gives where a file is gone, cut off or another's

Array = npt.NDArray[Any]


class Embed(Protocol):
    """A network that gives features without being trained, see `tellapart.training.embedder.Embedder`."""

    name: str
    size: int

    def __call__(self, pixels: Array) -> tuple[Array, Array]:
        """``uint8`` N, size, size, 3 → content N, F and style N, S."""


@dataclass(frozen=True)
class ImageIndex:
    """What was seen of each row of a catalog; rows that are unreadable have no part in the arrays."""

    catalog: Catalog
    home: Path  # of the parts
    place: Array  # N, 2: the number of each row's part, and where in it
    evidence: str  # "pixels", or the name of the network

    def rows(self) -> list[int]:
        """Rows that can be used: readable ones that a decision has not put aside."""
        return self.catalog.rows()

    def measures(self, rows: Sequence[int]) -> Array:
        """``float32`` of `tellapart.data.image_statistics.NAMES`, a line for each of ``rows``."""
        return self._gather("measures", rows)

    def thumbs(self, rows: Sequence[int]) -> Array:
        """``uint8`` N, SIDE, SIDE, 3."""
        return self._gather("thumbs", rows)

    def content(self, rows: Sequence[int]) -> Array | None:
        """What the network saw, ``float16`` N, F; None without a network."""
        return None if self.evidence == "pixels" else self._gather("content", rows)

    def style(self, rows: Sequence[int]) -> Array | None:
        """How the pictures were made, ``float16`` N, S; None without a network."""
        return None if self.evidence == "pixels" else self._gather("style", rows)

    def _gather(self, what: str, rows: Sequence[int]) -> Array:
        """Lines of an array that lies in parts on disk; only what is asked for is held in memory."""
        where = self.place[np.asarray(rows, dtype=np.int64)]
        one = self._lines(self.place[0, 0], what)
        result: Array = np.zeros((len(where), *one.shape[1:]), one.dtype)
        for part in np.unique(where[:, 0]):
            mine = where[:, 0] == part
            result[mine] = self._lines(part, what)[where[mine, 1]]
        return result

    def _lines(self, part: int, what: str) -> Array:
        path = _part_of(self.home, part) / f"{what}.npy"
        try:
            lines: Array = np.load(path, mmap_mode="r")
        except DAMAGED as error:
            raise CatalogError(f"{path}: missing or damaged; run tellapart audit again") from error
        return lines


def build_index(
    open_with: Callable[[Look], Catalog], folder: Path, embed: Embed | None = None, *, progress: bool = True
) -> ImageIndex:
    """Look at every image once, and remember it in ``folder``.

    Args:
        open_with: makes the catalog, given how its images are to be looked at (see `tellapart.data.opening.open_catalog`).
        folder: where the parts lie; what is there already and still true is not looked at again.
        embed: a network for features, or None.
    """
    evidence = embed.name if embed is not None else "pixels"
    looking = _Pass(folder / f"{VERSION}-{evidence}", embed, progress)
    catalog = open_with(looking)
    if looking.place is None:  # it was a catalog already: its decisions stay, its images are looked at
        looking(catalog)
    assert looking.place is not None
    with atomic_file(looking.home / PLACE) as temporary, temporary.open("wb") as stream:
        np.save(stream, looking.place)
    return ImageIndex(catalog, looking.home, looking.place, evidence)


def open_index(folder: Path, catalog: Catalog, evidence: str) -> ImageIndex:
    """The survey of an audit that was made before; its images need not be there any more.

    Raises:
        CatalogError: the folder holds no survey of this catalog.
    """
    home = folder / f"{VERSION}-{evidence}"
    try:
        place = np.load(home / PLACE)
    except DAMAGED as error:
        raise CatalogError(f"{home}: no survey here; run tellapart audit again") from error
    if len(place) != len(catalog):
        raise CatalogError(f"{home}: holds {len(place)} images, its catalog {len(catalog)}; run tellapart audit again")
    return ImageIndex(catalog, home, place, evidence)


class _Pass:
    """Looks at what no part on disk holds yet, and knows then where each row lies."""

    def __init__(self, home: Path, embed: Embed | None, progress: bool) -> None:
        self.home, self.embed, self.progress = home, embed, progress
        self.arrays = ("measures", "thumbs", *(() if embed is None else ("content", "style")))
        self.parts: set[int] = set()
        self.where: dict[str, tuple[int, int]] = {}  # stamp of a file → part, line
        self.facts: dict[str, Facts] = {}
        self.place: Array | None = None
        for path in sorted(home.glob("part-*")) if home.is_dir() else []:
            try:
                self._take(path)
            except DAMAGED:
                (home / PLACE).unlink(missing_ok=True)  # it may lead to what is replaced now
                log(f"note: {path}: damaged; its images are looked at again")

    def __call__(self, draft: Catalog) -> dict[int, Facts]:
        """The facts of each row."""
        stamps = _stamps(draft)
        missing = [row for row, stamp in enumerate(stamps) if stamp not in self.where]
        what = f"looking at images ({len(draft) - len(missing):,} known)" if self.where else "looking at images"
        for _ in track(self._look(draft, missing, stamps), what, len(missing), show=self.progress):
            pass
        self.place = np.array([self.where[stamp] for stamp in stamps], dtype=np.int64).reshape(-1, 2)
        return {row: self.facts[stamp] for row, stamp in enumerate(stamps)}

    def _look(self, draft: Catalog, missing: list[int], stamps: list[str]) -> Iterator[int]:
        seen = analyse_images(draft, missing, None if self.embed is None else self.embed.size)
        for start in range(0, len(missing), PART):
            path = _part_of(self.home, next(number for number in count() if number not in self.parts))
            yield from _part(seen, missing[start : start + PART], stamps, path, self.embed)
            self._take(path)

    def _take(self, path: Path) -> None:
        number, table = int(path.name.removeprefix("part-")), pq.read_table(path / "facts.parquet")
        columns = [table.column(name).to_pylist() for name in FACTS]
        if any(len(np.load(path / f"{what}.npy", mmap_mode="r")) != len(table) for what in self.arrays):
            raise ValueError(path)
        for line, stamp in enumerate(table.column("stamp").to_pylist()):
            self.where[stamp] = (number, line)
            self.facts[stamp] = tuple(column[line] for column in columns)
        self.parts.add(number)


def _part_of(home: Path, number: int) -> Path:
    return home / f"part-{number:06}"


def _stamps(draft: Catalog) -> list[str]:
    """A name for each image that changes when its file does: name, size and time of change."""
    states: dict[str, str] = {}
    files, shards, numbers = (draft.column(name) for name in ("file", "shard", "row"))
    result = []
    root = draft.root.resolve()
    for row, file in enumerate(files):
        name = shards[row] or file
        if name not in states:
            try:
                state = (draft.root / name).stat()
                states[name] = f"{state.st_size} {state.st_mtime_ns}"
            except (OSError, ValueError):
                states[name] = "gone"
        line = f"{root}\0{name}\0{numbers[row]}\0{states[name]}"
        result.append(hashlib.blake2b(line.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest())
    return result


def _part(seen: Iterator[Glance], rows: list[int], stamps: list[str], path: Path, embed: Embed | None) -> Iterator[int]:
    """Take what was seen of some rows, write it as one part, and give each row back once it was looked at."""
    lines, measures, thumbs = [], [], []
    content, style = [], []
    waiting: list[Pixels] = []
    for row, (fact, numbers, thumb, small) in zip(rows, seen, strict=False):
        lines.append(fact)
        measures.append(numbers)
        thumbs.append(thumb)
        if embed is not None:
            waiting.append(small if small is not None else np.zeros((embed.size, embed.size, 3), np.uint8))
            if len(waiting) == 128 or len(lines) == len(rows):
                one, other = embed(np.stack(waiting))
                content.append(one)
                style.append(other)
                waiting = []
        yield row
    with atomic_folder(path) as temporary:
        columns = {name: pa.array(list(values), SCHEMA.field(name).type)
                   for name, values in zip(FACTS, zip(*lines, strict=True), strict=True)}  # fmt: skip
        pq.write_table(pa.table({"stamp": [stamps[row] for row in rows], **columns}), temporary / "facts.parquet")
        np.save(temporary / "measures.npy", np.stack(measures))
        np.save(temporary / "thumbs.npy", np.stack(thumbs))
        if embed is not None:
            np.save(temporary / "content.npy", np.concatenate(content))
            np.save(temporary / "style.npy", np.concatenate(style))
