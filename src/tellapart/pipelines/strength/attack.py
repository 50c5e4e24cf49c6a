"""What an attacker reads of a CAPTCHA with so many labels: a reader trained on them, and judged on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tellapart.core.errors import join_some, pluralize
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.evaluation.evaluate import evaluate
from tellapart.inference.base_model import BASE
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.adapt import adapt
from tellapart.pipelines.train import train

VAL = 0.15  # share of the labels that choose instead of teaching
MOST_VAL = 200  # of them at most; all others teach
PICTURES = 1000  # without labels, at most
FEWEST = 8  # labels that can be trained on


def attack(catalog: Catalog, labels: int, out: Path, *, seed: int = 0, **options: Any) -> dict[str, Any]:
    """Train on so many labels of what is not the test part, and judge on the test part, read with care.

    Args:
        catalog: with a split.
        out: the run's folder; what stands there already is not trained again.
        options: of the training.

    Returns:
        ``labels``, ``seconds`` of training, the figures of the test part.
    """
    log(f"an attacker with {labels:,} labels")
    result = train(attack_with_labels(catalog, labels, seed), out=out, task="read", seed=seed, **options)
    report = evaluate(result["bundle"], catalog, split="test", tta=True)  # as one without labels reads
    return {"labels": labels, "seconds": result["seconds"], **report}


def attack_with_labels(catalog: Catalog, labels: int, seed: int) -> Catalog:
    """The catalog with so many labels to learn and choose from, of what is not the test part, which stays."""
    rows = [row for row in catalog.rows() if catalog.column("split")[row] != "test"]
    chosen = np.random.RandomState(seed).permutation(len(rows))[:labels].tolist()
    judged = max(1, min(round(VAL * labels), MOST_VAL))
    part: list[str | None] = ["test" if part == "test" else None for part in catalog.column("split")]
    for place, at in enumerate(chosen):
        part[rows[at]] = "val" if place < judged else "train"
    return catalog.with_column("split", part)


def attack_untrained(catalog: Catalog) -> dict[str, Any] | None:
    """What the shipped reader reads of the test part without a single label, told the alphabet and the lengths.

    Returns:
        As `attack`, with 0 labels; None where texts hold characters that it does not know.
    """
    bundle = Bundle.open(BASE)
    if unknown := bundle.charset.unknown(catalog.labels):
        log(f"without labels: left out, as the shipped reader does not know {join_some(unknown)}")
        return None
    log("an attacker without labels")
    report = evaluate(bundle, catalog, split="test", tta=True, **_told(catalog))
    return {"labels": 0, "seconds": 0.0, **report}


def attack_self_taught(catalog: Catalog, out: Path, *, seed: int = 0, **options: Any) -> dict[str, Any]:
    """What it reads after teaching itself on pictures of what is not the test part, without their labels.

    Anybody can collect pictures of a CAPTCHA; only labels cost.

    Returns:
        As `attack`, with 0 labels and ``pictures``, how many it had.

    Raises:
        CatalogError: there are no such pictures, or it is sure of too few of them to learn.
    """
    chosen = set([row for row in catalog.rows() if catalog.column("split")[row] != "test"][:PICTURES])
    log(f"an attacker with {len(chosen):,} pictures without labels")
    pictures, told = catalog.with_column("keep", [row in chosen for row in range(len(catalog))]), _told(catalog)
    result = adapt(pictures, out=out, seed=seed, **told, **options)
    report = evaluate(result["bundle"], catalog, split="test", tta=True, **told)
    return {"labels": 0, "pictures": len(chosen), "seconds": result["seconds"], **report}


def _told(catalog: Catalog) -> dict[str, Any]:
    """What anybody can see of the texts: their characters, and how long they are."""
    lengths = [len(text) for text in catalog.labels]
    return {
        "alphabet": "".join(sorted(set().union(*catalog.labels))),
        "pattern": f".{{{min(lengths)},{max(lengths)}}}",
    }


def ladder(wanted: Sequence[int], catalog: Catalog) -> tuple[list[int], list[str]]:
    """Those of the wanted numbers of labels that the data has, and all it has, if that is less than the most wanted.

    Returns:
        The numbers; and which others were left out, and why.
    """
    most = len(catalog.rows()) - len(catalog.rows("test"))
    few = [number for number in wanted if 0 < number < FEWEST]
    many = [number for number in wanted if number > most]
    steps = {number for number in wanted if FEWEST <= number <= most}
    left_out = []
    if few:
        left_out.append(f"{_labels(few)}: a reader learns from {FEWEST} or more")
    if many:
        left_out.append(f"{_labels(many)}: {pluralize(most, 'image')} may teach, the others judge")
        if most >= FEWEST:
            steps.add(most)
    return sorted(steps), left_out


def _labels(numbers: Sequence[int]) -> str:
    return f"left out: {' and '.join(f'{number:,}' for number in numbers)} labels"
