"""What several test files of this room share."""

from __future__ import annotations

import zlib

import pytest
from PIL import Image

from tellapart.data.opening import open_catalog


@pytest.fixture
def pictures(tmp_path, draw, encode):
    """A function that makes a catalog of eight pictures of a size, all of them in train."""

    def make(width, height, *, grey=False, task="classify", kind="PNG", **options):
        folder = tmp_path / f"{width} {height} {grey} {kind}"
        folder.mkdir(exist_ok=True)
        for n in range(8):
            image = Image.fromarray(draw(zlib.crc32(b"%d" % n), width, height))
            data = encode(image.convert("L").convert("RGB") if grey else image, kind, **options)
            (folder / f"x_{n}.{kind.lower()}").write_bytes(data)
        opened = open_catalog(folder, task=task, label_from="prefix")
        return opened.with_column("split", ["train"] * 6 + ["val", "test"])

    return make
