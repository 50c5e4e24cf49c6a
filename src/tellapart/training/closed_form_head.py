"""The head in closed form: frozen features of each training picture, once, and one linear system instead of epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tellapart.metrics import calibration, lda
from tellapart.training.augmentation import PRESETS
from tellapart.training.dataset import PixelCache
from tellapart.training.feature_cache import View, features
from tellapart.training.tasks import ClassifyTask

SHRINKS = (0.5, 0.7, 0.8, 0.9)


def fit_closed_form_head(
    task: ClassifyTask, cache: PixelCache, train: Sequence[int], val: Sequence[int]
) -> dict[str, float]:
    """Set the head of the task's model, and score it on the validation rows.

    Where the augmentation mirrors pictures, the mirrored ones teach too. Of several shrinkages the one that
    validates best is taken. The logits are scaled so that their probabilities fit the validation part, which also lets
    a later stage begin at the right loss.

    Args:
        train: rows, each as often as it counts.
        val: rows.

    Returns:
        The figures of `ClassifyTask.validation_figures`.
    """
    mirrored = PRESETS[task.config.augment or "none"].flip
    views: list[View] = [lambda x: x, lambda x: x.flip(3)] if mirrored else [lambda x: x]
    backbone = task.model.get_submodule("backbone")
    rows = sorted(set(train))
    seen = features(task, backbone, cache, rows, views)
    judged = features(task, backbone, cache, val, views[:1], "validation")[0]
    place = {row: at for at, row in enumerate(rows)}
    order = [place[row] for row in train]
    target = task.targets.cpu().numpy()
    known = np.concatenate([view[order] for view in seen])
    wanted = np.tile(target[list(train)], len(seen))
    head = task.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    even = task.config.class_weights == "balanced"
    numbers = torch.tensor(list(val))
    best: dict[str, float] = {}
    for slopes, offsets in lda.fit_lda_path(known, wanted, head.out_features, shrinks=SHRINKS, even=even):
        answers = judged @ slopes + offsets
        scale = calibration.temperature(answers, target[list(val)])
        logits = torch.from_numpy(answers / scale).float()
        figures = task.validation_figures([(logits, numbers, float(task.loss(logits, numbers, training=False)))])
        if not best or figures["score"] > best["score"]:
            best = figures
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(slopes.T / scale))
                head.bias.copy_(torch.from_numpy(offsets / scale))
    return best
