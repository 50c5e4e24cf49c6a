"""Look up pictures in an audited set: is each one, or a near-copy of it, there already? The set can grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, ImageError
from tellapart.core.files import atomic_folder
from tellapart.core.folder_lock import hold_folder
from tellapart.core.image_files import image_files
from tellapart.core.parallel import map_threads
from tellapart.curation.findings import Findings
from tellapart.curation.image_index import DAMAGED, SURVEY, open_index
from tellapart.data.duplicates.hashing import SIDE, candidate_pairs, hash_words
from tellapart.data.duplicates.registration import Match, matches
from tellapart.data.image_facts import FACTS, Facts, image_facts
from tellapart.data.split import SMALLEST

ADDED = "known"  # the folder of an audit that holds what was added to it

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Query:
    """A readable picture: its file, its facts, and its thumbnail ``uint8`` SIDE, SIDE, 3."""

    file: str
    facts: Facts
    thumb: Array

    def fact(self, name: str) -> Any:
        return self.facts[FACTS.index(name)]


@dataclass(frozen=True)
class _Known:
    """The N images of the audited set and of what was added to it: ``thumbs`` is ``uint8`` N, SIDE, SIDE, 3."""

    files: list[str]
    pixels: list[str]  # digests
    hashes: list[bytes]
    thumbs: Array


def lookup(index: str | Path, files: str | Path | Sequence[str | Path], *, add: bool = False) -> dict[str, Any]:
    """Find for each picture the images of an audited set that show the same.

    Args:
        index: the folder of an audit (``tellapart audit DATA --out INDEX``).
        files: a picture, a folder of pictures, or several of either.
        add: add the new pictures to the index.

    Returns:
        ``images``: file → ``known`` and ``like`` (a list of ``file`` and ``how``), or ``error``; ``index``: the number
        of images in the index; ``added``: how many of them are new.

    Raises:
        CatalogError: the folder is no audit, or no picture was named.
        ConfigError: pictures are to be added, and another command works in the folder.
    """
    paths = _list_pictures([files] if isinstance(files, str | Path) else files)
    with hold_folder(index) if add else nullcontext():
        return _lookup(Path(index), paths, add)


def _lookup(index: Path, paths: list[Path], add: bool) -> dict[str, Any]:
    known = _open_known(index)
    answers: dict[str, Any] = {}
    queries: list[_Query] = []
    for path, (facts, thumb) in zip(paths, map_threads(_analyse, paths), strict=True):
        if thumb is None:
            answers[str(path)] = {"error": facts[FACTS.index("why")]}
        else:
            queries.append(_Query(str(path), facts, thumb))
            answers[str(path)] = {"known": False, "like": []}
    new = []
    for query, like in zip(queries, _find_copies(known, queries), strict=True):
        answers[query.file] = {"known": bool(like), "like": like}
        if not like:
            new.append(query)
    if add and new:
        _add(index, new)
    n_added = len(new) if add else 0
    return {"index": len(known.files) + n_added, "added": n_added, "images": answers}


def _find_copies(known: _Known, queries: Sequence[_Query]) -> list[list[dict[str, str]]]:
    """Return for each query the known images of the same pixels, then its near-copies, the most alike first."""
    digest_to_rows: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(known.pixels):
        digest_to_rows[digest].append(row)
    near: dict[int, list[tuple[int, Match]]] = defaultdict(list)
    for (row, number), match in _match(known, queries).items():
        near[number].append((row, match))
    result = []
    for number, query in enumerate(queries):
        exact = digest_to_rows.get(query.fact("pixels"), [])
        like = [{"file": known.files[row], "how": "the same pixels"} for row in exact]
        others = [(row, match) for row, match in near[number] if row not in set(exact)]
        others.sort(key=lambda item: -item[1].likeness)
        result.append([*like, *({"file": known.files[row], "how": match.sentence()} for row, match in others)])
    return result


def _match(known: _Known, queries: Sequence[_Query]) -> dict[tuple[int, int], Match]:
    """Return near-copies: known row, number of the query → how they match. Tiny queries match nothing."""
    n = len(known.files)
    hashes = [*known.hashes, *(query.fact("hash") for query in queries)]
    large = [min(query.fact("width"), query.fact("height")) >= SMALLEST for query in queries]
    one, other, _, mirrored = candidate_pairs(hash_words(hashes), fresh=n)
    pairs = [(a, b, bool(m)) for a, b, m in zip(one.tolist(), other.tolist(), mirrored, strict=True)
             if a < n <= b and large[b - n]]  # fmt: skip
    if not pairs:
        return {}
    thumbs = np.concatenate([known.thumbs, np.stack([query.thumb for query in queries])])
    return {(row, place - n): match for (row, place), match in matches(thumbs, pairs).items()}


def _list_pictures(files: Sequence[str | Path]) -> list[Path]:
    paths = []
    for name in map(Path, files):
        paths += image_files(name) if name.is_dir() else [name]
    if not paths:
        raise CatalogError("no picture was named; give image files or folders of them")
    return paths


def _analyse(path: Path) -> tuple[Facts, Array | None]:
    """Return the facts and the thumbnail of a file; an unreadable one has no thumbnail."""
    try:
        facts, _, thumb = image_facts(image_io.read_bytes(path), str(path))
    except ImageError as error:
        facts, _, thumb = image_facts(error, str(path))
    return facts, thumb


def _open_known(index: Path) -> _Known:
    """Return the audited set and what was added to it."""
    findings = Findings.read(index)
    catalog = findings.catalog
    image_index = open_index(index / SURVEY, catalog, findings.about["evidence"])
    rows = catalog.rows()
    files = [catalog.column("file")[row] for row in rows]
    pixels = [catalog.column("pixels")[row] for row in rows]
    hashes = [catalog.column("hash")[row] for row in rows]
    thumbs = [image_index.thumbs(rows).reshape(-1, SIDE, SIDE, 3)]
    for part in _added_parts(index):
        try:
            table, stack = pq.read_table(part / "facts.parquet"), np.load(part / "thumbs.npy")
            columns = [table.column(name).to_pylist() for name in ("file", "pixels", "hash")]
            if stack.shape != (len(table), SIDE, SIDE, 3):
                raise ValueError(part)
        except DAMAGED as error:
            raise CatalogError(f"{part}: damaged; remove this folder and add its pictures again") from error
        files += columns[0]
        pixels += columns[1]
        hashes += columns[2]
        thumbs.append(stack)
    return _Known(files, pixels, hashes, np.concatenate(thumbs))


def _added_parts(index: Path) -> list[Path]:
    return sorted((index / ADDED).glob("part-*")) if (index / ADDED).is_dir() else []


def _add(index: Path, queries: Sequence[_Query]) -> None:
    number = max((int(part.name.removeprefix("part-")) for part in _added_parts(index)), default=-1) + 1
    with atomic_folder(index / ADDED / f"part-{number:06}") as temporary:
        table = {
            "file": [str(Path(query.file).resolve()) for query in queries],
            "pixels": [query.fact("pixels") for query in queries],
            "hash": [query.fact("hash") for query in queries],
        }
        pq.write_table(pa.table(table), temporary / "facts.parquet")
        np.save(temporary / "thumbs.npy", np.stack([query.thumb for query in queries]))
