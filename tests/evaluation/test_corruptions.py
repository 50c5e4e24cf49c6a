"""Worse pictures: each kind does what its name says, the more the higher the severity."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tellapart.evaluation.corruptions import KINDS, SEVERITIES, corrupt

PAPER = {  # Hendrycks & Dietterich (2019), ImageNet-C
    "noise": (0.08, 0.12, 0.18, 0.26, 0.38), "jpeg": (25, 18, 15, 10, 7), "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05), "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
}  # fmt: skip


@pytest.fixture
def picture(draw):
    return draw(7, 300, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_size_another_picture_and_worse_each_time(kind, picture):
    kept = picture.copy()
    apart = []
    for severity in SEVERITIES:
        worse = corrupt(picture, kind, severity, seed=3)
        assert (worse.shape, worse.dtype) == (picture.shape, np.uint8)
        assert np.array_equal(worse, corrupt(picture, kind, severity, seed=3))
        apart.append(float(np.abs(worse.astype(float) - picture).mean()))
    assert np.array_equal(picture, kept)
    assert apart[0] > 0
    assert apart == sorted(apart)


def test_amounts_are_those_of_the_paper():
    assert {kind: KINDS[kind][1] for kind in PAPER} == PAPER
    assert [round(share * 224) for share in KINDS["blur"][1]] == [1, 2, 3, 4, 6]


def test_what_each_kind_does(picture):
    grey = np.full((80, 100, 3), 128, np.uint8)
    assert np.std(corrupt(grey, "noise", 1) / 255) == pytest.approx(0.08, abs=0.003)
    changes = {round(float(corrupt(grey, "brightness", 2, seed).mean() / 255 - 128 / 255), 1) for seed in range(20)}
    assert changes == {-0.2, 0.2}
    flat = corrupt(picture, "contrast", 3)
    assert np.allclose(flat.std(axis=(0, 1)), 0.2 * picture.std(axis=(0, 1)), rtol=0.02)
    assert np.allclose(flat.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=0.1)
    blurred = ndimage.gaussian_filter(picture.astype(float), (4 / 224 * 200, 4 / 224 * 200, 0))
    assert np.abs(corrupt(picture, "blur", 4) - blurred)[5:-5, 5:-5].mean() < 2
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=10)
    assert np.array_equal(corrupt(picture, "jpeg", 4), np.asarray(Image.open(file)))
    cells = corrupt(picture, "pixelate", 5)
    assert len(np.unique(cells.reshape(-1, 3), axis=0)) <= round(300 / 4) * round(200 / 4)


def test_a_rotation_turns_about_the_middle_and_fills_with_the_edge():
    picture = np.full((101, 101, 3), 250, np.uint8)
    picture[45:56, 80:91] = 0  # right of the middle
    places = set()
    for seed in range(20):
        turned = corrupt(picture, "rotation", 5, seed)
        assert turned[0, 0].tolist() == [250, 250, 250]
        y, x = np.argwhere(turned[:, :, 0] < 100).mean(axis=0) - 50
        places.add(round(float(np.degrees(np.arctan2(-y, x)))))
    assert places == {-30, 30}


def test_a_picture_of_one_pixel():
    for kind in KINDS:
        assert corrupt(np.full((1, 1, 3), 9, np.uint8), kind, 5).shape == (1, 1, 3)
