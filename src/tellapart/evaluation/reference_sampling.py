"""Which images a bundle keeps as the reference of drift: a sample of those that did not teach the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tellapart.data.catalog import Catalog
from tellapart.evaluation.drift import FEWEST
from tellapart.evaluation.drift_reference import REFERENCE_SIZE, Reference, sample_images
from tellapart.inference.predictor import Predictor


def write_reference(predictor: Predictor, catalog: Catalog, rows: Sequence[int], path: Path) -> None:
    """Write what drift is told from; nothing where there are too few images.

    Args:
        predictor: the model.
        catalog: the data, split.
        rows: of images kept from learning, those of the test part first; only these are taken where they are enough.
        path: the file.
    """
    if len(rows) < FEWEST:
        return
    test = len(catalog.rows("test"))
    pool = rows[:test] if test >= REFERENCE_SIZE else rows
    chosen = np.random.default_rng(0).permutation(len(pool))[:REFERENCE_SIZE]
    files = catalog.column("file")
    images = ((files[row], data) for row, data in catalog.read(sorted(pool[at] for at in chosen)))
    Reference.of(sample_images(predictor, images)).write(path)
