"""Measures of a picture: known values, any size, the picture itself left alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tellapart.data.image_statistics import NAMES, image_statistics


def test_a_measure_means_what_it_says():
    checker = np.zeros((64, 64, 3), np.uint8)
    checker[::2, ::2] = checker[1::2, 1::2] = 255
    values = dict(zip(NAMES, image_statistics(Image.fromarray(checker)).tolist(), strict=True))
    assert values["brightness"] == pytest.approx(0.5)
    assert values["contrast"] == pytest.approx(0.5)
    assert values["entropy"] == pytest.approx(1.0)
    assert values["step_0"] == 0.0
    assert values["saturation"] == 0.0
    assert values["background"] == pytest.approx(0.5)
    red = np.zeros((10, 10, 3), np.uint8)
    red[..., 0] = 200
    assert dict(zip(NAMES, image_statistics(Image.fromarray(red)).tolist(), strict=True))[
        "saturation"
    ] == pytest.approx(200 / 255)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2), (2000, 7)])
def test_any_size_is_measured(size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    values = image_statistics(Image.fromarray(noise))
    assert values.shape == (len(NAMES),)
    assert np.isfinite(values).all()


def test_measuring_leaves_a_large_picture_as_it_was():
    image = Image.new("RGB", (600, 300), "red")
    image_statistics(image)
    assert image.size == (600, 300)
