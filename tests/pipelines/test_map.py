"""Maps: alike images stand together, the same map comes from the same seed, and later images find their place."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.evaluation.embedding_map import EmbeddingMap
from tellapart.inference.predictor import Predictor


@pytest.fixture(scope="module")
def drawn(shape_run, shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    return tellapart.map(shape_run, shapes, out=folder / "map.html"), folder


def test_a_map_of_a_bundle(drawn, shape_run, shapes):
    result, folder = drawn
    assert result["n"] == 60
    with Image.open(folder / "map.png") as picture:
        assert picture.size == (1520, 1200)
    atlas = EmbeddingMap.open(folder / "map.parquet")
    catalog = open_catalog(shapes)
    assert atlas.files == catalog.column("file")
    assert set(atlas.labels) == {"round", "straight"}  # the groups, where there are any
    # What stands on the map is what the graph says of the picture.
    predictor = Predictor(shape_run)
    pixels = np.stack([predictor.bundle.preprocess.load(data) for _, data in catalog.read([0, 1])])
    assert np.allclose(atlas.reduction(predictor.features(pixels)), atlas.points[:2], atol=1e-4)


def test_the_page_stands_alone(drawn):
    text = (drawn[1] / "map.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "default-src &#x27;none&#x27;" in text
    told = json.loads(re.search(r"const told = (\{.*?\});\n", text, re.DOTALL)[1])
    assert len(told["files"]) == len(told["of"]) == 60
    assert told["names"] == ["round", "straight"]
    assert told["colours"] == ["#d1382c", "#2563a8"]


def test_new_images_are_placed_on_an_old_map(drawn, shape_run, draw_shapes, shape, tmp_path):
    _, folder = drawn
    old = EmbeddingMap.open(folder / "map.parquet")
    later = tmp_path / "later"
    for name in ("bar", "disc"):
        (later / name).mkdir(parents=True)
        for index in range(3):
            Image.fromarray(shape(name, 9000 + index)).save(later / name / f"{index}.png")
    result = tellapart.map(shape_run, later, out=tmp_path / "new.html", on=folder / "map.parquet")
    new = EmbeddingMap.open(tmp_path / "new.parquet")
    assert result["n"] == 6
    assert np.array_equal(new.places[:60], old.places)
    assert new.files[60:] == ["bar/0.png", "bar/1.png", "bar/2.png", "disc/0.png", "disc/1.png", "disc/2.png"]
    assert '"new": [0, 0' in (tmp_path / "new.html").read_text(encoding="utf-8")


def test_what_cannot_be_mapped_is_refused(shape_run, shapes, draw_shapes, drawn, tmp_path):
    few = draw_shapes(tmp_path / "few", each=2, grouped=False)
    page = tmp_path / "map.html"
    with pytest.raises(ConfigError, match="6 images: a map needs at least 8"):
        tellapart.map(shape_run, few, out=page)
    with pytest.raises(ConfigError, match="perplexity 99: give more than 1 and up to a third of the 60 images"):
        tellapart.map(shape_run, shapes, out=page, perplexity=99)
    with pytest.raises(ConfigError, match="timm has no such model"):
        tellapart.map("resnet-18", shapes, out=page)
    with pytest.raises(ConfigError, match="colour 'size': give label, group or split"):
        tellapart.map(shape_run, shapes, out=page, colour="size")
    with pytest.raises(ConfigError, match="not a map; `tellapart map` writes one"):
        tellapart.map(shape_run, shapes, out=page, on=shape_run / "data.parquet")
    with pytest.raises(ConfigError, match="method 'pca': give tsne or umap"):
        tellapart.map(shape_run, shapes, out=page, method="pca")
    old = drawn[1] / "map.parquet"
    with pytest.raises(ConfigError, match="name another --out, or it would be replaced"):
        tellapart.map(shape_run, shapes, out=drawn[1] / "map.html", on=old)
    (tmp_path / "map.parquet").write_bytes(b"the user's own")
    with pytest.raises(ConfigError, match=r"map\.parquet: there already and not a map; name another --out"):
        tellapart.map(shape_run, shapes, out=page)
    (tmp_path / "map.parquet").unlink()
    (tmp_path / "map.png").write_bytes(b"the user's own")
    with pytest.raises(ConfigError, match=r"map\.png: there already and not of a map; name another --out"):
        tellapart.map(shape_run, shapes, out=page)
    assert not page.exists()
    assert (tmp_path / "map.png").read_bytes() == b"the user's own"


def test_a_map_of_another_network_is_refused(drawn, shapes, draw_shapes, tmp_path, shape_options):
    other = tellapart.train(draw_shapes(tmp_path / "data", grouped=False), out=tmp_path / "run", **shape_options)
    with pytest.raises(ConfigError, match="a map of another network"):
        tellapart.map(other["run"], shapes, out=tmp_path / "new.html", on=drawn[1] / "map.parquet")
