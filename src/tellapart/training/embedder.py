"""Pictures → features of a network that learnt on other pictures; nothing is trained."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tellapart.core.malloc import keep_freed_memory
from tellapart.core.parallel import in_order
from tellapart.training.models.backbones import DEFAULT_BACKBONE, timm_backbone

SIZE = 224  # px
BATCH = {"cpu": 8, "cuda": 32}  # pictures at a time: what the first layers of eight hold stays near a core

Array = npt.NDArray[Any]
A = TypeVar("A")
B = TypeVar("B")


class Embedder:
    """EfficientNet-Lite0 with ImageNet weights: what is shown, and how the picture was made.

    Raises:
        ConfigError: the weights are not installed.
    """

    size = SIZE

    def __init__(self) -> None:
        keep_freed_memory()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model: Any = timm_backbone(DEFAULT_BACKBONE, 3, pretrained=True).eval()
        fold_norms(model)
        self.model = model.to(self.device, memory_format=torch.channels_last)
        # Features need no more than bfloat16's digits, and it takes two thirds of the time where it is native.
        self.half = native_bfloat16(self.device.type)
        self.name = f"{DEFAULT_BACKBONE}-{SIZE}{'-bfloat16' if self.half else ''}"
        config = self.model.pretrained_cfg
        self.mean = torch.tensor(config["mean"], device=self.device).view(1, 3, 1, 1)
        self.std = torch.tensor(config["std"], device=self.device).view(1, 3, 1, 1)

    def __call__(self, pixels: Array) -> tuple[Array, Array]:
        """``uint8`` N, SIZE, SIZE, 3 → content (``float16`` N, 1280) and style (``float16`` N, 384).

        Content is the last layer, pooled. Style is the mean and deviation of each channel of two middle
        layers, where grain, flatness and outlines still show (Huang & Belongie 2017 transfer styles by just these).
        """
        size = BATCH[self.device.type]
        parts = (pixels[start : start + size] for start in range(0, len(pixels), size))
        content, style = zip(*map_batches(self._some, parts, self.device.type), strict=True)
        return np.concatenate(content).astype(np.float16), np.concatenate(style).astype(np.float16)

    def _some(self, pixels: Array) -> tuple[Array, Array]:
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            batch = torch.from_numpy(pixels).to(self.device)
            features, middle = self._forward((batch.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)
            return features.float().cpu().numpy(), middle.cpu().numpy()

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        model, style = self.model, []
        x = model.bn1(model.conv_stem(x))
        for number, block in enumerate(model.blocks):
            x = block(x)
            if number in (3, 4):
                wide = x.float()
                style += [wide.mean(dim=(2, 3)), wide.std(dim=(2, 3))]
        features: Tensor = model.global_pool(model.bn2(model.conv_head(x)))
        return features, torch.cat(style, dim=1)


def map_batches(function: Callable[[A], B], batches: Iterable[A], device: str) -> Iterator[B]:
    """What a network makes of batches, in their order: on a CPU each on one thread, as many side by side as torch has.

    All threads on one batch wait for each other at each of a hundred layers; docs/log.md has the times. A batch's
    answer does not depend on how many lanes there are.

    >>> list(map_batches(lambda x: float(x.sum()), [torch.ones(2), torch.ones(3)], "cpu"))
    [2.0, 3.0]
    """
    if device != "cpu":
        yield from map(function, batches)
        return
    lanes = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(lanes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from in_order(pool, function, batches, 2 * lanes)
    finally:
        torch.set_num_threads(lanes)


def fold_norms(module: nn.Module) -> None:
    """Work each batch norm into the convolution before it, in place: the same answers, a third faster.

    For evaluation only; activations that timm keeps inside its norms stay.
    """
    children = list(module.named_children())
    for (_, conv), (name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            bias = conv.bias if conv.bias is not None else torch.zeros_like(norm.bias)
            conv.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
            conv.bias = nn.Parameter((bias - norm.running_mean) * scale + norm.bias)
            setattr(module, name, getattr(norm, "act", nn.Identity()))
    for _, child in children:
        fold_norms(child)


def native_bfloat16(device: str) -> bool:
    """Whether this processor multiplies bfloat16 itself."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return platform.machine() in ("x86_64", "AMD64") and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
