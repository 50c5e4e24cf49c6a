"""A small residual network of our own, for training without any pretrained weights."""

from __future__ import annotations

import math
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

WELL_SEEN = 48  # px


class ConvBlock(nn.Sequential):
    """3 x 3 convolution, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int, *, stride: int | tuple[int, int] = 1, act: bool = True) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            *([nn.ReLU(inplace=True)] if act else []),
        )


class Residual(nn.Module):
    """Two convolutions beside the identity (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = ConvBlock(channels, channels, act=False)
        # Starts as the identity, which trains faster at high rates (Goyal et al. 2017).
        nn.init.zeros_(cast(nn.BatchNorm2d, last[1]).weight)
        self.body = nn.Sequential(ConvBlock(channels, channels), last)

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        return F.relu(x + self.body(x))


class SmallNet(nn.Module):
    """Pictures of 16 px and more to features: N, C, H, W → N, ``num_features``.

    Pictures too large for the residual blocks, which see some 40 px well, are halved first by convolutions with stride.

    Args:
        side: px of the picture's shorter side.
    """

    def __init__(self, channels: int = 3, width: int = 32, side: int = 32) -> None:
        super().__init__()
        self.num_features = width * 8
        halvings = max(0, math.ceil(math.log2(side / WELL_SEEN)))
        stem = [ConvBlock(width if at else channels, width, stride=2) for at in range(halvings)]
        self.blocks = nn.Sequential(
            *(stem or [ConvBlock(channels, width)]),
            Residual(width),
            ConvBlock(width, width * 2, stride=2),
            Residual(width * 2),
            ConvBlock(width * 2, width * 4, stride=2),
            Residual(width * 4),
            ConvBlock(width * 4, width * 8, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → N, num_features."""
        features: Tensor = self.blocks(x)
        return features.mean(dim=(2, 3))
