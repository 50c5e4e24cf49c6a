"""What a frozen network makes of pictures: each view passes it once, and is kept in bounded, memory-mapped room."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tellapart.core.progress import log, track
from tellapart.training.augmentation import augment
from tellapart.training.dataset import CachedFeatures, PixelCache, WidthBatches, scratch
from tellapart.training.embedder import BATCH, fold_norms, map_batches, native_bfloat16
from tellapart.training.models.frozen_trunk import split_network
from tellapart.training.tasks.training_module import TrainingModule

PLAIN = 1  # views of validation pictures

View = Callable[[Tensor], Tensor]  # float N, C, H, W in 0..1 to the same
Array = npt.NDArray[Any]


def features(
    module: TrainingModule,
    network: nn.Module,
    cache: PixelCache,
    rows: Sequence[int],
    views: Sequence[View],
    what: str = "features",
) -> Array:
    """V, N, ... in the order of ``rows``: vectors as ``float32``, maps as ``float16``.

    Norms are folded and the arithmetic is bfloat16 where the processor has it, unless float32 is asked for, on a
    copy of the network.
    """
    device = torch.device("cuda" if module.config.device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    network = fold_norms_of(network).to(device)
    scale = copy.deepcopy(module.scale).to(device)
    place = {row: at for at, row in enumerate(rows)}
    batches = list(WidthBatches(rows, cache.widths, BATCH[device.type], shuffle=False))
    half = module.config.precision != "float32" and native_bfloat16(device.type)

    def views_of_batches() -> Iterator[tuple[int, list[int], Tensor]]:
        """Each batch in each view; drawn here, one after the other, as views may share their dice."""
        for batch in track(batches, what, len(batches)):
            x = scale.unit(torch.from_numpy(np.stack([cache[row] for row in batch])).to(device))
            for number, view in enumerate(views):
                yield number, batch, scale.normalise(view(x))

    def run(item: tuple[int, list[int], Tensor]) -> tuple[int, list[int], Array]:
        number, batch, x = item
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            return number, batch, network(x).float().cpu().numpy()

    result: Array = np.zeros(0)
    with torch.inference_mode():
        for number, batch, made in map_batches(run, views_of_batches(), device.type):
            if not len(result):
                shape = (len(views), len(rows), *made.shape[1:])
                dtype = np.dtype(np.float32 if made.ndim == 2 else np.float16)
                result = scratch(int(np.prod(shape)) * dtype.itemsize).view(dtype).reshape(shape)
            result[number, [place[row] for row in batch]] = made
    return result


def fold_norms_of(network: nn.Module) -> nn.Module:
    """A copy for evaluation, its batch norms worked into the convolutions before them."""
    folded = copy.deepcopy(network).eval()
    fold_norms(folded)
    return folded


def cache_trunk(
    module: TrainingModule, cache: PixelCache, train: WidthBatches, val: WidthBatches
) -> tuple[CachedFeatures, CachedFeatures] | None:
    """Let the frozen part of a stage run once for each of ``views`` augmented views; the module then trains the tail.

    None where there is no frozen part, it cannot be cut off, or not even one view fits into ``cache_gb``: the
    whole network then runs in every epoch.
    """
    config, stage = module.config, module.stage
    if not config.views or stage.train == "all":
        return None
    train_rows, val_rows = sorted(set(train.rows)), sorted(set(val.rows))
    with torch.inference_mode():
        example = module.scale(torch.from_numpy(cache[train_rows[0]][None].copy()))
        trunk = split_network(module.model, module.learning, example)
        if trunk is None:
            return None
        trunk.eval()
        made = trunk(example)
    size = made.numel() * (4 if made.ndim == 2 else 2) / 1e9
    views = min(config.views, stage.epochs, int((config.cache_gb / size - len(val_rows)) // max(1, len(train_rows))))
    if views < 1:
        log(f"what the frozen part makes of the images does not fit into {config.cache_gb:g} GB (--cache-gb): it runs "
            "in every epoch")  # fmt: skip
        return None
    dice = torch.Generator().manual_seed(config.seed * 7919 + module.number)
    drawn: list[View] = [lambda x: augment(x, module.how, dice)] * views
    module.tail = trunk.tail.forward
    train_features = features(module, trunk.body, cache, train_rows, drawn, f"{views} views")
    val_features = features(module, trunk.body, cache, val_rows, [lambda x: x] * PLAIN, "validation")
    return CachedFeatures(train_features, train_rows, train), CachedFeatures(val_features, val_rows, val)
