"""Scaling of pixels to what a network eats; part of the exported graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tellapart.inference.preprocess import Preprocess


class Scale(nn.Module):
    """uint8 N, H, W, C → normalised float N, C, H, W. Part of the exported graph.

    Args:
        spec: its ``mean`` and ``std`` of each channel are for pixels in 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: Preprocess) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1))

    def normalise(self, x: Tensor) -> Tensor:
        """Float N, C, H, W in 0..1 → normalised."""
        result: Tensor = (x - self.mean) / self.std
        return result

    @staticmethod
    def unit(pixels: Tensor) -> Tensor:
        """uint8 N, H, W, C → float N, C, H, W in 0..1, channels last in memory as it came."""
        return pixels.permute(0, 3, 1, 2).float() / 255

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 N, H, W, C → N, C, H, W."""
        return self.normalise(self.unit(pixels))
