"""What a reader reaches without a single label, by teaching itself on pictures (`tellapart adapt`).

    TELLAPART_DATA=DATA python -m benchmarks unlabelled [--sets digits4 classic] [--pictures 1000] [--seeds 0 1 2]
        [--rounds 3] [--drawn FOREIGN --taught-by OTHERS]

Sets: the four real ones in DATA/captcha, of which the test part judges and the others are the pictures without labels;
the scheme classic, drawn; and, with --drawn, each of FOREIGN's folders (`python -m benchmarks foreign`), judged whole,
the pictures from the folder of that name in OTHERS, drawn with another seed. Nothing is told of the texts. Printed:
texts read exactly with case ignored, at one look and (in brackets) looked at again where unsure, by the shipped reader
and by what it taught itself; of how many pictures it was sure, round after round, and what share of those it read
right; seconds. Where it is sure of too few it stays as it is, and that is said.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tellapart
from tellapart.core.errors import CatalogError
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.metrics.text import reading_scores
from tellapart.training.run_folder import Run

REAL = ("keras1040", "blue6", "digits5", "digits4")
TESTED = 1000  # drawn images that judge


def sets(
    names: list[str], seed: int, most: int, drawn: Path | None, others: Path | None
) -> Iterator[tuple[str, Catalog, Catalog]]:
    """Name, what judges (its test part), and the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in REAL:
                data = Path(os.environ.get("TELLAPART_DATA", "nowhere")) / "captcha" / name
                found = tellapart.split(open_catalog(data, task="read"), seed=seed)
            else:
                shard = Path(folder) / f"{name}.parquet"
                tellapart.generate(name, TESTED + most, shard, seed=seed)
                found = open_catalog(shard, task="read")
                found = found.with_column("split", ["test" if row < TESTED else None for row in range(len(found))])
            yield name, found, pictures(found, most)
    if drawn is not None and others is not None:
        for each in sorted(drawn.iterdir()):
            judged = open_catalog(each, task="read")
            judged = judged.with_column("split", ["test"] * len(judged))
            yield each.name, judged, pictures(open_catalog(others / each.name, task="read"), most)


def pictures(found: Catalog, most: int) -> Catalog:
    """At most so many of those that do not judge."""
    chosen = set([row for row in found.rows() if found.column("split")[row] != "test"][:most])
    return found.with_column("keep", [row in chosen for row in range(len(found))])


def own(folder: str, unlabelled: Catalog) -> str:
    """How many labels of its own each round had, and the share of those that are right."""
    rounds = []
    for path in sorted(Path(folder).glob("round-*")):
        learnt = Run.open(path).catalog()
        truth, found = ([each.column("label")[row] for row in learnt.rows()] for each in (unlabelled, learnt))
        share = reading_scores(truth, found)["exact_match_folded"]["value"]
        rounds.append(f"{len(found)} ({share:.3f})")
    return ", ".join(rounds)


def read(model: str | Path, judged: Catalog) -> tuple[float, float]:
    """The share of texts read, once and with care."""
    once, careful = (tellapart.evaluate(model, judged, split="test", tta=care) for care in (False, True))
    return once["exact_match_folded"]["value"], careful["exact_match_folded"]["value"]


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=[*REAL, "classic"], choices=[*REAL, "classic"])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drawn", type=Path, help="folders of generators of others")
    parser.add_argument("--taught-by", type=Path, help="the same, drawn with another seed")
    parser.add_argument("--model", default="base", help="the reader to begin with")
    given = parser.parse_args()
    found: dict[str, list[tuple[float, ...]]] = {}
    for seed in given.seeds:
        for name, judged, unlabelled in sets(given.sets, seed, given.pictures, given.drawn, given.taught_by):
            before = read(given.model, judged)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    taught = tellapart.adapt(unlabelled, out=folder, model=given.model, rounds=given.rounds, seed=seed)
                    after, seconds = read(taught["bundle"], judged), taught["seconds"]
                except CatalogError as error:
                    print(error)
                    after, seconds = before, 0.0
                sure = own(folder, unlabelled)
            found.setdefault(name, []).append((*before, *after))
            print(
                f"{name:<22} seed {seed}  {before[0]:.3f} ({before[1]:.3f}) -> {after[0]:.3f} ({after[1]:.3f})  "
                f"sure of {sure or 'too few'} of {len(unlabelled.rows())}  {seconds:.0f} s",
                flush=True,
            )
    for name, rows in found.items():
        a, b, c, d = map(statistics.mean, zip(*rows, strict=True))
        print(f"{name:<22} mean    {a:.3f} ({b:.3f}) -> {c:.3f} ({d:.3f})")
    for title, some in (("real", REAL), ("generators of others", set(found) - {*REAL, "classic"})):
        if rows := [row for name in some for row in found.get(name, [])]:
            a, b, c, d = map(statistics.mean, zip(*rows, strict=True))
            print(f"{title:<22} mean    {a:.3f} ({b:.3f}) -> {c:.3f} ({d:.3f})")
    names = ("before", "before_tta", "after", "after_tta")
    return {name: [dict(zip(names, row, strict=True)) for row in rows] for name, rows in found.items()}
