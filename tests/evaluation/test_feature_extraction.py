"""Features come in the order of the rows, of whatever network the caller hands in."""

from __future__ import annotations

import numpy as np

from tellapart.data.opening import open_catalog
from tellapart.evaluation.feature_extraction import FeatureExtractor, extract_features
from tellapart.inference.preprocess import Preprocess


def test_rows_keep_their_order_and_their_features(class_folders):
    catalog = open_catalog(class_folders)
    spec = Preprocess(16, 16, 3)
    extractor = FeatureExtractor("mean colour", None, spec, lambda pixels: pixels.mean(axis=(1, 2)).astype(np.float32))
    rows = catalog.rows()[::-2]
    features = extract_features(extractor, catalog, rows)
    assert features.shape == (len(rows), 3)
    files = catalog.column("file")
    for row, feature in zip(rows, features, strict=True):
        ((_, data),) = catalog.read([row])
        assert np.allclose(feature, spec.load(data, files[row]).mean(axis=(0, 1)), atol=1e-3)
