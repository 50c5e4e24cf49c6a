"""The reference of drift is written where there are images enough that taught nothing."""

from __future__ import annotations

from tellapart.data.catalog_file import read_catalog
from tellapart.evaluation.drift import FEWEST
from tellapart.evaluation.drift_reference import Reference
from tellapart.evaluation.reference_sampling import write_reference
from tellapart.inference.predictor import Predictor


def test_it_needs_some_images(shape_run, tmp_path):
    predictor, catalog = Predictor(shape_run), read_catalog(shape_run / "data.parquet")
    write_reference(predictor, catalog, catalog.rows()[: FEWEST - 1], tmp_path / "few.parquet")
    assert not (tmp_path / "few.parquet").exists()
    write_reference(predictor, catalog, catalog.rows()[:FEWEST], tmp_path / "enough.parquet")
    assert len(Reference.open(tmp_path / "enough.parquet").sample) == FEWEST
