"""Is this picture, or a near-copy of it, already in the set? The set is remembered by an audit, and can grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, ImageError
from tellapart.core.files import atomic_folder
from tellapart.core.parallel import map_threads
from tellapart.curation.findings import Findings
from tellapart.curation.image_index import DAMAGED, SURVEY, open_index
from tellapart.data.duplicates.hashing import SIDE, candidate_pairs, hash_words
from tellapart.data.duplicates.registration import matches
from tellapart.data.image_facts import FACTS, image_facts
from tellapart.data.split import SMALLEST

GROWN = "known"


def lookup(index: str | Path, files: str | Path | Sequence[str | Path], *, add: bool = False) -> dict[str, Any]:
    """For each picture the images of an audited set that show the same.

    Args:
        index: the folder of an audit (``tellapart audit DATA --out INDEX``).
        files: a picture, a folder of pictures, or several of either.
        add: remember those that are new.

    Returns:
        ``images``: file → ``known`` and ``like`` (a list of ``file`` and ``how``), or ``error``; ``index`` (its size).

    Raises:
        CatalogError: the folder is no audit, or no picture was named.
    """
    paths = _pictures([files] if isinstance(files, str | Path) else files)
    names, pixels, hashes, thumbs = _remembered(Path(index))
    answers: dict[str, Any] = {}
    fresh: list[tuple[str, tuple[Any, ...], Any]] = []
    for path, (fact, thumb) in zip(paths, map_threads(_look, paths), strict=True):
        if thumb is None:
            answers[str(path)] = {"error": fact[FACTS.index("why")]}
        else:
            fresh.append((str(path), fact, thumb))
            answers[str(path)] = {"known": False, "like": []}
    n = len(names)
    every = [*hashes, *(fact[FACTS.index("hash")] for _, fact, _ in fresh)]
    stack = np.concatenate([thumbs, np.stack([thumb for _, _, thumb in fresh])]) if fresh else thumbs
    same: dict[str, list[int]] = {}
    for place, digest in enumerate(pixels):
        same.setdefault(digest, []).append(place)
    large = [min(fact[FACTS.index("width")], fact[FACTS.index("height")]) >= SMALLEST for _, fact, _ in fresh]
    one, other, _, mirrored = candidate_pairs(hash_words(every), fresh=n)
    pairs = [(a, b, bool(m)) for a, b, m in zip(one.tolist(), other.tolist(), mirrored, strict=True)
             if a < n <= b and large[b - n]]  # fmt: skip
    found = matches(stack, pairs) if pairs else {}
    new = []
    for place, (file, fact, thumb) in enumerate(fresh):
        digest = fact[FACTS.index("pixels")]
        like = [{"file": names[at], "how": "the same pixels"} for at in same.get(digest, [])]
        exact = set(same.get(digest, []))
        near = sorted(((b, match) for (b, a), match in found.items() if a == n + place and b not in exact),
                      key=lambda item: -item[1].likeness)  # fmt: skip
        like += [{"file": names[at], "how": match.sentence()} for at, match in near]
        answers[file] = {"known": bool(like), "like": like}
        if not like:
            new.append((file, fact, thumb))
    if add and new:
        _remember(Path(index), new)
    return {"index": n + (len(new) if add else 0), "added": len(new) if add else 0, "images": answers}


def _pictures(files: Sequence[str | Path]) -> list[Path]:
    paths = []
    for name in map(Path, files):
        inside = sorted(path for path in name.rglob("*") if image_io.is_image_name(path)) if name.is_dir() else [name]
        paths += inside
    if not paths:
        raise CatalogError("no picture was named; give image files or folders of them")
    return paths


def _look(path: Path) -> tuple[tuple[Any, ...], Any]:
    try:
        fact, _, thumb = image_facts(image_io.read_bytes(path), str(path))
    except ImageError as error:
        fact, _, thumb = image_facts(error, str(path))
    return fact, thumb


def _remembered(index: Path) -> tuple[list[str], list[str], list[bytes], Any]:
    """Names, pixel digests, hashes and thumbnails of the audited set and of what was added to it."""
    findings = Findings.read(index)
    catalog = findings.catalog
    seen = open_index(index / SURVEY, catalog, findings.about["evidence"])
    rows = catalog.rows()
    names = [catalog.column("file")[row] for row in rows]
    pixels = [catalog.column("pixels")[row] for row in rows]
    hashes = [catalog.column("hash")[row] for row in rows]
    stacks = [seen.thumbs(rows).reshape(-1, SIDE, SIDE, 3)]
    for part in _grown(index):
        try:
            table, stack = pq.read_table(part / "facts.parquet"), np.load(part / "thumbs.npy")
            columns = [table.column(name).to_pylist() for name in ("file", "pixels", "hash")]
            if stack.shape != (len(table), SIDE, SIDE, 3):
                raise ValueError(part)
        except DAMAGED as error:
            raise CatalogError(f"{part}: damaged; remove this folder and add its pictures again") from error
        names += columns[0]
        pixels += columns[1]
        hashes += columns[2]
        stacks.append(stack)
    return names, pixels, hashes, np.concatenate(stacks)


def _grown(index: Path) -> list[Path]:
    return sorted((index / GROWN).glob("part-*")) if (index / GROWN).is_dir() else []


def _remember(index: Path, new: Sequence[tuple[str, tuple[Any, ...], Any]]) -> None:
    number = max((int(part.name.removeprefix("part-")) for part in _grown(index)), default=-1) + 1
    with atomic_folder(index / GROWN / f"part-{number:06}") as temporary:
        table = {
            "file": [str(Path(file).resolve()) for file, _, _ in new],
            "pixels": [fact[FACTS.index("pixels")] for _, fact, _ in new],
            "hash": [fact[FACTS.index("hash")] for _, fact, _ in new],
        }
        pq.write_table(pa.table(table), temporary / "facts.parquet")
        np.save(temporary / "thumbs.npy", np.stack([thumb for _, _, thumb in new]))
