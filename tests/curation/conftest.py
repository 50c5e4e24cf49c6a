"""A golden folder: drawings of two kinds of things, and one image for each known defect."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFilter

CLASSES = ("disc", "box")


@pytest.fixture(scope="session")
def golden(tmp_path_factory, drawing, photo):
    """60 drawings, and beside them one file for each defect; the file's name says which."""
    root = tmp_path_factory.mktemp("golden") / "set"
    for label in CLASSES:
        (root / label).mkdir(parents=True)
        for number in range(30):
            drawing(number * 2 + (label == "box"), label).save(root / label / f"{number:02}.png")
    first = drawing(0, "disc")
    (root / "disc" / "broken.png").write_bytes((root / "disc" / "00.png").read_bytes()[:-300])
    (root / "disc" / "empty.png").write_bytes(b"")
    first.save(root / "disc" / "exact.bmp")
    first.rotate(4, Image.Resampling.BICUBIC, fillcolor="white").save(root / "disc" / "turned.png")
    drawing(2, "disc").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "disc" / "mirrored.png")
    drawing(4, "disc").save(root / "box" / "conflict.png")
    drawing(1000, "disc", 1600, 1200).save(root / "disc" / "huge.png")
    drawing(1001, "disc", 900, 130).resize((900, 45)).save(root / "disc" / "wide.png")
    Image.new("RGB", (200, 150), (4, 4, 4)).save(root / "disc" / "dark.png")
    Image.new("RGB", (200, 150), "white").save(root / "disc" / "blank.png")
    drawing(1002, "disc").filter(ImageFilter.GaussianBlur(9)).save(root / "disc" / "blurred.png")
    drawing(1003, "disc").convert("L").save(root / "disc" / "grey.png")
    for number in range(6):
        photo(number).save(root / "box" / f"photo_{number}.jpg", quality=92)
    return root
