"""What a reader reaches with so many labels: the shipped one to begin with, or from nothing.

    TELLAPART_DATA=DATA python -m benchmarks labels [--sets digits4 hollow] [--labels 20 50 200 all] [--seeds 0 1 2]
        [--from-scratch] [--init-from RUN] [--effort best] [--augment text] [--ema 0.99] [--ensemble 3]

Sets: the four real ones in DATA/captcha (folders with labels.csv), by name any of DATA/captcha and DATA/unseen, and
the schemes in benchmarks/reading/hard, of which 1,000 drawn images judge and others teach. A seed makes the split,
chooses the labels and begins the training. Printed: texts of the test part read exactly, the mean over the seeds with
each seed's; the same looked at in several views where unsure (`evaluate --tta`); seconds of training, and the
validation score after each of the first two epochs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tellapart
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.pipelines.strength.attack import attack
from tellapart.training.run_folder import Run

REAL = ("keras1040", "blue6", "digits5", "digits4")
HARD = Path(__file__).parent / "hard"
TESTED = 1000  # drawn images that judge
MOST = 1000  # and that may teach


def catalog(name: str, seed: int, folder: Path) -> Catalog:
    """A set with the split of a seed; a drawn one is drawn anew for each seed."""
    scheme = HARD / f"{name}.yaml"
    if not scheme.is_file():
        return tellapart.split(open_catalog(real()[name], task="read"), seed=seed)
    drawn = folder / f"{name}-{seed}.parquet"
    tellapart.generate(str(scheme), TESTED + MOST, drawn, seed=seed)
    found = open_catalog(drawn, task="read")
    return found.with_column("split", ["test" if row < TESTED else "train" for row in range(len(found))])


def real() -> dict[str, Path]:
    """The folder of each real set that is there."""
    data = Path(os.environ.get("TELLAPART_DATA", "nowhere"))
    return {
        path.parent.name: path.parent for kind in ("captcha", "unseen") for path in data.glob(f"{kind}/*/labels.csv")
    }


def one(name: str, labels: str, seed: int, options: dict[str, Any]) -> tuple[float, float, float, list[float]]:
    """Exact match on the test part, the same read with care, seconds, validation after each of the first two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        found = catalog(name, seed, Path(folder))
        taught = len(found.rows()) - len(found.rows("test"))
        number = taught if labels == "all" else int(labels)
        step = attack(found, number, Path(folder) / "run", seed=seed, **options)
        run = Run.open(Path(folder) / "run")
        once = run.metrics() or {}  # the training's own report
        lines = next(iter(run.histories().values()))
    first = [float(line["val_exact_match"]) for line in lines[:2]]
    return once["exact_match"]["value"], step["exact_match"]["value"], step["seconds"], first


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    hard = tuple(sorted(path.stem for path in HARD.glob("*.yaml")))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=[*REAL, *hard], choices=sorted({*REAL, *real(), *hard}))
    parser.add_argument("--labels", nargs="+", default=["20", "50", "200", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--from-scratch", action="store_true")
    parser.add_argument("--init-from", help="a run, a checkpoint or a bundle to begin with instead")
    parser.add_argument("--effort")
    parser.add_argument("--augment")
    parser.add_argument("--ema", type=float)
    parser.add_argument("--ensemble", type=int)
    given = parser.parse_args()
    options: dict[str, Any] = {"pretrained": False} if given.from_scratch else {}
    asked = ("init_from", "effort", "augment", "ema", "ensemble")
    chosen = {name: getattr(given, name) for name in asked}
    options |= {name: value for name, value in chosen.items() if value is not None}  # --ema 0 says something too
    if not os.environ.get("TELLAPART_DATA"):
        print("TELLAPART_DATA is not set: the real sets are left out")
        given.sets = [name for name in given.sets if name in hard]
    figures: dict[str, Any] = {}
    for labels in given.labels:
        means = []
        for name in given.sets:
            found = [one(name, labels, seed, options) for seed in given.seeds]
            exact, careful, seconds, epochs = zip(*found, strict=True)
            means.append((statistics.mean(exact), statistics.mean(careful)))
            figures[f"{name}, {labels} labels"] = {
                "exact_match": exact,
                "exact_match_tta": careful,
                "seconds": seconds,
                "seeds": given.seeds,
            }
            first = "  ".join(" ".join(f"{value:.2f}" for value in values) for values in epochs)
            print(
                f"{labels:>4} labels  {name:<10} exact {means[-1][0]:.4f} ({listed(exact)})  "
                f"careful {means[-1][1]:.4f} ({listed(careful)})  "
                f"{statistics.mean(seconds):4.0f} s  first epochs {first}",
                flush=True,
            )
        once, again = (statistics.mean(values) for values in zip(*means, strict=True))
        print(f"{labels:>4} labels  mean       exact {once:.4f}  careful {again:.4f}", flush=True)
    return figures


def listed(values: Sequence[float]) -> str:
    """Each seed's."""
    return " ".join(f"{value:.3f}" for value in values)
