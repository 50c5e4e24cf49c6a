"""A map is read again as it was written; another file is refused in words."""

from __future__ import annotations

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import ConfigError
from tellapart.evaluation.embedding_map import EmbeddingMap
from tellapart.metrics.pca import PCA

FEATURES = np.random.default_rng(0).random((12, 6), np.float32)


@pytest.fixture
def made(tmp_path):
    """A map of twelve images, written."""
    reduction = PCA.of(FEATURES, 3)
    made = EmbeddingMap(
        [f"{n}.png" for n in range(12)], ["a", "b"] * 6, reduction(FEATURES),
        np.random.default_rng(1).random((12, 2), np.float32), reduction, {"network": "x", "method": "tsne"},
    )  # fmt: skip
    made.write(tmp_path / "map.parquet")
    return made


def test_what_was_written_is_read_again(made, tmp_path):
    again = EmbeddingMap.open(tmp_path / "map.parquet")
    assert (again.files, again.labels) == (made.files, made.labels)
    assert np.array_equal(again.points, made.points)
    assert np.array_equal(again.places, made.places)
    assert np.allclose(again.reduction(FEATURES), made.points, atol=1e-6)
    assert again.about["network"] == "x"


def test_another_file_is_refused(tmp_path):
    (tmp_path / "map.parquet").write_bytes(b"no map")
    with pytest.raises(ConfigError, match=r"map\.parquet"):
        EmbeddingMap.open(tmp_path / "map.parquet")


WRONG = {
    "no object": lambda about: [1],
    "no format": lambda about: {},
    "another format": lambda about: about | {"format": 2},
    "no reduction": lambda about: about | {"reduction": None},
    "a reduction that is no numbers": lambda about: about | {"reduction": about["reduction"] | {"mean": "!"}},
    "a reduction of another shape": lambda about: about | {"reduction": about["reduction"] | {"shape": [9, 9]}},
    "a reduction of other features": lambda about: about | {"reduction": about["reduction"] | {"shape": [3, 6]}},
    "no network": lambda about: {name: value for name, value in about.items() if name != "network"},
    "a network that is none": lambda about: about | {"network": 5},
    "no method": lambda about: about | {"method": None},
    "a perplexity that is none": lambda about: about | {"perplexity": "many"},
}


@pytest.mark.parametrize("how", WRONG)
def test_metadata_of_anybody_is_checked(made, tmp_path, how):
    path = tmp_path / "map.parquet"
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"tellapart map"])
    pq.write_table(table.replace_schema_metadata({b"tellapart map": json.dumps(WRONG[how](about))}), path)
    with pytest.raises(ConfigError, match=r"map\.parquet: (not a map|a map of format|a damaged map \()"):
        EmbeddingMap.open(path)


@pytest.mark.parametrize("name", ["file", "label", "x", "y", "point"])
def test_columns_of_anybody_are_checked(made, tmp_path, name):
    path = tmp_path / "map.parquet"
    table = pq.read_table(path)
    for changed in (table.drop_columns(name), table.set_column(table.column_names.index(name), name, pa.nulls(12))):
        pq.write_table(changed, path)
        with pytest.raises(ConfigError, match=r"map\.parquet: a damaged map \("):
            EmbeddingMap.open(path)


def test_a_damaged_file_is_read_or_refused(made, tmp_path):
    path = tmp_path / "map.parquet"
    whole = path.read_bytes()
    refused = 0
    for seed in range(100):
        dice = random.Random(seed)
        data = bytearray(whole)
        for _ in range(dice.choice([1, 5, 50])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(bytes(data))
        try:
            EmbeddingMap.open(path)
        except ConfigError:
            refused += 1
    assert refused > 50
