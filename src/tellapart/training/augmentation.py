"""Changes that keep the label, for training images only; a whole batch at once, from one seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tellapart.core.files import atomic_file
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.augmentation_options import AugmentStep
from tellapart.training.augmentation_steps import apply_steps, warp
from tellapart.training.config import SMALL, TrainConfig

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Augmentation:
    """Ranges, each drawn evenly from -value to +value for every image."""

    flip: bool = False  # mirror left and right, half of the images
    turn: float = 0.0  # degrees
    zoom: float = 0.0  # share of the size
    shift: float = 0.0  # share of the width and height
    shear: float = 0.0  # degrees
    light: float = 0.0  # brightness, of the 0..1 range
    contrast: float = 0.0  # share
    colour: float = 0.0  # share of the saturation
    noise: float = 0.0  # standard deviation at most, of the 0..1 range
    erase: float = 0.0  # side of a blanked square, share of the height at most
    swap: bool = False  # the colour channels, in any order
    invert: float = 0.0  # share of the images that become their negative
    trivial: bool = False  # one change of torchvision's TrivialAugmentWide
    stretch: float = 0.0  # share of the width: the canvas with all on it, the images of a batch alike
    steps: tuple[AugmentStep, ...] = ()  # a list of one's own, in place of all these
    damage: tuple[AugmentStep, ...] = ()  # what comes after all these


_GLYPH = Augmentation(turn=5, zoom=0.1, shift=0.03, shear=5, light=0.1, contrast=0.2, noise=0.05)
PRESETS = {
    "none": Augmentation(),
    "photo": Augmentation(flip=True, turn=10, zoom=0.2, shift=0.08, light=0.1, contrast=0.2, colour=0.3, erase=0.4),
    "face": Augmentation(flip=True, turn=15, zoom=0.2, shift=0.08, shear=8, light=0.15, contrast=0.4, erase=0.6),
    "trivial": Augmentation(flip=True, zoom=0.1, shift=0.05, erase=0.4, trivial=True),
    "glyph": _GLYPH,
    "text": replace(_GLYPH, stretch=0.5),
    "hues": replace(_GLYPH, stretch=0.5, zoom=0.15, swap=True, invert=0.25),
}


def augmentation_of(config: TrainConfig) -> Augmentation:
    """What a configuration says: a preset by name, or a list of its own.

    >>> augmentation_of(TrainConfig(augmentations=[AugmentStep("flip", p=0.5)])).flip
    True
    """
    if config.augment == "robust":
        usual = "text" if config.task == "read" else "glyph" if config.backbone == SMALL else "photo"
        return replace(PRESETS[usual], damage=_damage(config.height or 224))
    if config.augmentations is None:
        return PRESETS[config.augment or "none"]
    steps = tuple(config.augmentations)
    return Augmentation(flip=any(step.kind == "flip" for step in steps), steps=steps)


def _damage(height: int) -> tuple[AugmentStep, ...]:
    """What happens to pictures between the thing and the network, to a share of them each; ``height`` is in px."""
    return (
        AugmentStep("rotate", (-25, 25), 0.3),
        AugmentStep("brightness", (-0.35, 0.35), 0.3),
        AugmentStep("contrast", (0.1, 1), 0.3),
        AugmentStep("blur", (0, 0.02 * height), 0.25),
        AugmentStep("pixelate", (0.3, 0.8), 0.2),
        AugmentStep("noise", (0, 0.25), 0.3),
        AugmentStep("jpeg", (8, 60), 0.25),
    )


def augment(batch: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Augmented copies of a batch.

    Args:
        batch: float N, C, H, W in 0..1.
        how: what changes, and how much.
        generator: on the CPU, so that a seed means the same everywhere.

    Returns:
        N, C, H, W again; with ``stretch`` of another width, a multiple of 8 px.

    >>> x = torch.rand(2, 3, 8, 8)
    >>> torch.equal(augment(x, PRESETS["none"], torch.Generator()), x)
    True
    """
    if how.steps:
        return apply_steps(batch, how.steps, generator)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator).to(batch.device)

    n, _channels, height, width = batch.shape
    if how.turn or how.zoom or how.shift or how.shear or how.flip or how.stretch:
        matrices = _matrices(height, width, how, draw(n, 7))
        if how.stretch:
            factor = math.exp((float(torch.rand((), generator=generator)) * 2 - 1) * math.log1p(how.stretch))
            width = max(8, 8 * round(width * factor / 8))
        batch = warp(batch, matrices, width)
    if how.trivial:
        batch = _trivial(batch, int(torch.randint(2**62, (), generator=generator)))
    batch = _recolour(batch, how, draw)
    if how.noise:
        spread = how.noise * draw(n, 1, 1, 1)
        batch = batch + spread * torch.randn(batch.shape, generator=generator).to(batch.device)
    if how.erase:
        batch = _erase(batch, how.erase, draw(n, 4))
    if how.damage:
        batch = apply_steps(batch.clamp(0, 1), how.damage, generator)
    return batch.clamp(0, 1)


