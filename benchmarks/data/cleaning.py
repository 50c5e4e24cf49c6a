"""What cleaning and balancing bring to a network that learns from nothing: one test part, three training parts.

    TELLAPART_DATA=DATA python -m benchmarks cleaning [--seeds 0 1 2]

DATA/illustrations/messy20 holds class folders of clip art with copies and photos mixed in on purpose. It is prepared
by the recipe illustrations; then the recipe trains on what there was (all that cleaning put aside is given back, but
for copies of validation and test drawings), on what cleaning kept, and on that with small classes shown more often.
Each learns from as many shown pictures: what shows fewer an epoch has more epochs. Macro-F1 and accuracy on the same
cleaned test part.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.sets import find_set
from benchmarks.training.scratch import Scores, drawings, ours
from tellapart.curation.findings import Findings
from tellapart.data.catalog import Catalog
from tellapart.training.config import make_config


def uncleaned(catalog: Catalog, findings: Findings) -> Catalog:
    """With what cleaning put aside in the train part again, unless it copies a picture of another part."""
    part, keep, why = (list(catalog.column(name)) for name in ("split", "keep", "why"))
    copies = [*findings.checks["exact_duplicates"].groups, *findings.checks["near_duplicates"].groups]
    judged = {row for group in copies if any(part[row] in ("val", "test") for row in group) for row in group}
    readable = catalog.column("pixels")
    for row, kept in enumerate(keep):
        if not kept and readable[row] is not None and row not in judged:
            part[row], keep[row], why[row] = "train", True, None
    return catalog.with_column("split", part).with_column("keep", keep).with_column("why", why)


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    data = find_set("illustrations/messy20")
    if data is None:
        return {}
    seen: dict[str, list[Scores]] = {"as it was": [], "cleaned": [], "cleaned and balanced": []}
    options: dict[str, Any] = {"recipe": "illustrations"}
    planned = sum(stage.epochs for stage in make_config(**options).stages or [])  # for the balanced training part
    with tempfile.TemporaryDirectory() as folder:  # a prepared catalog names its images from where it lies
        for seed in given.seeds:
            balanced = drawings(data, Path(folder) / str(seed), seed)
            cleaned = balanced.with_column("times", [None] * len(balanced))
            raw = uncleaned(cleaned, Findings.read(Path(folder) / str(seed) / "audit"))
            shown = len(balanced.training_rows())
            for name, catalog in zip(seen, (raw, cleaned, balanced), strict=True):
                epochs = round(planned * shown / len(catalog.training_rows()))
                seen[name].append(ours(catalog, seed, epochs=epochs, patience=epochs, **options))
                size, f1 = len(catalog.rows("train")), seen[name][-1][2]
                print(f"seed {seed}, {name}: {size} training images, {epochs} epochs, macro-F1 {f1:.3f}", flush=True)
    figures: dict[str, Any] = {}
    for name, scores in seen.items():
        seconds, accuracy, f1 = (statistics.mean(column) for column in zip(*scores, strict=True))
        print(f"{name:<21} macro-F1 {f1:.4f}, accuracy {accuracy:.4f}, {seconds:.0f} s")
        figures[name] = {"macro_f1": f1, "accuracy": accuracy, "seconds": seconds, "seeds": given.seeds}
    return figures
