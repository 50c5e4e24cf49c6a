"""Pictures → features of a network that learnt on other pictures; nothing is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tellapart.memory import keep_freed_memory
from tellapart.models.classifier import timm_backbone
from tellapart.plan import DEFAULT_BACKBONE

SIZE = 224  # px
BATCH = 32

Array = npt.NDArray[Any]


class Embedder:
    """EfficientNet-Lite0 with ImageNet weights: what is shown, and how the picture was made.

    Args:
        size: px that pictures are scaled to.

    Raises:
        ConfigError: the weights are not installed.
    """

    name = f"{DEFAULT_BACKBONE}-{SIZE}"
    size = SIZE

    def __init__(self) -> None:
        keep_freed_memory()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model: Any = timm_backbone(DEFAULT_BACKBONE, 3, pretrained=True).eval().to(self.device)
        self.model = model.to(memory_format=torch.channels_last)
        config = self.model.pretrained_cfg
        self.mean = torch.tensor(config["mean"], device=self.device).view(1, 3, 1, 1)
        self.std = torch.tensor(config["std"], device=self.device).view(1, 3, 1, 1)

    def __call__(self, pixels: Array) -> tuple[Array, Array]:
        """``uint8`` N, SIZE, SIZE, 3 → content (``float16`` N, 1280) and style (``float16`` N, 384).

        Content is the last layer, pooled. Style is the mean and deviation of each channel of two middle
        layers, where grain, flatness and outlines still show (Huang & Belongie 2017 transfer styles by just these).
        """
        content, style = [], []
        with torch.inference_mode():
            for start in range(0, len(pixels), BATCH):
                batch = torch.from_numpy(pixels[start : start + BATCH]).to(self.device)
                features, middle = self._forward((batch.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)
                content.append(features.cpu().numpy())
                style.append(middle.cpu().numpy())
        return np.concatenate(content).astype(np.float16), np.concatenate(style).astype(np.float16)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        model, style = self.model, []
        x = model.bn1(model.conv_stem(x))
        for number, block in enumerate(model.blocks):
            x = block(x)
            if number in (3, 4):
                style += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
        features: Tensor = model.global_pool(model.bn2(model.conv_head(x)))
        return features, torch.cat(style, dim=1)
