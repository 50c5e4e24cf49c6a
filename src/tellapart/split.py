"""Who trains, who chooses, who judges: a seeded split that no near-copy crosses.

Two rules make it repeatable. Rows are ordered by a hash of the seed and the image's own bytes, so that
renaming files, adding others or another version of numpy never reshuffles them; and what belongs
together (exact duplicates, near-duplicates, rows of one ``together`` value) moves as one.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart import images
from tellapart.catalog import SPLITS, Catalog, open_catalog
from tellapart.errors import CatalogError, ConfigError, some

FRACTIONS = (0.70, 0.15, 0.15)
HASH_BITS = 4  # difference-hash bits that may differ between candidates
SMALLEST = 40  # px; below it a hash cannot tell a copy from another drawing of the same letter
PIXEL_DISTANCE = 0.035  # mean absolute difference of 24 x 24 grey thumbnails, of the full range


def split(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    **options: Any,
) -> Catalog:
    """Assign every kept row to train, val or test; a split that the data brings along is kept.

    Stratified by label where a label has at least three separate images; exact and near-duplicates
    stand on one side. A data set that brings train and test but no val has val taken from train.

    Args:
        data: any source, or a catalog. ``options`` say how to read a source (see `open_catalog`).
        out: where to write the catalog with its new ``split`` column.
        fractions: train, val, test; they sum to 1.

    Raises:
        ConfigError: the fractions are not three shares of 1.
        CatalogError: fewer than three separate images, so that no part can be held out.
    """
    shares = tuple(float(value) for value in fractions)
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6 or shares[0] == 0:
        raise ConfigError(f"fractions {fractions}: give three shares for train, val and test that sum to 1")
    catalog = data if isinstance(data, Catalog) else open_catalog(data, **options)
    assigned, notes = _assign(catalog, seed, shares)
    result = catalog.with_column("split", assigned).with_notes(notes)
    result = result.with_meta(split={"seed": seed, "fractions": list(shares)})
    if out is not None:
        result.write(out)
    return result


def _assign(catalog: Catalog, seed: int, fractions: Sequence[float]) -> tuple[list[str | None], list[str]]:
    keep = catalog.column("keep")
    given = catalog.column("split")
    result: list[str | None] = [part if kept else None for part, kept in zip(given, keep, strict=True)]
    kept_rows = [row for row, kept in enumerate(keep) if kept]
    present = {result[row] for row in kept_rows} - {None}
    if {"train", "val", "test"} <= present or (present and "train" not in present):
        return result, []
    train, val, test = fractions
    if present:  # the data's own train and test (or val) stay as they are; the missing part comes from train
        pool = [row for row in kept_rows if result[row] in (None, "train")]
        fractions = (
            train + (test if "test" in present else 0.0) + (val if "val" in present else 0.0),
            0.0 if "val" in present else val,
            0.0 if "test" in present else test,
        )
    else:
        pool = kept_rows
    clusters = _clusters(catalog, pool)
    if len(clusters) < 3:
        raise CatalogError(
            f"{catalog.source}: {len(clusters)} separate images (duplicates counted once) cannot be split into "
            "train, val and test; at least 3 are needed, and some tens a class to learn anything"
        )
    notes = []
    widths, heights = catalog.column("width"), catalog.column("height")
    if small := sum(min(widths[row], heights[row]) < SMALLEST for row in pool):
        notes.append(f"{small} images are under {SMALLEST} px on a side: only their exact copies are kept together")
    together = sum(len(cluster) for cluster in clusters if len(cluster) > 1)
    if together:
        groups = sum(len(cluster) > 1 for cluster in clusters)
        notes.append(f"{together} images are duplicates or near-duplicates in {groups} groups; none crosses a split")
    labels = catalog.column("label") if catalog.task == "classify" else [""] * len(catalog)
    digests = catalog.column("sha256")
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for cluster in clusters:
        strata[Counter(sorted(labels[row] for row in cluster)).most_common(1)[0][0]].append(cluster)
    scarce = []
    for label in sorted(strata):
        members = strata[label]
        members.sort(key=lambda cluster: _order(seed, min(digests[row] for row in cluster)))
        # Big clusters first, and into train, so that a test part is not a handful of copies.
        members.sort(key=len, reverse=True)
        if catalog.task == "classify" and len(members) < 3:
            scarce.append(label)
        for cluster, part in zip(members, _parts(members, fractions), strict=True):
            for row in cluster:
                result[row] = part
    if scarce:
        notes.append(
            f"{len(scarce)} classes have fewer than 3 separate images and stand in train alone or in train and "
            f"test: {some(scarce)}"
        )
    return result, notes


def _parts(clusters: Sequence[Sequence[int]], fractions: Sequence[float]) -> Iterator[str]:
    """A part for each cluster of one stratum: whoever is furthest below its share of images takes it."""
    total = sum(len(cluster) for cluster in clusters)
    names = [name for name, share in zip(SPLITS, fractions, strict=True) if share > 0]
    shares = [share for share in fractions if share > 0]
    goals = [share * total for share in shares]
    if len(clusters) >= len(names):  # every part gets one, however small its share
        goals = [max(goal, 1.0) for goal in goals]
        goals[0] = total - sum(goals[1:])
    counts = [0.0] * len(names)
    for position, cluster in enumerate(clusters):
        if position == 0:
            best = 0
        elif len(clusters) == 2 and "test" in names:
            best = names.index("test")
        else:
            lack = [goal - count for goal, count in zip(goals, counts, strict=True)]
            if len(cluster) == 1:
                # Relative lack for single images, so that small parts fill evenly with large ones.
                lack = [gap / max(goal, 1e-9) if gap >= 0.5 else -1.0 for gap, goal in zip(lack, goals, strict=True)]
            best = max(range(len(names)), key=lambda part: (lack[part], -part))
        counts[best] += len(cluster)
        yield names[best]


def _order(seed: int, digest: str) -> str:
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


# --- what belongs together -------------------------------------------------------------------------


def _clusters(catalog: Catalog, rows: Sequence[int]) -> list[list[int]]:
    """Rows of ``rows`` that are copies of each other, or bound by ``together``, as lists."""
    parent = {row: row for row in rows}

    def find(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in ("sha256", "together"):
        first: dict[str, int] = {}
        values = catalog.column(column)
        for row in rows:
            if values[row] is not None:
                parent[find(row)] = find(first.setdefault(values[row], row))
    for one, other in near_duplicates(catalog, rows):
        parent[find(one)] = find(other)
    grouped: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        grouped[find(row)].append(row)
    return list(grouped.values())


def near_duplicates(catalog: Catalog, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of rows whose pictures are near-copies.

    Candidates: difference hashes (Krawetz 2013) at most `HASH_BITS` bits apart, found by the
    multi-index rule (Norouzi et al. 2012: cut 64 bits into HASH_BITS + 1 bands; two hashes that close
    share a whole band). Confirmed: thumbnails that differ by at most `PIXEL_DISTANCE`.
    Images under `SMALLEST` px on a side are compared by their bytes alone.
    In a reading set two different texts are never near-duplicates: CAPTCHAs of one scheme look alike
    to any hash.
    """
    sides = list(zip(catalog.column("width"), catalog.column("height"), strict=True))
    rows = [row for row in rows if min(sides[row]) >= SMALLEST]
    hashes = np.array([catalog.column("dhash")[row] for row in rows], dtype=np.uint64)
    digests = catalog.column("sha256")
    labels = catalog.column("label") if catalog.task == "read" else None
    candidates: set[tuple[int, int]] = set()
    for key in _bands(hashes):
        order = np.argsort(key, kind="stable")
        edges = np.flatnonzero(np.diff(key[order])) + 1
        for bucket in np.split(order, edges):
            if len(bucket) < 2:
                continue
            members = bucket
            if labels is not None:  # within one text only: sort the bucket out first
                by_text: dict[str, list[int]] = defaultdict(list)
                for index in bucket:
                    by_text[labels[rows[index]]].append(int(index))
                groups = [np.array(group) for group in by_text.values() if len(group) > 1]
            else:
                groups = [members]
            for group in groups:
                candidates.update(_close_pairs(group, hashes))
    pairs = [(rows[a], rows[b]) for a, b in candidates if digests[rows[a]] != digests[rows[b]]]
    if not pairs:
        return []
    needed = sorted({row for pair in pairs for row in pair})
    thumbs = {row: _thumbnail(data) for row, data in catalog.read(needed)}
    return sorted(
        (a, b)
        for a, b in pairs
        if thumbs[a][0] * thumbs[b][0] >= 0 and np.abs(thumbs[a][1] - thumbs[b][1]).mean() <= PIXEL_DISTANCE
    )


