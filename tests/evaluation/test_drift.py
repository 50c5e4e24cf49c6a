"""Drift: the tests against references, no alarm without a change, an alarm for each kind of change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.drift_reference import sample_images
from tellapart.inference.predictor import Predictor


@pytest.fixture(scope="module")
def bundle(draw_shapes, shape_options, tmp_path_factory):
    """A bundle with a reference of some size."""
    folder = tmp_path_factory.mktemp("drift")
    data = draw_shapes(folder / "data", each=120, grouped=False)
    return tellapart.train(data, out=folder / "run", **shape_options)["bundle"]


def window(folder, shape, change=lambda image: image, classes=("bar", "disc", "ring"), n=60):
    folder.mkdir(parents=True)
    for number in range(n):
        image = Image.fromarray(shape(classes[number % len(classes)], 50_000 + number))
        change(image).save(folder / f"{number:02}.png")
    return folder


def test_no_change_no_alarm(bundle, shape, tmp_path):
    found = tellapart.drift(bundle, window(tmp_path / "window", shape))
    assert not found["drift"], found["checks"]
    assert found["n"] == 60
    assert found["n_reference"] == 108


@pytest.mark.parametrize(
    ("name", "change", "classes", "seen_by"),
    [
        ("blur", lambda image: image.filter(ImageFilter.GaussianBlur(1.5)), ("bar", "disc", "ring"), "sharpness"),
        ("darker", lambda image: image.point(lambda value: value * 0.6), ("bar", "disc", "ring"), "light"),
        ("one class", lambda image: image, ("bar",), "answers"),
        ("grey", lambda image: image.convert("L"), ("bar", "disc", "ring"), "colour"),
    ],
)
def test_a_change_is_seen(bundle, shape, tmp_path, name, change, classes, seen_by):
    found = tellapart.drift(bundle, window(tmp_path / "window", shape, change, classes), report=tmp_path / "page.html")
    assert found["drift"]
    assert {check["check"]: check["found"] for check in found["checks"]}[seen_by], found["checks"]
    assert "Something has changed" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_images_like_none_before_are_seen(bundle, shape, tmp_path):
    folder = window(tmp_path / "window", shape)
    dice = np.random.default_rng(3)
    for number in range(0, 60, 3):  # noise among discs, rings and bars
        Image.fromarray(dice.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(folder / f"{number:02}.png")
    found = {check["check"]: check for check in tellapart.drift(bundle, folder)["checks"]}["strangers"]
    assert found["found"], found
    assert found["distance"] > 0.3


def test_a_table_is_a_window_too(bundle, draw_shapes, tmp_path):
    data = draw_shapes(tmp_path / "data", each=20, grouped=False)
    assert tellapart.drift(bundle, tellapart.catalog(data, out=tmp_path / "catalog.parquet").source)["n"] == 60


def test_a_reader_drifts_by_what_it_reads(text_run, texts, copied, tmp_path):
    run = copied(text_run)
    predictor = Predictor(run / "bundle")
    assert not (predictor.bundle.path / REFERENCE).is_file()  # 18 unseen images are too few
    sample = sample_images(predictor, ((file.name, file) for file in sorted(texts.glob("*.png"))))
    assert sample.answers.count("3") > 40
    with pytest.raises(BundleError, match="it keeps no reference"):
        tellapart.drift(run, texts)


def test_what_is_no_window_is_refused(bundle, shape, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no image in this folder"):
        tellapart.drift(bundle, tmp_path / "empty")
    with pytest.raises(ConfigError, match="5 images; a window needs at least 20"):
        tellapart.drift(bundle, window(tmp_path / "few", shape, n=5))
    with pytest.raises(ConfigError, match="alpha 2: give a share"):
        tellapart.drift(bundle, tmp_path, alpha=2)
