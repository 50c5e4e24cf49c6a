"""Pixels are scaled to 0..1, then normalised."""

from __future__ import annotations

import numpy as np
import torch

from tellapart.inference.preprocess import Preprocess
from tellapart.training.models.scale import Scale

SPEC = Preprocess(height=24, width=24, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def test_scaling_is_to_0_and_1_then_by_mean_and_spread():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    expected = ((pixels / 255 - SPEC.mean) / SPEC.std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(Scale(SPEC)(torch.from_numpy(pixels)).numpy(), expected, atol=1e-6)
