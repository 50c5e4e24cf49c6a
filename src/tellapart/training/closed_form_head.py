"""The head in closed form: frozen features of each training picture, once, and one linear system instead of epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tellapart.metrics import calibration, lda
from tellapart.training.augmentation import augmentation_of
from tellapart.training.dataset import PixelCache
from tellapart.training.feature_cache import View, features
from tellapart.training.tasks.training_module import Answer, TrainingModule

SHRINKS = (0.5, 0.7, 0.8, 0.9)


def fit_closed_form_head(
    module: TrainingModule, targets: npt.NDArray[np.int64], cache: PixelCache, train: Sequence[int], val: Sequence[int]
) -> dict[str, float]:
    """Set the head of a classifier by linear discriminant analysis, and score it on the validation rows.

    Where the augmentation mirrors pictures, the mirrored ones teach too. Of several shrinkages the one that
    validates best is taken. The logits are scaled so that their probabilities fit the validation part, which also lets
    a later stage begin at the right loss.

    Args:
        module: the stage; its network has a ``backbone`` and a linear ``head``.
        targets: class indices by catalog row.
        cache: the pixels of all these rows.
        train: catalog rows, each as often as it counts.
        val: catalog rows of the validation part.

    Returns:
        The figures of the module's ``validation_figures``.
    """
    mirrored = augmentation_of(module.config).flip
    views: list[View] = [lambda x: x, lambda x: x.flip(3)] if mirrored else [lambda x: x]
    backbone = module.model.get_submodule("backbone")
    rows = sorted(set(train))
    views_of_train = features(module, backbone, cache, rows, views)
    val_features = features(module, backbone, cache, val, views[:1], "validation")[0]
    row_to_place = {row: place for place, row in enumerate(rows)}
    order = [row_to_place[row] for row in train]
    train_features = np.concatenate([view[order] for view in views_of_train])
    train_targets = np.tile(targets[list(train)], len(views_of_train))
    head = module.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    chosen = module.config.class_weights
    weights = module.get_buffer("weights") if isinstance(chosen, dict) else None
    log_weights = 0.0 if weights is None else weights.log().cpu().numpy()  # a class of weight 2 counts twice
    val_rows = torch.tensor(list(val))
    best: dict[str, float] = {}
    answers: list[Answer] = []
    for slopes, offsets in lda.fit_lda_path(
        train_features, train_targets, head.out_features, shrinks=SHRINKS, even=chosen == "balanced"
    ):
        offsets = offsets + log_weights
        outputs = val_features @ slopes + offsets
        scale = calibration.temperature(outputs, targets[list(val)])
        logits = torch.from_numpy(outputs / scale).float()
        figures = module.validation_figures([(logits, val_rows, float(module.loss(logits, val_rows, training=False)))])
        if not best or figures["score"] > best["score"]:
            best, answers = figures, module.answers
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(slopes.T / scale))
                head.bias.copy_(torch.from_numpy(offsets / scale))
    module.answers = answers
    return best
