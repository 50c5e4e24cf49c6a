"""How the search for near-copies grows: hashes with planted groups, 10,000 to 1,000,000. Prints times and an exponent.

    python -m benchmarks near [--largest 1000000]

Half of the hashes stand alone; a fifth are in pairs, the rest in groups of three, of which each member differs from
the first in up to 12 of 128 bits. Recall is of the planted pairs that end in one group.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.data.duplicates.hashing import candidate_pairs, connected_components

BITS = 12  # that a member differs in, at most


def planted(n: int, seed: int = 0) -> tuple[npt.NDArray[np.uint64], list[list[int]]]:
    """Hashes ``uint64`` n, 2, and the rows of each planted group."""
    dice = np.random.default_rng(seed)
    words = dice.integers(0, 2**64, (n, 2), dtype=np.uint64)
    order = dice.permutation(n)
    pairs, triples = n // 10, n // 10
    groups = [order[start : start + 2].tolist() for start in range(0, 2 * pairs, 2)]
    groups += [order[start : start + 3].tolist() for start in range(2 * pairs, 2 * pairs + 3 * triples, 3)]
    first = np.array([group[0] for group in groups for _ in group[1:]])
    others = np.array([row for group in groups for row in group[1:]])
    words[others] = words[first]
    for _ in range(BITS):
        bit = dice.integers(0, 128, len(others))
        words[others, bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return words, groups


def measure(n: int) -> dict[str, float]:
    """Print one line; the seconds and the recall."""
    words, groups = planted(n)
    began = time.perf_counter()
    one, other, _, _ = candidate_pairs(words, mirrored=False)
    found = connected_components(zip(one.tolist(), other.tolist(), strict=True))
    seconds = time.perf_counter() - began
    home: dict[int, int] = {row: number for number, group in enumerate(found) for row in group}
    wanted = [(group[0], row) for group in groups for row in group[1:]]
    together: list[Any] = [home.get(a, -1) == home.get(b, -2) for a, b in wanted]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{n:>9,} hashes  {seconds:7.2f} s  recall {np.mean(together):.4f}  "
        f"{len(found):,} groups of {len(groups):,} planted  peak {peak:.2f} GB",
        flush=True,
    )
    return {"hashes": n, "seconds": seconds, "recall": float(np.mean(together)), "peak_gb": peak}


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000)
    largest = parser.parse_args().largest
    candidate_pairs(planted(1000)[0], mirrored=False)  # warm
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= largest]
    rows = [measure(size) for size in sizes]
    figures: dict[str, Any] = {"sizes": rows}
    if len(sizes) > 1:
        exponent = math.log(rows[-1]["seconds"] / rows[0]["seconds"]) / math.log(sizes[-1] / sizes[0])
        print(f"growth exponent from {sizes[0]:,} to {sizes[-1]:,}: {exponent:.2f}")
        figures["exponent"] = exponent
    return figures
