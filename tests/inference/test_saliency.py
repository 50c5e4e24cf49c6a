"""Where it looked: what is said to matter does, more than what is taken away by chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, ImageError


@pytest.fixture(scope="module")
def cornered(tmp_path_factory):
    """Two classes that differ in the upper left corner alone, the rest is noise: a bundle, and images of each."""
    folder = tmp_path_factory.mktemp("cornered")
    dice = np.random.default_rng(0)
    for name, level in (("dark", 0), ("light", 255)):
        (folder / "data" / name).mkdir(parents=True)
        for index in range(40):
            pixels = dice.integers(60, 200, (32, 32, 3), dtype=np.uint8)
            pixels[2:12, 2:12] = level
            Image.fromarray(pixels).save(folder / "data" / name / f"{index:02}.png")
    stages = [{"train": "all", "epochs": 6, "lr": 3e-3}]
    run = tellapart.train(
        folder / "data", out=folder / "run", task="classify", backbone="small", stages=stages, augment="none",
        batch_size=16,
    )  # fmt: skip
    assert run["test"]["accuracy"]["value"] == 1
    return run["bundle"], folder / "data"


def test_the_corner_matters(cornered):
    bundle, data = cornered
    for name in ("dark", "light"):
        found = tellapart.explain(bundle, data / name / "00.png", masks=400)
        assert found["answer"] == name
        saliency = np.array(found["saliency"])
        assert saliency.shape == (32, 32)
        assert saliency[2:12, 2:12].mean() > saliency[16:, 16:].mean() + 0.2
        assert found["convincing"]
        assert found["deletion"] < found["by_chance"]


def test_the_same_seed_sees_the_same(cornered):
    bundle, data = cornered
    one, other = (tellapart.explain(bundle, data / "dark" / "01.png", masks=40, seed=3) for _ in range(2))
    assert one == other


def test_a_reader_looks_at_its_letters(text_bundle, tmp_path, texts):
    files = sorted(texts.glob("*.png"))[:6]
    found = [tellapart.explain(text_bundle, file, masks=300) for file in files]
    assert sum(each["convincing"] for each in found) >= 4
    for file, each in zip(files, found, strict=True):
        assert each["answer"] == tellapart.load(text_bundle).predict(file)[0].answer


def test_the_picture_and_the_command(cornered, tmp_path, capsys):
    bundle, data = cornered
    command = ["explain", str(bundle), str(data / "dark" / "02.png"), "--masks", "50", "--out", str(tmp_path / "x.png")]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "dark"
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.width > picture.height


def test_what_cannot_be_explained_is_refused(text_bundle, tmp_path):
    with pytest.raises(ConfigError, match="masks 3: give at least 10"):
        tellapart.explain(text_bundle, "x.png", masks=3)
    with pytest.raises(ImageError):
        tellapart.explain(text_bundle, tmp_path / "none.png")
