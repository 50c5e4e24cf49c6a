"""Pictures of a text to a letter, or the blank, at each step from left to right.

Convolutions with stride bring the height down to a few rows but the width only to a quarter, so every 4 px of the
picture are a step; CTC (Graves et al. 2006) needs no more. There is no recurrence and no attention: the width stays
free, training is parallel, and the published comparison found plain CTC over such features the best trade (SVTRv2, Du
et al. 2024); docs/log.md has ours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tellapart.inference.preprocess import PIXELS_A_STEP
from tellapart.training.config import DEEP, SMALL
from tellapart.training.models.feature_pyramid import FeaturePyramid
from tellapart.training.models.small_cnn import ConvBlock, Residual


class CTCReader(nn.Module):
    """N, C, H, W → logits N, T, K with T = W / 4 and K letters, the blank first.

    Args:
        backbone: of the features: our own small one, the deep one with twice its weights, or timm's by name; ``mean``
            and ``std`` are what its weights were trained with.
        pretrained: whether timm's has its ImageNet weights.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 1,
        width: int = 24,
        dropout: float = 0.2,
        *,
        backbone: str = SMALL,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        self.mean: tuple[float, ...] = (0.5,)
        self.std: tuple[float, ...] = (0.5,)
        self.features: nn.Module
        if backbone == SMALL:
            self.features = _features(channels, width, deep=False)
        elif backbone == DEEP:
            self.features = _features(channels, width, deep=True)
        else:
            self.features = levels = FeaturePyramid(backbone, channels, width * 8, pretrained=pretrained)
            self.mean, self.std = levels.mean, levels.std
        # Over the remaining rows: what stands where in the column, what stands beside it, and what in all of the text.
        self.column = Column(width * 8)
        self.context = nn.Sequential(LocalContext(width * 8), GlobalContext(width * 8), LocalContext(width * 8))
        if backbone == DEEP:
            self.context.append(LocalContext(width * 8))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width * 8, classes)

    @staticmethod
    def steps(width: int) -> int:
        """How many steps a canvas of ``width`` px gives."""
        return width // PIXELS_A_STEP

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → N, T, K."""
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: N, C, H, W → the same logits, and the mean over the steps of what they are made of, N, F."""
        x = self.context(self.column(self.features(x)))  # N, F, 1, T
        logits: Tensor = self.head(self.dropout(x).squeeze(2).transpose(1, 2))
        return logits, x.mean(dim=(2, 3))


def _features(channels: int, width: int, *, deep: bool) -> nn.Sequential:
    """The convolutions of a reader, N, C, H, W → N, 8 width, H / 16, W / 4.

    The deep ones have more residual blocks. Each begins as the identity and has a name of its own, so that the weights
    of a small reader fit, and the deep one then reads alike (Chen et al., Net2Net, 2016).
    """
    features = nn.Sequential()
    features.add_module("0", ConvBlock(channels, width, stride=2))
    features.add_module("1", ConvBlock(width, width * 2, stride=2))
    features.add_module("2", Residual(width * 2))
    if deep:
        features.add_module("2b", Residual(width * 2))
    features.add_module("3", ConvBlock(width * 2, width * 4, stride=(2, 1)))
    features.add_module("4", Residual(width * 4))
    if deep:
        features.add_module("4b", Residual(width * 4))
    features.add_module("5", ConvBlock(width * 4, width * 8, stride=(2, 1)))
    if deep:
        features.add_module("5b", Residual(width * 8))
    return features


class Column(nn.Sequential):
    """N, F, R, T → N, F, 1, T: what stands where in each column of R rows, in thirds that overlap where R is above 3.

    The mean over what a filter of three rows gives at each place is what it gives for the means of the thirds, as it is
    linear: so one graph takes pictures of any height.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d((3, None)),
            nn.Conv2d(channels, channels, (3, 1), bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: N, F, R, T; fewer rows than three are stretched to them."""
        stretch, convolution, norm, rectify = self
        if x.shape[2] < 3:
            x = stretch(x)
        result: Tensor = rectify(norm(convolution(x)).mean(dim=2, keepdim=True))
        return result


class LocalContext(nn.Module):
    """What two steps to either side tell, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.Conv2d(channels, channels, (1, 5), padding=(0, 2), bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)  # starts as the identity, as `Residual` does

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, 1, T."""
        return F.relu(x + self.norm(self.steps(x)))


class GlobalContext(nn.Module):
    """What the mean and the largest of all steps tell each of them: among digits, a ring is a zero.

    After squeeze-and-excitation (Hu et al. 2018), but added: a step's letters become likelier or less so.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels * 2, channels // 2)
        self.tell = nn.Linear(channels // 2, channels)
        nn.init.zeros_(self.tell.weight)  # starts as the identity
        nn.init.zeros_(self.tell.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, 1, T."""
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        offset: Tensor = self.tell(F.relu(self.squeeze(pooled)))
        return x + offset[:, :, None, None]