def _recolour(batch: Tensor, how: Augmentation, draw: Callable[..., Tensor]) -> Tensor:
    """Change contrast, light, saturation, the order of the channels, and make a share of the images their negatives."""
    n, channels = batch.shape[:2]
    if how.contrast or how.light:
        factors = draw(2, n, 1, 1, 1) * 2 - 1
        mean = batch.mean(dim=(1, 2, 3), keepdim=True)
        batch = (batch - mean) * (1 + how.contrast * factors[0]) + mean + how.light * factors[1]
    if how.colour and channels == 3:
        grey = batch.mean(dim=1, keepdim=True)
        batch = grey + (batch - grey) * (1 + how.colour * (draw(n, 1, 1, 1) * 2 - 1))
    if how.swap and channels == 3:
        order = draw(n, 3).argsort(dim=1)
        batch = batch.gather(1, order[:, :, None, None].expand_as(batch)).contiguous(memory_format=torch.channels_last)
    if how.invert:
        batch = torch.where(draw(n, 1, 1, 1) < how.invert, 1 - batch, batch)
    return batch


def without_text(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures in which nothing can be read, most of them like those of a batch.

    Plain, noise, smeared, cut into shuffled cells, clouds whose amplitude falls with the frequency as in photos (Field
    1987), or things of all sizes before each other ("dead leaves", Lee et al. 2001).

    Args:
        batch: float N, C, H, W in 0..1.
        generator: on the CPU.

    Returns:
        N, C, H, W in 0..1.
    """
    results = []
    for image in batch:
        kind = int(torch.randint(6, (), generator=generator))
        mean = image.mean(dim=(1, 2), keepdim=True)
        if kind == 0:
            level = torch.rand(len(image), 1, 1, generator=generator).to(image)
            results.append((mean if torch.rand((), generator=generator) < 0.5 else level).expand_as(image))
        elif kind == 1:
            spread = float(torch.rand((), generator=generator)) * 0.5
            results.append(mean + spread * torch.randn(image.shape, generator=generator).to(image))
        elif kind == 2:
            height, width = image.shape[1:]
            coarse = F.adaptive_avg_pool2d(image[None], (2, max(1, width // height)))
            results.append(F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)[0])
        elif kind == 3:
            results.append(_shuffle_cells(image, generator))
        else:
            results.append((_clouds if kind == 4 else _dead_leaves)(image, generator))
    return torch.stack(results).clamp(0, 1).contiguous(memory_format=torch.channels_last)


def _clouds(image: Tensor, generator: torch.Generator) -> Tensor:
    """C, H, W of noise whose amplitude falls with the frequency, about a random level of each channel."""
    channels, height, width = image.shape
    distance = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    distance[0, 0] = 1
    fall = 0.7 + float(torch.rand((), generator=generator))
    waves = torch.fft.rfft2(torch.randn(channels, height, width, generator=generator)) / distance**fall
    waves[:, 0, 0] = 0
    clouds = torch.fft.irfft2(waves, (height, width))
    level, spread = (torch.rand(channels, 1, 1, generator=generator) for _ in range(2))
    result: Tensor = level + 0.4 * spread * clouds / clouds.std()
    return result.to(image)


def _dead_leaves(image: Tensor, generator: torch.Generator) -> Tensor:
    """C, H, W of ellipses of one colour each, of all sizes, the later ones before the earlier."""
    channels, height, width = image.shape
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    result = torch.rand(channels, 1, 1, generator=generator).expand(channels, height, width).clone()
    for x, y, first, second, turn, *colour in torch.rand(40, 5 + channels, generator=generator).tolist():
        radii = (height * 0.1 / (0.1 + first), height * 0.1 / (0.1 + second))
        across, down = columns - x * width, rows - y * height
        cosine, sine = math.cos(math.pi * turn), math.sin(math.pi * turn)
        along, aside = across * cosine + down * sine, down * cosine - across * sine
        inside = (along / radii[0]) ** 2 + (aside / radii[1]) ** 2 < 1
        result[:, inside] = torch.tensor(colour)[:, None]
    return result.to(image)


def _shuffle_cells(image: Tensor, generator: torch.Generator, side: int = 4) -> Tensor:
    """C, H, W with its cells of ``side`` px in any order; what is beyond whole cells stays."""
    channels, down, across = image.shape[0], image.shape[1] // side, image.shape[2] // side
    cells = image[:, : down * side, : across * side].reshape(channels, down, side, across, side)
    cells = cells.permute(1, 3, 0, 2, 4).reshape(-1, channels, side, side)
    cells = cells[torch.randperm(len(cells), generator=generator).to(image.device)]
    result = image.clone()
    whole = cells.reshape(down, across, channels, side, side).permute(2, 0, 3, 1, 4)
    result[:, : down * side, : across * side] = whole.reshape(channels, down * side, across * side)
    return result


def _trivial(batch: Tensor, seed: int) -> Tensor:
    """One change of random kind and strength an image (Mueller & Hutter, "TrivialAugment", 2021)."""
    mend_torchvision()
    from torchvision.transforms import v2

    change = v2.TrivialAugmentWide(fill=0.5)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return torch.stack([change(image) for image in batch]).contiguous(memory_format=torch.channels_last)


def show(rows: Sequence[Array], how: Augmentation, path: Path, *, seed: int = 0, copies: int = 7) -> None:
    """A picture of what training will see: each line an image as it is, then augmented copies of it.

    Args:
        rows: model pixels, ``uint8`` H, W, C; all of one height.
        how: what changes, and how much.
        path: of the PNG.
        seed: of the augmentation.
        copies: how many augmented copies stand beside each image.
    """
    dice = torch.Generator().manual_seed(seed)
    lines = []
    for pixels in rows:
        one = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float()[None] / 255
        row_of_copies = [one, *(augment(one, how, dice) for _ in range(copies))]  # each alone: their widths may differ
        lines.append(torch.cat(row_of_copies, dim=3)[0].permute(1, 2, 0))
    width = max(line.shape[1] for line in lines)
    lines = [F.pad(line, (0, 0, 0, width - line.shape[1]), value=1.0) for line in lines]
    grid = (torch.cat(lines) * 255).round().byte().numpy()
    with atomic_file(path) as temporary:
        Image.fromarray(grid.squeeze(2) if grid.shape[2] == 1 else grid).save(temporary, "PNG")


def _matrices(height: int, width: int, how: Augmentation, u: Tensor) -> Tensor:
    """Inverse affine maps N, 2, 3 in the -1..1 coordinates of grid_sample, aspect accounted for."""
    s = u * 2 - 1
    angle = s[:, 0] * math.radians(how.turn)
    shear = torch.tan(s[:, 1] * math.radians(how.shear))
    scale_x = torch.exp(s[:, 2] * math.log1p(how.zoom))
    # A little stretch beside the common zoom: letters and things come broader and taller.
    scale_y = scale_x * torch.exp(s[:, 3] * math.log1p(how.zoom) / 2)
    if how.flip:
        scale_x = torch.where(u[:, 6] < 0.5, -scale_x, scale_x)
    cos, sin, aspect = torch.cos(angle), torch.sin(angle), width / height
    rows = [
        torch.stack([cos * scale_x, (shear * cos - sin) * scale_y / aspect, s[:, 4] * how.shift * 2], dim=1),
        torch.stack([sin * scale_x * aspect, (shear * sin + cos) * scale_y, s[:, 5] * how.shift * 2], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _erase(batch: Tensor, most: float, u: Tensor) -> Tensor:
    """Random erasing (Zhong et al. 2017): a square of mid-grey, in half of the images."""
    n, _, height, width = batch.shape
    side = u[:, 0] * most * (u[:, 1] < 0.5)
    # Both in heights, so that a square is one on a wide picture too.
    y = torch.arange(height, device=batch.device).view(1, -1, 1) / height
    x = torch.arange(width, device=batch.device).view(1, 1, -1) / height
    inside = ((y - u[:, 2].view(n, 1, 1)).abs() < side.view(n, 1, 1) / 2) & (
        (x - u[:, 3].view(n, 1, 1) * (width / height)).abs() < side.view(n, 1, 1) / 2
    )
    return torch.where(inside.unsqueeze(1), torch.full((), 0.5, device=batch.device, dtype=batch.dtype), batch)
