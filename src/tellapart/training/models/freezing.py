"""Freezing: which modules of a network learn in a stage, and in which order a picture passes its blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.training.models.backbones import ConcatBackbones, TruncatedBackbone
from tellapart.training.models.classifier import Classifier
from tellapart.training.models.small_cnn import SmallNet


def trainable(model: nn.Module, what: str) -> list[nn.Module]:
    """The modules that learn in a stage: ``head``, ``last:N`` blocks and the head, or ``all``.

    Raises:
        ConfigError: ``last:N`` for backbones side by side.
    """
    if what == "all":
        return [model]
    head: list[nn.Module] = [model.get_submodule("head")]
    if what in ("head", "solve"):
        return head
    blocks = _blocks(model)
    return head + blocks[-int(what.partition(":")[2]) :]


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The backbone's blocks in the order a picture passes them, last ones included."""
    backbone = model.get_submodule("backbone") if isinstance(model, Classifier) else model.get_submodule("features")
    if isinstance(backbone, SmallNet):
        return list(backbone.blocks)
    if not isinstance(model, Classifier):  # a reader's features, then what follows them
        parts = list(backbone) if isinstance(backbone, nn.Sequential) else _pyramid_blocks(backbone)
        return [*parts, *(m for name, m in model.named_children() if name in ("column", "context"))]
    if isinstance(backbone, ConcatBackbones):
        raise ConfigError(
            "stage last:N: backbones side by side have no common order of blocks; give head, solve or all"
        )
    return [part for part in passed_in_order(backbone) if next(part.parameters(), None) is not None]


def _pyramid_blocks(features: nn.Module) -> list[nn.Module]:
    """The blocks of `tellapart.training.models.feature_pyramid.FeaturePyramid`."""
    network = features.get_submodule("network")
    return [part for part in passed_in_order(network) if next(part.parameters(), None) is not None] + [
        features.get_submodule("join")
    ]


def passed_in_order(backbone: nn.Module) -> list[nn.Module]:
    """The backbone's parts as they are listed, sequences of sequences laid out: for most networks the picture's way."""
    if isinstance(backbone, TruncatedBackbone):
        return [*passed_in_order(backbone.network), backbone.cells]
    blocks: list[nn.Module] = []
    for child in backbone.children():
        parts: Sequence[nn.Module] = [child]
        if isinstance(child, nn.Sequential | nn.ModuleList):
            parts = [block for stage in child for block in (stage if isinstance(stage, nn.Sequential) else [stage])]
        blocks += parts
    return blocks
