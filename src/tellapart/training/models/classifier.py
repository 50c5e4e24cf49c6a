"""Classifiers: a backbone and a head, and several of them that answer together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.training.config import SMALL
from tellapart.training.models.backbones import FeatureCut, timm_backbones
from tellapart.training.models.small_cnn import SmallNet


class Classifier(nn.Module):
    """A backbone, dropout and a linear head: N, C, H, W → logits N, K.

    ``mean`` and ``std`` are those of each channel that the backbone's weights were trained with.

    Args:
        classes: K.
        backbone: our own ``small`` network, or timm's by name; several joined by ``+`` stand side by side.
        channels: of the picture, 1 or 3.
        dropout: before the head.
        pretrained: whether a timm backbone has its ImageNet weights; or a file of others.
        cut: the feature level that a timm backbone is cut at; None keeps all of it.
        side: px of the shorter side, see `SmallNet`.
        flip_tta: answer for the picture and its mirror image together.

    Raises:
        ConfigError: there is no such backbone, or it cannot be cut there.
    """

    def __init__(
        self,
        classes: int,
        backbone: str = SMALL,
        channels: int = 3,
        dropout: float = 0.2,
        *,
        pretrained: bool | str = True,
        cut: FeatureCut | None = None,
        side: int = 32,
        flip_tta: bool = False,
    ) -> None:
        super().__init__()
        self.flip_tta = flip_tta
        self.mean: tuple[float, ...] = (0.5,)
        self.std: tuple[float, ...] = (0.5,)
        self.backbone: Any
        if backbone != SMALL:
            self.backbone, self.mean, self.std = timm_backbones(backbone, channels, pretrained=pretrained, cut=cut)
        elif cut is None:
            self.backbone = SmallNet(channels, side=side)
        else:
            raise ConfigError(
                f"feature_level: the network {SMALL!r} has no levels to cut at; name a timm backbone, or leave it out"
            )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.num_features, classes)

    def embed(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → features N, F."""
        features: Tensor = self.backbone(x)
        return features

    def once(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → logits N, K of the picture as it is."""
        logits: Tensor = self.head(self.dropout(self.embed(x)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → logits N, K; with ``flip_tta``, in evaluation, of both views' mean probability."""
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: N, C, H, W → the same logits, and the features N, F that they are made of, both views' mean."""
        views = [x, x.flip(3)] if self.flip_tta and not self.training else [x]
        features = [self.embed(view) for view in views]
        logits = [self.head(self.dropout(each)) for each in features]
        return (
            (log_mean_probability(logits), torch.stack(features).mean(dim=0))
            if len(views) > 1
            else (logits[0], features[0])
        )


class Ensemble(nn.Module):
    """Classifiers that answer together: N, C, H, W → the logarithm of their mean probability, N, K.

    Args:
        members: classifiers of the same pictures and classes.
    """

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.mean, self.std = members[0].mean, members[0].std

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: N, C, H, W → the same, and the members' features one after another."""
        outputs = [member.with_features(x) for member in self.members]  # type: ignore[operator]
        logits, features = zip(*outputs, strict=True)
        return log_mean_probability(logits), torch.cat(features, dim=1)


def log_mean_probability(logits: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean probability that several logits N, K stand for.

    >>> log_mean_probability([torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 100.0]])]).exp()
    tensor([[0.2500, 0.7500]])
    """
    return torch.stack([each.log_softmax(dim=1) for each in logits]).logsumexp(dim=0) - math.log(len(logits))
