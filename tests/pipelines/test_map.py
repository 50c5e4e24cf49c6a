"""Maps: alike images stand together, the same map comes from the same seed, and later images find their place."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.evaluation.embedding_map import EmbeddingMap
from tellapart.evaluation.map_page import MapPoints, Thumbnails, page, sheets
from tellapart.evaluation.projection import project, project_later
from tellapart.inference.predictor import Predictor
from tellapart.metrics.pca import PCA


def clumps(n=40, seed=0):
    """Three clumps in 20 dimensions."""
    dice = np.random.default_rng(seed)
    centres = np.eye(3, 20) * 5
    of = np.repeat(np.arange(3), n)
    return (centres[of] + dice.normal(size=(3 * n, 20)) * 0.4).astype(np.float32), of


def agreement(at, of):
    """How often the nearest other on the map is of the same clump."""
    return KNeighborsClassifier(2).fit(at, of).kneighbors(at, return_distance=False)[:, 1]


@pytest.mark.parametrize("perplexity", [None, 5.0])
def test_clumps_stay_together(perplexity):
    features, of = clumps()
    points = PCA.of(features)(features)
    at = project(points, "tsne", perplexity=perplexity)
    assert at.shape == (120, 2)
    assert (of[agreement(at, of)] == of).mean() > 0.98
    assert np.array_equal(project(points, "tsne", perplexity=perplexity), at)


def test_later_points_find_their_clump():
    features, of = clumps()
    reduction = PCA.of(features)
    points = reduction(features)
    at = project(points, "tsne")
    later, of_later = clumps(10, seed=1)
    found = project_later(reduction(later), points, at)
    assert (KNeighborsClassifier(5).fit(at, of).predict(found) == of_later).all()
    moved = at + np.array([100, -40], np.float32)  # wherever the map stands, they stand on it
    assert np.abs(project_later(reduction(later), points, moved) - found - [100, -40]).max() < 0.1


def test_of_the_very_images_of_a_map_most_stand_where_they_stood():
    dice = np.random.default_rng(0)
    features = np.concatenate([clumps(30)[0], dice.normal(size=(15, 20)).astype(np.float32) - 4])  # one side is heavy
    points = PCA.of(features)(features)
    at = project(points, "tsne")
    apart = np.linalg.norm(project_later(points, points, at) - at, axis=1)
    assert np.median(apart) < 0.1 * np.ptp(at)


def test_thumbnails_stand_where_the_page_looks_for_them():
    cells = [np.full((8, 8, 3), number % 250, np.uint8) for number in range(64 * 64 + 70)]
    first, second = sheets(cells, 8)
    assert first.startswith("data:image/jpeg;base64,")
    assert len(second) < len(first)


# --- the verb ----------------------------------------------------------------------------------------


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


RED, BLUE = (200, 10, 20), (10, 20, 200)


def colours_drawn(tab):
    """How many pixels of the map are red, and blue."""
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return tuple(tab.evaluate("""colours => {
        const canvas = document.getElementById("map");
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return colours.map(colour => {
            let number = 0;
            for (let at = 0; at < data.length; at += 4)
                if (data[at + 3] === 255 && colour.every((value, i) => data[at + i] === value)) number++;
            return number;
        });
    }""", [RED, BLUE]))  # fmt: skip


def test_the_page_in_a_browser_zooms_filters_and_keeps_what_was_ticked(tmp_path, tab):
    n = 900  # so many that dots are drawn, also where some are filtered out
    places = np.random.default_rng(0).random((n, 2)).astype(np.float32)
    labels = ["<b>a</b>" if row % 2 else "b" for row in range(n)]
    parts = ["train" if row < 600 else "test" for row in range(n)]
    points = MapPoints(places, [f"{row}.png" for row in range(n)], labels, parts)
    thumbnails = Thumbnails(sheets(np.zeros((n, 8, 8, 3), np.uint8), 8), 8)
    text = page("A map", points, {"<b>a</b>": "#c80a14", "b": "#0a14c8"}, thumbnails, ["A note."])
    (tmp_path / "map.html").write_text(text, encoding="utf-8")
    (tmp_path / "other.html").write_text("<!doctype html><title>other</title>")
    tab.goto((tmp_path / "map.html").as_uri())
    red, blue = whole = colours_drawn(tab)
    assert min(whole) > 100
    # Zoom, and all of them again.
    tab.get_by_label("closer").click()
    assert colours_drawn(tab) != whole
    tab.get_by_label("farther").click()
    tab.get_by_label("show all").click()
    assert colours_drawn(tab) == whole
    tab.locator("#map").press("n")  # steps to the first image
    assert tab.locator("#about").inner_text().split("\n") == ["b · train", "0.png"]
    # Filters: a part, a class.
    test, first = tab.get_by_label("test", exact=True), tab.locator("input[data-of='0']")
    test.uncheck()
    assert 0 < sum(colours_drawn(tab)) < red + blue
    test.check()
    first.uncheck()
    filtered = colours_drawn(tab)
    assert filtered[0] == 0
    assert filtered[1] >= blue
    # Away and back: the map shows what the boxes say.
    tab.goto((tmp_path / "other.html").as_uri())
    tab.go_back()
    assert not first.is_checked()
    assert colours_drawn(tab)[0] == 0
    # None, and all.
    first.check()
    tab.get_by_text("none / all").click()
    assert not first.is_checked()
    tab.get_by_text("none / all").click()
    assert min(colours_drawn(tab)) > 100
