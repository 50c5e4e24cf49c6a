"""Pictures of a text to a letter, or the blank, at each step from left to right.

Convolutions halve the height down to one row but the width only twice, so every 4 px of the picture are a
step; CTC (Graves et al. 2006) needs no more. There is no recurrence: the width stays free, training is
parallel, and the published comparison found plain CTC over such features the best trade (SVTRv2, Du et al. 2024).
"""

from __future__ import annotations

from torch import Tensor, nn

from tellapart.models.scratch import ConvBlock, Residual
from tellapart.preprocess import PIXELS_A_STEP


class Reader(nn.Module):
    """N, C, H, W → logits N, T, K with T = W / 4 and K letters, the blank first."""

    def __init__(self, classes: int, channels: int = 1, width: int = 24, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(channels, width),
            nn.MaxPool2d(2),
            ConvBlock(width, width * 2),
            nn.MaxPool2d(2),
            ConvBlock(width * 2, width * 4),
            Residual(width * 4),
            nn.MaxPool2d((2, 1)),
            ConvBlock(width * 4, width * 6),
            Residual(width * 6),
            nn.MaxPool2d((2, 1)),
            ConvBlock(width * 6, width * 8),
        )
        # Over the remaining rows: what stands where in the column, then what stands beside it.
        self.column = nn.Sequential(
            nn.AdaptiveAvgPool2d((3, None)),
            nn.Conv2d(width * 8, width * 8, (3, 1), bias=False),
            nn.BatchNorm2d(width * 8),
            nn.ReLU(inplace=True),
        )
        self.context = nn.Sequential(
            nn.Conv2d(width * 8, width * 8, (1, 5), padding=(0, 2), groups=width * 8, bias=False),
            nn.BatchNorm2d(width * 8),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(width * 8, classes)

    @staticmethod
    def steps(width: int) -> int:
        """How many steps a canvas of ``width`` px gives."""
        return width // PIXELS_A_STEP

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → N, T, K."""
        x = self.context(self.column(self.features(x)))  # N, C, 1, T
        logits: Tensor = self.head(x.squeeze(2).transpose(1, 2))
        return logits
