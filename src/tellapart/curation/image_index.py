"""The index of an audit: what the checks need of each image, kept on disk in parts.

A part is written whole or not at all. So a stopped pass is resumed, and of a set that has grown only new images are
analysed.
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
from tellapart.core.storage import locate
from tellapart.curation.image_analysis import Analysis, analyse_images
from tellapart.data.catalog import SCHEMA, Catalog
from tellapart.data.image_facts import FACTS, Facts
from tellapart.data.opening import Look

PART = 1024  # images
VERSION = 2  # of what is measured; 1 laid all transparency on white
PLACE = "place.npy"
SURVEY = "survey"  # the folder of an audit that holds the index
DAMAGED = (OSError, ValueError, KeyError, EOFError)  # raised by reading a file that is missing, cut off or another's

Array = npt.NDArray[Any]


class Embed(Protocol):
    """A pretrained network that gives features, such as `tellapart.training.embedder.Embedder`."""

    name: str
    size: int

    def __call__(self, pixels: Array) -> tuple[Array, Array]:
        """Return content N, F and style N, S of pixels ``uint8`` N, size, size, 3."""


@dataclass(frozen=True)
class ImageIndex:
    """What was measured of each of the N rows of a catalog.

    Args:
        catalog: the images.
        home: the folder of the parts.
        place: N, 2: the number of each row's part, and its line in it.
        evidence: "pixels", or the name of the network.
    """

    catalog: Catalog
    home: Path
    place: Array
    evidence: str

    def rows(self) -> list[int]:
        """Return the rows in use: readable ones that no decision has dropped."""
        return self.catalog.rows()

    def measures(self, rows: Sequence[int]) -> Array:
        """Return the measures `tellapart.data.image_statistics.NAMES` of N rows, ``float32`` N, M."""
        return self._gather("measures", rows)

    def thumbs(self, rows: Sequence[int]) -> Array:
        """Return the thumbnails of N rows, ``uint8`` N, SIDE, SIDE, 3."""
        return self._gather("thumbs", rows)

    def content(self, rows: Sequence[int]) -> Array | None:
        """Return the content features of N rows, ``float16`` N, F; None without a network."""
        return None if self.evidence == "pixels" else self._gather("content", rows)

    def style(self, rows: Sequence[int]) -> Array | None:
        """Return the style features of N rows, ``float16`` N, S; None without a network."""
        return None if self.evidence == "pixels" else self._gather("style", rows)

    def _gather(self, what: str, rows: Sequence[int]) -> Array:
        """Return lines of an array that lies in parts on disk; no other lines are held in memory."""
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
    """Analyse every image once and write the index to a folder.

    Args:
        open_with: opens the catalog; its argument measures the facts of images, see ``look`` of
            `tellapart.data.opening.open_catalog`.
        folder: of the parts. Images that are there already and have not changed are not analysed again.
        embed: a network for features, or None.
        progress: draw a bar on a terminal's stderr.
    """
    evidence = embed.name if embed is not None else "pixels"
    indexing = _Pass(folder / f"{VERSION}-{evidence}", embed, progress)
    catalog = open_with(indexing)
    if indexing.place is None:  # a catalog with its decisions: its facts are known, its images are analysed still
        indexing(catalog)
    assert indexing.place is not None
    with atomic_file(indexing.home / PLACE) as temporary, temporary.open("wb") as stream:
        np.save(stream, indexing.place)
    return ImageIndex(catalog, indexing.home, indexing.place, evidence)


def open_index(folder: Path, catalog: Catalog, evidence: str) -> ImageIndex:
    """Open the index of an earlier audit; its images need not exist any more.

    Args:
        folder: of the index.
        catalog: of the audit.
        evidence: of the audit: "pixels", or the name of the network.

    Raises:
        CatalogError: the folder holds no index of this catalog.
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
    """Analyses the images that no part on disk holds, and collects the place of each row."""

    def __init__(self, home: Path, embed: Embed | None, progress: bool) -> None:
        self.home, self.embed, self.progress = home, embed, progress
        self.arrays = ("measures", "thumbs", *(() if embed is None else ("content", "style")))
        self.parts: set[int] = set()
        self.where: dict[str, tuple[int, int]] = {}  # stamp of a file → part, line
        self.facts: dict[str, Facts] = {}
        self.place: Array | None = None
        for path in sorted(home.glob("part-*")) if home.is_dir() else []:
            try:
                self._read_part(path)
            except DAMAGED:
                (home / PLACE).unlink(missing_ok=True)  # it may lead to what is replaced now
                log(f"note: {path}: damaged; its images are looked at again")

    def __call__(self, draft: Catalog) -> dict[int, Facts]:
        """Return the facts of each row."""
        stamps = _stamps(draft)
        missing = [row for row, stamp in enumerate(stamps) if stamp not in self.where]
        what = f"looking at images ({len(draft) - len(missing):,} known)" if self.where else "looking at images"
        for _ in track(self._analyse(draft, missing, stamps), what, len(missing), show=self.progress):
            pass
        self.place = np.array([self.where[stamp] for stamp in stamps], dtype=np.int64).reshape(-1, 2)
        return {row: self.facts[stamp] for row, stamp in enumerate(stamps)}

    def _analyse(self, draft: Catalog, missing: list[int], stamps: list[str]) -> Iterator[int]:
        analyses = analyse_images(draft, missing, None if self.embed is None else self.embed.size)
        for start in range(0, len(missing), PART):
            path = _part_of(self.home, next(number for number in count() if number not in self.parts))
            yield from _write_part(analyses, missing[start : start + PART], stamps, path, self.embed)
            self._read_part(path)

    def _read_part(self, path: Path) -> None:
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
    """Return a digest for each image of its file's name, size and time of change, and of its place in the file."""
    states: dict[str, str] = {}
    files, shards, numbers = (draft.column(name) for name in ("file", "shard", "row"))
    result = []
    root = draft.root.resolve()
    for row, file in enumerate(files):
        name = shards[row] or file
        if name not in states:
            try:
                state = locate(draft.root, name).stat()
                states[name] = f"{state.st_size} {state.st_mtime_ns}"
            except (OSError, ValueError):
                states[name] = "gone"
        line = f"{root}\0{name}\0{numbers[row]}\0{states[name]}"
        result.append(hashlib.blake2b(line.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest())
    return result


def _write_part(
    analyses: Iterator[Analysis], rows: list[int], stamps: list[str], path: Path, embed: Embed | None
) -> Iterator[int]:
    """Write the analyses of some rows as one part; yield each row once it is analysed."""
    lines, measures, thumbs = [], [], []
    content, style = [], []
    pending: list[Pixels] = []
    for row, (fact, numbers, thumb, small) in zip(rows, analyses, strict=False):
        lines.append(fact)
        measures.append(numbers)
        thumbs.append(thumb)
        if embed is not None:
            pending.append(small if small is not None else np.zeros((embed.size, embed.size, 3), np.uint8))
            if len(pending) == 128 or len(lines) == len(rows):
                one, other = embed(np.stack(pending))
                content.append(one)
                style.append(other)
                pending = []
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
