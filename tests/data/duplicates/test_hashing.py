"""The hash of a picture, and the search for near hashes against the brute force."""

from __future__ import annotations

from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tellapart.data.duplicates.hashing import (
    RADIUS,
    SIDE,
    candidate_pairs,
    connected_components,
    picture_hash,
    thumbnail,
)


@given(st.integers(0, 2**32 - 1))
def test_the_hash_of_the_mirrored_picture_is_the_hash_with_its_halves_exchanged(seed):
    thumb = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    own = picture_hash(thumb)
    assert picture_hash(np.ascontiguousarray(thumb[:, ::-1])) == own[8:] + own[:8]


def brute(words, mirrored):
    pairs = set()
    for a, b in combinations(range(len(words)), 2):
        if np.bitwise_count(words[a] ^ words[b]).sum() <= RADIUS:
            pairs.add((a, b, False))
        if mirrored and np.bitwise_count(words[a] ^ words[b][::-1]).sum() <= RADIUS:
            pairs.add((a, b, True))
    return pairs


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), mirrored=st.booleans())
def test_the_search_finds_what_comparing_all_finds(seed, mirrored):
    dice = np.random.default_rng(seed)
    words = dice.integers(0, 2**64, (60, 2), dtype=np.uint64)
    for copy in range(40, 60):  # near-copies of the first ones, some of them mirrored
        flips = np.zeros(2, np.uint64)
        for bit in dice.integers(0, 128, 10).tolist():
            flips[bit // 64] |= np.uint64(1) << np.uint64(bit % 64)
        words[copy] = (words[copy - 40][::-1] if copy % 3 == 0 else words[copy - 40]) ^ flips
    first, second, bits, turned = candidate_pairs(words, mirrored=mirrored, most=99)
    assert set(zip(first.tolist(), second.tolist(), turned.tolist(), strict=True)) == brute(words, mirrored)
    for a, b, count, flipped in zip(first, second, bits, turned, strict=True):
        assert count == np.bitwise_count(words[a] ^ (words[b][::-1] if flipped else words[b])).sum()


def test_blocks_keep_apart_and_fresh_rows_alone_are_asked_for():
    words = np.zeros((6, 2), np.uint64)
    first, second, _, _ = candidate_pairs(words, mirrored=False, most=99, blocks=[0, 0, 0, 1, 1, 1])
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)}
    first, second, _, _ = candidate_pairs(words, mirrored=False, most=99, fresh=5)
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {(row, 5) for row in range(5)}


def test_a_crowd_costs_each_no_more_than_its_share():
    words = np.zeros((5000, 2), np.uint64)
    first, _, _, _ = candidate_pairs(words, mirrored=False, most=3)
    assert 5000 <= len(first) <= 5000 * 6
    pairs = zip(first.tolist(), candidate_pairs(words, mirrored=False, most=3)[1].tolist(), strict=True)
    assert connected_components(pairs) == [list(range(5000))]


@pytest.mark.parametrize("count", [0, 1])
def test_few_hashes(count):
    assert [len(part) for part in candidate_pairs(np.zeros((count, 2), np.uint64))] == [0, 0, 0, 0]


def test_the_hash_is_which_side_of_each_plane_the_grey_cells_lie(picture):
    thumb = thumbnail(picture(0))
    np.testing.assert_array_equal(thumb, thumbnail(np.asarray(picture(0))))
    grey = thumb.astype(int) @ [299, 587, 114]
    cells = grey.reshape(8, 6, 8, 6).sum(axis=(1, 3))
    cells = cells * 64 - cells.sum()
    digests = b"".join(sha256(f"plane {number}".encode()).digest() for number in range(16))
    planes = np.unpackbits(np.frombuffer(digests, np.uint8)).reshape(64, 8, 8).astype(int) * 2 - 1
    sides = [(plane * cells).sum() > 0 for half in (planes, planes[:, :, ::-1]) for plane in half]
    assert picture_hash(thumb) == np.packbits(sides).tobytes()
