"""What an attacker reads of a CAPTCHA with so many labels: a reader trained on them, and judged on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from tellapart.core.errors import join_some, pluralize
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.evaluation.evaluate import evaluate
from tellapart.inference.base_model import BASE
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.adapt import adapt
from tellapart.pipelines.train import train
from tellapart.training.options import ReaderOptions

VAL = 0.15  # share of the labels that choose instead of teaching
MOST_VAL = 200  # of them at most; all others teach
PICTURES = 1000  # without labels, at most
MIN_LABELS = 8  # that can be trained on


class TextKnowledge(TypedDict):
    """What an attacker can see of the texts without reading one: their characters, and how long they are."""

    alphabet: str
    pattern: str


def attack(
    catalog: Catalog, labels: int, out: Path, *, seed: int = 0, **options: Unpack[ReaderOptions]
) -> dict[str, Any]:
    """Train on so many labels outside of the test part, and judge on the test part, with test-time augmentation.

    Args:
        catalog: with a split.
        labels: how many there are to train and to choose on.
        out: the run's folder; a training that is finished there is used again.
        seed: chooses the labels, and that of the training.
        options: of the training.

    Returns:
        ``labels``, ``seconds`` of training, the figures of the test part.
    """
    log(f"an attacker with {labels:,} labels")
    result = train(attack_with_labels(catalog, labels, seed), out=out, task="read", seed=seed, **options)
    report = evaluate(result["bundle"], catalog, split="test", tta=True)  # as one without labels reads
    return {"labels": labels, "seconds": result["seconds"], **report}


def attack_with_labels(catalog: Catalog, labels: int, seed: int) -> Catalog:
    """The catalog with so many labels to train and choose on, drawn by seed outside of the test part, which stays."""
    rows = [row for row in catalog.rows() if catalog.column("split")[row] != "test"]
    chosen = np.random.RandomState(seed).permutation(len(rows))[:labels].tolist()
    n_val = max(1, min(round(VAL * labels), MOST_VAL))
    part: list[str | None] = ["test" if part == "test" else None for part in catalog.column("split")]
    for position, index in enumerate(chosen):
        part[rows[index]] = "val" if position < n_val else "train"
    return catalog.with_column("split", part)


def attack_untrained(catalog: Catalog) -> dict[str, Any] | None:
    """What the shipped reader reads of the test part without a label; it knows the alphabet and the lengths.

    Returns:
        As `attack`, with 0 labels; None where texts hold characters that it does not know.
    """
    bundle = Bundle.open(BASE)
    if unknown := bundle.charset.unknown(catalog.labels):
        log(f"without labels: left out, as the shipped reader does not know {join_some(unknown)}")
        return None
    log("an attacker without labels")
    report = evaluate(bundle, catalog, split="test", tta=True, **text_knowledge(catalog))
    return {"labels": 0, "seconds": 0.0, **report}


def attack_self_taught(
    catalog: Catalog, out: Path, *, seed: int = 0, **options: Unpack[ReaderOptions]
) -> dict[str, Any]:
    """What the shipped reader reads after teaching itself on pictures outside of the test part, without their labels.

    Anybody can collect pictures of a CAPTCHA; only labels cost.

    Args:
        catalog: with a split.
        out: a folder for the runs.
        seed: of the trainings.
        options: of the trainings.

    Returns:
        As `attack`, with 0 labels and ``pictures``, how many it had.

    Raises:
        CatalogError: there are no such pictures, or the reader is sure of too few of them to learn.
    """
    chosen = set([row for row in catalog.rows() if catalog.column("split")[row] != "test"][:PICTURES])
    log(f"an attacker with {len(chosen):,} pictures without labels")
    pictures = catalog.with_column("keep", [row in chosen for row in range(len(catalog))])
    knowledge = text_knowledge(catalog)
    result = adapt(pictures, out=out, seed=seed, **knowledge, **options)
    report = evaluate(result["bundle"], catalog, split="test", tta=True, **knowledge)
    return {"labels": 0, "pictures": len(chosen), "seconds": result["seconds"], **report}


def text_knowledge(catalog: Catalog) -> TextKnowledge:
    """What an attacker without labels is told of the texts."""
    lengths = [len(text) for text in catalog.labels]
    return {
        "alphabet": "".join(sorted(set().union(*catalog.labels))),
        "pattern": f".{{{min(lengths)},{max(lengths)}}}",
    }


def ladder(wanted: Sequence[int], catalog: Catalog) -> tuple[list[int], list[str]]:
    """The numbers of labels to attack with.

    Args:
        wanted: numbers of labels; 0 is ignored.
        catalog: with a split; its test part is no source of labels.

    Returns:
        Those of the wanted numbers that the data has, sorted, and as the last one all that it has if more are wanted;
        and a sentence about the numbers that are left out for being too few, and one for too many.
    """
    most = len(catalog.rows()) - len(catalog.rows("test"))
    few = [number for number in wanted if 0 < number < MIN_LABELS]
    many = [number for number in wanted if number > most]
    steps = {number for number in wanted if MIN_LABELS <= number <= most}
    left_out = []
    if few:
        left_out.append(f"{_labels(few)}: a reader learns from {MIN_LABELS} or more")
    if many:
        left_out.append(f"{_labels(many)}: {pluralize(most, 'image')} may teach, the others judge")
        if most >= MIN_LABELS:
            steps.add(most)
    return sorted(steps), left_out


def _labels(numbers: Sequence[int]) -> str:
    return f"left out: {' and '.join(f'{number:,}' for number in numbers)} labels"
