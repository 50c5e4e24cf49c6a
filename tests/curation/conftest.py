"""A golden folder: drawings of two kinds of things, and one image for each known defect."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

CLASSES = ("disc", "box")


def _drawing(seed, label="disc", width=200, height=150):
    """Clip art: flat colours, sharp edges; what its class is shows in the big figure."""
    dice = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(dice.integers(200, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(7):
        x, y, side = dice.integers(0, width), dice.integers(0, height), int(dice.integers(12, 50))
        pen.line(
            (x, y, x + side, y + int(dice.integers(-30, 30))), fill=tuple(dice.integers(0, 200, 3).tolist()), width=6
        )
    x, y = int(dice.integers(20, width - 110)), int(dice.integers(10, height - 100))
    shape = pen.ellipse if label == "disc" else pen.rectangle
    shape((x, y, x + 90, y + 90), fill=tuple(dice.integers(0, 160, 3).tolist()), outline="black", width=4)
    return image


def _photo(seed, width=200, height=150):
    """What a camera gives: soft light, texture at every scale, and sensor noise."""
    dice = np.random.default_rng([seed, 1])
    picture = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 25, 50):
        coarse = dice.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(layer, dtype=float) / cells**0.5
    picture = picture / picture.max() * 235 + dice.normal(0, 5, picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def drawing():
    return _drawing


@pytest.fixture(scope="session")
def photo():
    return _photo


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    """60 drawings, and beside them one file for each defect; the file's name says which."""
    root = tmp_path_factory.mktemp("golden") / "set"
    for label in CLASSES:
        (root / label).mkdir(parents=True)
        for number in range(30):
            _drawing(number * 2 + (label == "box"), label).save(root / label / f"{number:02}.png")
    first = _drawing(0, "disc")
    (root / "disc" / "broken.png").write_bytes((root / "disc" / "00.png").read_bytes()[:-300])
    (root / "disc" / "empty.png").write_bytes(b"")
    first.save(root / "disc" / "exact.bmp")
    first.rotate(4, Image.Resampling.BICUBIC, fillcolor="white").save(root / "disc" / "turned.png")
    _drawing(2, "disc").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "disc" / "mirrored.png")
    _drawing(4, "disc").save(root / "box" / "conflict.png")
    _drawing(1000, "disc", 1600, 1200).save(root / "disc" / "huge.png")
    _drawing(1001, "disc", 900, 130).resize((900, 45)).save(root / "disc" / "wide.png")
    Image.new("RGB", (200, 150), (4, 4, 4)).save(root / "disc" / "dark.png")
    Image.new("RGB", (200, 150), "white").save(root / "disc" / "blank.png")
    _drawing(1002, "disc").filter(ImageFilter.GaussianBlur(9)).save(root / "disc" / "blurred.png")
    _drawing(1003, "disc").convert("L").save(root / "disc" / "grey.png")
    for number in range(6):
        _photo(number).save(root / "box" / f"photo_{number}.jpg", quality=92)
    return root
