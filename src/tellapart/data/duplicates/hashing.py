"""Which pictures may be near-copies: a 128-bit hash of each, and a search that stays quick for a million.

The search looks at a bounded number of neighbours an image, whatever the size of the set. What it finds are
candidates; `tellapart.data.duplicates.registration` proves them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.image_io import Pixels

SIDE = 48  # px of a thumbnail; the picture is squashed into a square, so that a stretched copy is one too
CELLS = 8  # the hash sees the picture in CELLS x CELLS cells
RADIUS = 32  # bits of 128 that may differ between candidates
NEIGHBOURS = 5  # candidates an image
TABLES = 24  # orders in which the hashes are sorted
WINDOW = 16  # neighbours looked at in each order
MANY = 1_000_000  # pairs

Array = npt.NDArray[Any]


# --- hashes ----------------------------------------------------------------------------------------


def thumbnail(picture: Pixels | Image.Image) -> Pixels:
    """The whole picture, RGB, in ``uint8`` SIDE, SIDE, 3.

    >>> thumbnail(np.zeros((30, 100, 3), np.uint8)).shape
    (48, 48, 3)
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))


def picture_hash(thumb: Pixels) -> bytes:
    """128 bits of which few change when a picture is scaled, recompressed, lightened or turned a little.

    Each bit says on which side of a plane the grey cells lie; angles between pictures become shares of
    differing bits. The planes come in mirrored pairs, so that the hash of the mirrored picture is the same hash
    with its halves exchanged. Source: random hyperplanes, Charikar, "Similarity estimation techniques from
    rounding algorithms" (2002).

    >>> picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    >>> one, other = picture_hash(picture), picture_hash(picture[:, ::-1])
    >>> one[:8] == other[8:] and one[8:] == other[:8]
    True
    """
    return np.packbits(_cells(thumb) @ _PLANES > 0).tobytes()