def _bands(hashes: npt.NDArray[np.uint64]) -> Iterator[npt.NDArray[np.uint64]]:
    bands = HASH_BITS + 1
    edges = [round(64 * band / bands) for band in range(bands + 1)]
    for low, high in pairwise(edges):
        yield (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)


def _close_pairs(members: npt.NDArray[np.intp], hashes: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Pairs within one bucket at most HASH_BITS apart; a slice at a time, so that memory stays bounded."""
    for position in range(len(members) - 1):
        rest = members[position + 1 :]
        near = np.bitwise_count(hashes[rest] ^ hashes[members[position]]) <= HASH_BITS
        for other in rest[near]:
            one, two = int(members[position]), int(other)
            yield (one, two) if one < two else (two, one)


def _thumbnail(data: bytes) -> tuple[int, npt.NDArray[np.float32]]:
    """Tall (1), wide (-1) or about square (0: rounding may turn it), and 24 x 24 grey pixels, 0..1."""
    from PIL import Image

    pixels = images.decode(data, at_least=48)
    height, width = pixels.shape[:2]
    shape = int(height > 1.1 * width) - int(width > 1.1 * height)
    grey = Image.fromarray(pixels).convert("L").resize((24, 24), Image.Resampling.BOX)
    return shape, np.asarray(grey, dtype=np.float32) / np.float32(255)
