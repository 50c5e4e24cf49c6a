"""What an attacker reads of a CAPTCHA with so many labels: a reader trained on them, and judged on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tellapart.catalog import Catalog
from tellapart.progress import say
from tellapart.train import train

VAL = 0.15  # share of the labels that choose instead of teaching
FEWEST = 8  # labels that can be trained on


def attack(catalog: Catalog, labels: int, out: Path, *, seed: int = 0, **options: Any) -> dict[str, Any]:
    """Train on so many labels of what is not the test part, and judge on the test part.

    Args:
        catalog: with a split.
        out: the run's folder; what stands there already is not trained again.
        options: of the training.

    Returns:
        ``labels``, ``seconds`` of training, the figures of the test part.
    """
    rows = [row for row in catalog.rows() if catalog.column("split")[row] != "test"]
    chosen = np.random.RandomState(seed).permutation(len(rows))[:labels].tolist()
    judged = max(1, round(VAL * labels))
    part: list[str | None] = ["test" if part == "test" else None for part in catalog.column("split")]
    for place, at in enumerate(chosen):
        part[rows[at]] = "val" if place < judged else "train"
    say(f"an attacker with {labels:,} labels")
    result = train(catalog.with_column("split", part), out=out, task="read", seed=seed, **options)
    return {"labels": labels, "seconds": result["seconds"], **result["test"]}


def ladder(wanted: Sequence[int], catalog: Catalog) -> list[int]:
    """Those of the wanted numbers of labels that the data has, and all it has, if that is less than the most wanted."""
    most = len(catalog.rows()) - len(catalog.rows("test"))
    steps = {number for number in wanted if FEWEST <= number <= most}
    if most < max(wanted) and most >= FEWEST:
        steps.add(most)
    return sorted(steps)
