"""Waves and a slant move ink and lose none."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from tellapart.synthesis import Scheme, render
from tellapart.synthesis.warp import apply_mesh

BARE = Scheme("bare", width=120, height=48, alphabet="AB3", min_length=3, max_length=3, font_size=(30, 30))


def test_a_warp_loses_no_letter():
    """What is inked lies inside, with paper around it."""
    for index in range(20):
        pixels, text = render(dataclasses.replace(BARE, warp_amplitude=6.0, perspective=0.4, rotation=20.0), 0, index)
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (edge > 200).all(), text
        assert (pixels < 128).any(), text


def test_a_mesh_that_points_at_itself_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    same = apply_mesh(Image.fromarray(pixels), (48, 32), lambda x, y: (x, y))
    assert np.array_equal(np.asarray(same)[:32, :48], pixels)


def test_a_mesh_that_points_elsewhere_moves_the_picture():
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[8:12, 8:12] = 255
    moved = np.asarray(apply_mesh(Image.fromarray(pixels), (48, 32), lambda x, y: (x - 16, y - 8)))
    ys, xs = np.nonzero(moved[..., 0] > 127)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (16, 19, 24, 27)
