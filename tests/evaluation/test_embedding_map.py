"""A map is read again as it was written; another file is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.core.errors import ConfigError
from tellapart.evaluation.embedding_map import EmbeddingMap
from tellapart.metrics.pca import PCA


def test_what_was_written_is_read_again(tmp_path):
    stream = np.random.default_rng(0)
    features = stream.random((12, 6), np.float32)
    reduction = PCA.of(features, 3)
    points = reduction(features)
    made = EmbeddingMap(
        [f"{n}.png" for n in range(12)], ["a", "b"] * 6, points, stream.random((12, 2), np.float32), reduction,
        {"network": "x", "method": "tsne"},
    )  # fmt: skip
    made.write(tmp_path / "map.parquet")
    again = EmbeddingMap.open(tmp_path / "map.parquet")
    assert (again.files, again.labels) == (made.files, made.labels)
    assert np.array_equal(again.points, made.points)
    assert np.array_equal(again.places, made.places)
    assert np.allclose(again.reduction(features), points, atol=1e-6)
    assert again.about["network"] == "x"


def test_another_file_is_refused(tmp_path):
    (tmp_path / "map.parquet").write_bytes(b"no map")
    with pytest.raises(ConfigError, match=r"map\.parquet"):
        EmbeddingMap.open(tmp_path / "map.parquet")
