"""Shares as bars: as long as the share, and notes below."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tellapart.viz.importance_bars import LEFT, LONGEST, draw_importance_bars
from tellapart.viz.palette import BLUE


def test_the_picture_tells_many_from_few(tmp_path):
    draw_importance_bars(tmp_path / "few.png", "What mattered", [], ["too few"])
    draw_importance_bars(
        tmp_path / "many.png", "What mattered", [("lr", 0.7, "best 0.01"), ("dropout", 0.3, "")], ["a note " * 40]
    )
    with Image.open(tmp_path / "few.png") as few, Image.open(tmp_path / "many.png") as many:
        assert few.width == many.width
        assert few.height < many.height


def test_a_bar_is_as_long_as_its_share(tmp_path):
    draw_importance_bars(tmp_path / "bars.png", "What mattered", [("lr", 0.5, ""), ("dropout", 0.25, "")], [])
    with Image.open(tmp_path / "bars.png") as image:
        blue = (np.asarray(image.convert("RGB")) == BLUE).all(axis=2)
    lengths = sorted({int(row.sum()) for row in blue} - {0})
    assert lengths == [LONGEST // 4 + 1, LONGEST // 2 + 1]
    assert blue.any(axis=0).argmax() == LEFT
