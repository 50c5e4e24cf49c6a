"""A reader's answers as a picture: each answer is shown."""

from __future__ import annotations

import pytest
from PIL import Image

from tellapart.evaluation.reading_samples import Sample, draw_samples
from tellapart.metrics.error_analysis import misreadings


@pytest.fixture
def shade():
    import numpy as np

    return lambda height, width: np.full((height, width, 3), (120, 130, 140), np.uint8)


def test_the_sheet_shows_each_answer(tmp_path, shade):
    samples = [Sample(shade(40, 120), "ab", [("a", 0.9), ("c", 0.2)]), Sample(shade(10, 900), "ab", [])]
    draw_samples(tmp_path / "sheet.png", "two", samples, misreadings(["ab", "ab"], ["ac", ""]))
    with Image.open(tmp_path / "sheet.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert (120, 130, 140) in colours  # the pictures themselves
    assert any(red > 150 > green + 60 for red, green, _ in colours)  # what is unsure, or wrong
    assert any(green > 100 > red for red, green, _ in colours)  # what is sure
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
