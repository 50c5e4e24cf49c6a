"""What `train --augment robust` buys on pictures that are worse, and costs on those as they are.

    TELLAPART_DATA=DATA python -m benchmarks robust [--set characters|photos] [--seeds 0 1 2]
        [--limit 3000] [--epochs N] [--sample 300]

DATA/characters/glyphs55 holds class folders of single 22 x 22 characters, which a network learns from nothing;
DATA/photos/animals_objects of Caltech-101, which a head in closed form learns (`--effort quick`). Each seed trains
twice on the same images of the same split: with the augmentation that the training chooses itself, and with `robust`.
Printed: the share of right answers on a sample of the test part as it is, the mean over seven kinds of corruption at
five severities (`evaluate --corruptions`), and of each kind; then the means over the seeds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import tellapart
from benchmarks.sets import find_set

SETS = {"characters": ("characters/glyphs55", {}), "photos": ("photos/animals_objects", {"effort": "quick"})}


def measure(data: Path, seed: int, sample: int, options: dict[str, Any]) -> dict[str, float]:
    """Train, and return the shares of right answers by name, and the seconds of training."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        result = tellapart.train(data, out=run, task="classify", seed=seed, **options)
        scores = tellapart.evaluate(
            run, run / "data.parquet", split="test", corruptions=True, corruption_sample=sample
        )["corruptions"]
    kinds = {kind: one["mean"]["value"] for kind, one in scores["kinds"].items()}
    return {
        "clean": scores["clean"]["value"],
        "corrupted": scores["mean"]["value"],
        **kinds,
        "seconds": result["seconds"],
    }


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=sorted(SETS), default="characters")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--sample", type=int, default=300)
    given = parser.parse_args()
    place, options = SETS[given.set]
    data = find_set(place)
    if data is None:
        return {}
    options = {**options, "limit": given.limit, "epochs": given.epochs}
    ways: dict[str, dict[str, Any]] = {"usual": options, "robust": {**options, "augment": "robust"}}
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for seed in given.seeds:
        for way, chosen in ways.items():
            measured[way].append(measure(data, seed, given.sample, chosen))
            shown = ", ".join(f"{name} {value:.3f}" for name, value in measured[way][-1].items())
            print(f"seed {seed}, {way}: {shown}", flush=True)
    figures = {
        way: {name: statistics.mean(each[name] for each in some) for name in some[0]} for way, some in measured.items()
    }
    for name in figures["usual"]:
        one, other = figures["usual"][name], figures["robust"][name]
        print(f"{name:<11} usual {one:.3f}   robust {other:.3f}   {other - one:+.3f}")
    return {"mean": figures, "seeds": measured}


if __name__ == "__main__":
    main()
