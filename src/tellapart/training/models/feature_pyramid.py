"""What a timm network sees of a line of text at several sizes, brought to one: features for a reader."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.inference.preprocess import PIXELS_A_STEP
from tellapart.training.models.backbones import cells, normalisation, timm_backbone

ROWS = 3
TRIED = 40, 72  # px high and wide
COARSEST = 16  # px of the picture to one of the features; coarser ones blur letters into each other


class FeaturePyramid(nn.Module):
    """N, C, H, W → N, ``width``, 3, W / 4, from the backbone's levels of 4, 8 and 16 px, as many as it has.

    ``mean`` and ``std`` are what the backbone's weights were trained with.

    Raises:
        ConfigError: timm has no such network, or gives no features of these sizes of it.
    """

    def __init__(self, backbone: str, channels: int, width: int, *, pretrained: bool) -> None:
        super().__init__()
        network: Any = timm_backbone(backbone, channels, pretrained=pretrained)
        levels = [(place, level["reduction"], level["num_chs"]) for place, level in enumerate(_levels(network))]
        chosen = [level for level in levels if level[1] in (PIXELS_A_STEP, 2 * PIXELS_A_STEP, COARSEST)]
        if not chosen:
            raise ConfigError(f"backbone {backbone!r}: timm gives no features of {PIXELS_A_STEP} to {COARSEST} px of "
                              "it; leave it out, or take another")  # fmt: skip
        self.mean, self.std = normalisation(backbone, [network]) if channels == 3 else ((0.5,), (0.5,))
        self.places = [place for place, _, _ in chosen]
        self.times = [reduction // PIXELS_A_STEP for _, reduction, _ in chosen]
        network.prune_intermediate_layers(self.places, prune_norm=True, prune_head=True)
        network.reset_classifier(0, "")
        self.network = network
        self.join = nn.Conv2d(sum(size for _, _, size in chosen), width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self._check(backbone, channels)

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        maps = self.network.forward_intermediates(x, indices=self.places, intermediates_only=True)
        steps = x.shape[3] // PIXELS_A_STEP
        same = []
        for level, times in zip(maps, self.times, strict=True):
            rows = torch.matmul(cells(int(level.shape[2]), ROWS).to(level), level)
            # Some networks leave out what is less than a whole one of their columns: the last stands for it too.
            wide = torch.cat([rows, rows[..., -1:]], dim=3).repeat_interleave(times, dim=3)
            same.append(wide[..., :steps])
        return F.relu(self.norm(self.join(torch.cat(same, dim=1))))

    def _check(self, backbone: str, channels: int) -> None:
        was = self.training
        try:
            with torch.inference_mode():
                self.eval()(torch.zeros(1, channels, *TRIED))
        except Exception as error:  # each network in its own way
            raise ConfigError(
                f"backbone {backbone!r}: it does not take pictures of any width ({error}); take a convolutional one"
            ) from error
        self.train(was)


def _levels(network: Any) -> list[dict[str, Any]]:
    cuts = hasattr(network, "forward_intermediates") and hasattr(network, "prune_intermediate_layers")
    return list(network.feature_info) if cuts and hasattr(network, "feature_info") else []
