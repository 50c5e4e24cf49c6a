"""The steps of a list of augmentations, one after another, each on a whole batch: see `augmentation_options`."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tellapart.training.augmentation_options import AugmentStep

Dice = torch.Generator


def apply_steps(batch: Tensor, steps: Sequence[AugmentStep], generator: Dice) -> Tensor:
    """Change a batch step by step; each image has its own amount, and its own chance to be left alone.

    Args:
        batch: float N, C, H, W in 0..1.
        steps: in their order.
        generator: on the CPU, so that a seed means the same everywhere.

    Returns:
        N, C, H, W in 0..1.

    >>> x = torch.rand(1, 3, 4, 4)
    >>> torch.equal(apply_steps(x, [AugmentStep("flip")], torch.Generator()), x.flip(3))
    True
    """
    n = len(batch)
    for step in steps:
        chosen = (torch.rand(n, 1, 1, 1, generator=generator) < step.p).to(batch.device)
        low, high = step.limits
        amounts = (low + (high - low) * torch.rand(2, n, generator=generator)).to(batch.device)
        changed = _CHANGES[step.kind](batch, amounts, generator).clamp(0, 1)
        batch = torch.where(chosen, changed, batch).contiguous(memory_format=torch.channels_last)
    return batch


def warp(batch: Tensor, matrices: Tensor, width: int) -> Tensor:
    """Batch N, C, H, W seen through inverse affine maps N, 2, 3, in the -1..1 coordinates of ``grid_sample``."""
    grid = F.affine_grid(matrices, [*batch.shape[:3], width], align_corners=False)
    warped = F.grid_sample(batch, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return warped.contiguous(memory_format=torch.channels_last)


# --- where things are: batch, amounts 2, N (the second for what is drawn anew), dice → batch ---------------


def _flip(batch: Tensor, _amounts: Tensor, _dice: Dice) -> Tensor:
    return batch.flip(3)


def _rotate(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    cos, sin = torch.cos(amounts[0] * math.pi / 180), torch.sin(amounts[0] * math.pi / 180)
    return _affine(batch, (cos, -sin), (sin, cos))


def _scale(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    nothing = torch.zeros_like(amounts[0])
    return _affine(batch, (1 / amounts[0], nothing), (nothing, 1 / amounts[0]))


def _shear(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    one, nothing = torch.ones_like(amounts[0]), torch.zeros_like(amounts[0])
    return _affine(batch, (one, torch.tan(amounts[0] * math.pi / 180)), (nothing, one))


def _translate(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    across, down = amounts
    one, nothing = torch.ones_like(across), torch.zeros_like(across)
    matrices = torch.stack(
        [torch.stack([one, nothing, -2 * across], 1), torch.stack([nothing, one, -2 * down], 1)], dim=1
    )
    return warp(batch, matrices, batch.shape[3])


def _affine(batch: Tensor, x: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor]) -> Tensor:
    """Rows of an inverse map in px about the middle."""
    aspect = batch.shape[3] / batch.shape[2]
    nothing = torch.zeros_like(x[0])
    rows = [torch.stack([x[0], x[1] / aspect, nothing], 1), torch.stack([y[0] * aspect, y[1], nothing], 1)]
    return warp(batch, torch.stack(rows, dim=1), batch.shape[3])


# --- light and colour --------------------------------------------------------------------------------


def _brightness(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    return batch + amounts[0].view(-1, 1, 1, 1)


def _contrast(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    mean = batch.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (batch - mean) * amounts[0].view(-1, 1, 1, 1)


def _saturation(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    grey = batch.mean(dim=1, keepdim=True)
    return grey + (batch - grey) * amounts[0].view(-1, 1, 1, 1)


def _hue(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    """A turn about the axis of greys (Rodrigues); grey pictures have no hue."""
    if batch.shape[1] != 3:
        return batch
    angle = (amounts[0] * math.pi / 180).view(-1, 1, 1)
    cross = batch.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    turn = torch.cos(angle) * torch.eye(3, device=batch.device) + (1 - torch.cos(angle)) / 3 + torch.sin(angle) * cross
    return torch.einsum("nij,njhw->nihw", turn, batch)


# --- damage ------------------------------------------------------------------------------------------


def _noise(batch: Tensor, amounts: Tensor, dice: Dice) -> Tensor:
    return batch + amounts[0].view(-1, 1, 1, 1) * torch.randn(batch.shape, generator=dice).to(batch.device)


def _blur(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    """A Gaussian of each image's own width, across and then down."""
    n, channels, height, width = batch.shape
    reach = max(1, math.ceil(3 * float(amounts[0].max())))
    x = torch.arange(-reach, reach + 1, device=batch.device, dtype=batch.dtype)
    kernel = torch.exp(-0.5 * (x / amounts[0].clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    planes = batch.reshape(1, n * channels, height, width)
    planes = F.conv2d(F.pad(planes, (reach, reach, 0, 0), "replicate"), kernel[:, None, None, :], groups=n * channels)
    planes = F.conv2d(F.pad(planes, (0, 0, reach, reach), "replicate"), kernel[:, None, :, None], groups=n * channels)
    return planes.reshape(batch.shape)


def _jpeg(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    saved = []
    pixels = (batch * 255).round().byte().permute(0, 2, 3, 1).cpu()
    for image, quality in zip(pixels, amounts[0].tolist(), strict=True):
        file = io.BytesIO()
        Image.fromarray(image.squeeze(2).numpy()).save(file, "JPEG", quality=round(quality))
        saved.append(np.asarray(Image.open(file)).reshape(image.shape))
    return torch.from_numpy(np.stack(saved)).permute(0, 3, 1, 2).to(batch) / 255


def _pixelate(batch: Tensor, amounts: Tensor, _dice: Dice) -> Tensor:
    """The means of fewer pixels, of as many as each image draws, in place of its own."""
    height, width = batch.shape[2:]
    coarse = []
    for image, share in zip(batch, amounts[0].tolist(), strict=True):
        small = F.adaptive_avg_pool2d(image[None], (max(1, round(height * share)), max(1, round(width * share))))
        coarse.append(F.interpolate(small, (height, width), mode="nearest"))
    return torch.cat(coarse)


def _erase(batch: Tensor, amounts: Tensor, dice: Dice) -> Tensor:
    """Random erasing (Zhong et al. 2017): a square of mid-grey."""
    n, _, height, width = batch.shape
    middle = torch.rand(2, n, 1, 1, generator=dice).to(batch.device)
    side = amounts[0].view(n, 1, 1) / 2
    y = torch.arange(height, device=batch.device).view(1, -1, 1) / height
    x = torch.arange(width, device=batch.device).view(1, 1, -1) / height  # in heights too: a square is one
    inside = ((y - middle[0]).abs() < side) & ((x - middle[1] * (width / height)).abs() < side)
    return torch.where(inside.unsqueeze(1), batch.new_tensor(0.5), batch)


_CHANGES: dict[str, Callable[[Tensor, Tensor, Dice], Tensor]] = {
    "flip": _flip, "rotate": _rotate, "scale": _scale, "translate": _translate, "shear": _shear,
    "brightness": _brightness, "contrast": _contrast, "saturation": _saturation, "hue": _hue,
    "noise": _noise, "blur": _blur, "jpeg": _jpeg, "pixelate": _pixelate, "erase": _erase,
}  # fmt: skip