def _cells(thumb: Pixels) -> Array:
    # Whole numbers that float64 holds exactly, so that the same picture gives the same bits on every machine.
    bands = thumb.reshape(CELLS, SIDE // CELLS, SIDE * 3).sum(axis=1, dtype=np.float64)
    cells = (bands @ _GREY).ravel()
    result: Array = cells * cells.size - cells.sum()
    return result


# A band of the picture, the channels of its columns, → the grey of its cells, in thousandths (ITU-R BT.601).
_GREY = np.kron(np.eye(CELLS), np.tile([[299.0], [587.0], [114.0]], (SIDE // CELLS, 1)))


def _planes() -> Array:
    """64 planes of +1 and -1, then their mirror images; from sha256, which never changes with a version."""
    digests = b"".join(hashlib.sha256(f"plane {number}".encode()).digest() for number in range(16))
    signs = np.unpackbits(np.frombuffer(digests, np.uint8)).reshape(64, CELLS, CELLS).astype(np.float64) * 2 - 1
    return np.concatenate([signs, signs[:, :, ::-1]]).reshape(128, -1).T.copy()


_PLANES = _planes()


def hash_words(hashes: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    """Hashes as ``uint64`` N, 2."""
    return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64).reshape(-1, 2)


# --- candidates ------------------------------------------------------------------------------------


def candidate_pairs(
    words: npt.NDArray[np.uint64],
    *,
    radius: int = RADIUS,
    most: int = NEIGHBOURS,
    mirrored: bool = True,
    blocks: Sequence[int] | None = None,
    fresh: int | None = None,
) -> tuple[Array, Array, Array, Array]:
    """Pairs of hashes that differ in few bits, in time that grows with N log N.

    The hashes are sorted in `TABLES` orders, each by other bits first; in each order every hash is compared
    with the next `WINDOW`. Two that are close agree in the leading bits of some order and stand side by side
    there. A crowd of like hashes costs no more than any others. Source: sorted permuted bits,
    Charikar (2002), section 5.

    Args:
        words: ``uint64`` N, 2.
        radius: bits that two hashes may differ in.
        most: the closest so many for each; a pair is kept if it is among them for either.
        mirrored: also find pairs of which one is mirrored.
        blocks: a number for each hash; only pairs within one number are looked for.
        fresh: only pairs with one of the hashes from this row on.

    Returns:
        first, second (rows, first < second), differing bits, and whether the second is mirrored.
    """
    n = len(words)
    entries = np.concatenate([words, words[:, ::-1]]) if mirrored else words
    home = np.arange(len(entries)) % max(n, 1)
    block = None if blocks is None else np.asarray(blocks)[home]
    dice = np.random.default_rng(0)
    empty = np.zeros(0, np.int64)
    candidates: list[tuple[Array, Array, Array]] = [(empty, empty, empty)]
    for table in range(TABLES):
        key = _shuffled(entries, dice.permutation(128))
        order = np.argsort(key, kind="stable") if block is None else np.lexsort((key, block))
        candidates.append(_beside(entries, order, home, block, n, radius, fresh))
        # Choosing sorts all of them: seldom, but before they fill the memory.
        if table == TABLES - 1 or sum(len(close[0]) for close in candidates) > MANY:
            candidates = [_closest(*(np.concatenate(parts) for parts in zip(*candidates, strict=True)), n=n, most=most)]
    [(first, second, bits)] = candidates
    return first, second % max(n, 1), bits, second >= n


def _shuffled(entries: Array, order: Array) -> npt.NDArray[np.uint64]:
    """Sixty-four of the 128 bits, in this order, as one number to sort by."""
    key = np.zeros(len(entries), np.uint64)
    for bit in order[:64].tolist():
        key = (key << np.uint64(1)) | ((entries[:, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1))
    return key


def _beside(
    entries: Array, order: Array, home: Array, block: Array | None, n: int, radius: int, fresh: int | None
) -> tuple[Array, Array, Array]:
    """Close pairs of one order: first row, second row (plus n where it is mirrored), differing bits."""
    words = entries[order]
    close = []
    for step in range(1, min(WINDOW, len(order) - 1) + 1):
        bits = np.bitwise_count(words[step:] ^ words[:-step]).sum(axis=1)
        at = np.flatnonzero(bits <= radius)
        one, other = order[at + step], order[at]
        good = (home[one] != home[other]) & ((one < n) | (other < n))  # two mirrored ones are the plain pair again
        if block is not None:
            good &= block[one] == block[other]
        if fresh is not None:
            good &= (home[one] >= fresh) | (home[other] >= fresh)
        one, other, at = one[good], other[good], at[good]
        flipped = (one >= n) | (other >= n)
        low, high = np.minimum(home[one], home[other]), np.maximum(home[one], home[other])
        close.append((low, high + n * flipped, bits[at]))
    return tuple(np.concatenate(parts) for parts in zip(*close, strict=True)) if close else (order[:0],) * 3  # type: ignore[return-value]


def _closest(first: Array, second: Array, bits: Array, *, n: int, most: int) -> tuple[Array, Array, Array]:
    """Each pair once, and only those among the ``most`` closest of one of the two."""
    _, once = np.unique(first.astype(np.int64) * (2 * n) + second, return_index=True)
    first, second, bits = first[once], second[once], bits[once]
    keep = np.zeros(len(first), bool)
    for side in (first, second % n):
        order = np.lexsort((bits, side))
        edges = np.flatnonzero(np.diff(side[order], prepend=-1))
        rank = np.arange(len(order)) - np.repeat(edges, np.diff(np.append(edges, len(order))))
        keep[order[rank < most]] = True
    return first[keep], second[keep], bits[keep]


def connected_components(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Rows that hang together by pairs, as sorted lists in the order of their first row.

    >>> connected_components([(4, 2), (7, 8), (2, 9)])
    [[2, 4, 9], [7, 8]]
    """
    parent: dict[int, int] = {}

    def find(row: int) -> int:
        parent.setdefault(row, row)
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, other in pairs:
        a, b = find(one), find(other)
        parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = defaultdict(list)
    for row in sorted(parent):
        groups[find(row)].append(row)
    return sorted(groups.values())
