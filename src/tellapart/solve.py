"""The head in closed form: frozen features of each training picture, once, and one linear system instead of epochs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tellapart import discriminant
from tellapart.augment import PRESETS
from tellapart.data import PixelCache, WidthBatches
from tellapart.embed import fold_norms, native_bfloat16
from tellapart.progress import track
from tellapart.tasks import ClassifyTask

SHRINK = 0.5
BATCH = 32

Array = npt.NDArray[Any]


def solve_head(task: ClassifyTask, cache: PixelCache, train: Sequence[int], val: Sequence[int]) -> dict[str, float]:
    """Set the head of the task's model, and score it on the validation rows.

    Where the augmentation mirrors pictures, the mirrored ones teach too. The logits are scaled so that their
    probabilities fit the validation part, which also lets a later stage begin at the right loss.

    Args:
        train: rows, each as often as it counts.
        val: rows.

    Returns:
        The figures of `ClassifyTask.validation_figures`.
    """
    device = torch.device("cuda" if task.config.device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    backbone = copy.deepcopy(task.model.get_submodule("backbone")).eval()
    fold_norms(backbone)
    backbone.to(device)
    mirrored = PRESETS[task.config.augment or "none"].flip
    rows = sorted(set(train))
    seen = _features(task, backbone, cache, rows, device, mirrored=mirrored)
    judged = _features(task, backbone, cache, val, device, mirrored=False)[0]
    place = {row: at for at, row in enumerate(rows)}
    order = [place[row] for row in train]
    target = task.targets.cpu().numpy()
    features = np.concatenate([view[order] for view in seen])
    wanted = np.tile(target[list(train)], len(seen))
    head = task.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    even = task.config.class_weights == "balanced"
    slopes, offsets = discriminant.fit(features, wanted, head.out_features, shrink=SHRINK, even=even)
    answers = judged @ slopes + offsets
    scale = discriminant.temperature(answers, target[list(val)])
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(slopes.T / scale))
        head.bias.copy_(torch.from_numpy(offsets / scale))
    logits = torch.from_numpy(answers / scale).float()
    numbers = torch.tensor(list(val))
    loss = float(task.loss(logits, numbers, training=False))
    return task.validation_figures([(logits, numbers, loss)])


def _features(
    task: ClassifyTask,
    backbone: nn.Module,
    cache: PixelCache,
    rows: Sequence[int],
    device: torch.device,
    *,
    mirrored: bool,
) -> list[Array]:
    """``float32`` N, F in the order of ``rows``; a second time for the mirrored pictures."""
    views: list[Array] = [np.zeros(0)] * (2 if mirrored else 1)
    place = {row: at for at, row in enumerate(rows)}
    batches = list(WidthBatches(rows, cache.widths, BATCH, shuffle=False))
    scale = copy.deepcopy(task.scale).to(device)
    half = native_bfloat16(device.type)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        for batch in track(batches, "features", len(batches)):
            x = scale(torch.from_numpy(np.stack([cache[row] for row in batch])).to(device))
            for number in range(len(views)):
                features = backbone(x.flip(3) if number else x).float().cpu().numpy()
                if not len(views[number]):
                    views[number] = np.zeros((len(rows), features.shape[1]), np.float32)
                views[number][[place[row] for row in batch]] = features
    return views
