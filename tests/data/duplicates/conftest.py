"""What the tests of near-copies share: drawings."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw


@pytest.fixture(scope="module")
def picture():
    """A drawing with light, dark and colour, different for each seed."""

    def make(seed, width=200, height=150):
        dice = np.random.default_rng(seed)
        image = Image.new("RGB", (width, height), tuple(dice.integers(150, 256, 3).tolist()))
        pen = ImageDraw.Draw(image)
        for _ in range(14):
            x, y = dice.integers(0, width), dice.integers(0, height)
            w, h = dice.integers(10, width // 2), dice.integers(10, height // 2)
            shape = pen.ellipse if dice.random() < 0.5 else pen.rectangle
            shape((x, y, x + w, y + h), fill=tuple(dice.integers(0, 256, 3).tolist()))
        return image

    return make
