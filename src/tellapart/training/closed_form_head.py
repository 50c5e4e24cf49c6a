"""The head in closed form: frozen features of each training picture, once, and one linear system instead of epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tellapart.metrics import calibration, lda
from tellapart.metrics.ridge import fit_platt, fit_ridge_path
from tellapart.training.augmentation import PRESETS, augment, augmentation_of
from tellapart.training.dataset import PixelCache
from tellapart.training.feature_cache import View, features
from tellapart.training.tasks.training_module import Answer, TrainingModule

SHRINKS = (0.5, 0.7, 0.8, 0.9)
TAG_SHRINKS = (0.03, 0.1, 0.2, 0.5)
DAMAGED = 3  # copies of each training picture, where the augmentation damages pictures

Array = npt.NDArray[Any]
Heads = Iterator[tuple[Array, Array, float]]  # slopes F, K, offsets K, and what their logits are divided by


def fit_closed_form_head(
    module: TrainingModule, targets: npt.NDArray[np.int64], cache: PixelCache, train: Sequence[int], val: Sequence[int]
) -> dict[str, float]:
    """Set the head of a classifier by linear discriminant analysis, and score it on the validation rows.

    Where the augmentation mirrors pictures, the mirrored ones teach too, and where it damages them, a few damaged
    copies of each. Of several shrinkages the one that
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
    train_features, val_features = _frozen_features(module, cache, train, val)
    train_targets = np.tile(targets[list(train)], len(train_features) // len(train))
    chosen = module.config.class_weights
    weights = module.get_buffer("weights") if isinstance(chosen, dict) else None
    log_weights = 0.0 if weights is None else weights.log().cpu().numpy()  # a class of weight 2 counts twice

    def heads() -> Heads:
        classes = _head(module).out_features
        for slopes, offsets in lda.fit_lda_path(
            train_features, train_targets, classes, shrinks=SHRINKS, even=chosen == "balanced"
        ):
            offsets = offsets + log_weights
            yield slopes, offsets, calibration.temperature(val_features @ slopes + offsets, targets[list(val)])

    return _set_best(module, val_features, val, heads())


def fit_closed_form_tags(
    module: TrainingModule,
    targets: npt.NDArray[np.float32],
    cache: PixelCache,
    train: Sequence[int],
    val: Sequence[int],
) -> dict[str, float]:
    """Set the head of a tagger by ridge regression on its tags, otherwise as `fit_closed_form_head`.

    The scores of each tag become logits by a slope and an offset of its own that fit the validation part, see
    `tellapart.metrics.ridge`.

    Args:
        module: as of `fit_closed_form_head`.
        targets: whether each catalog row has each tag, rows, K.
        cache: as of `fit_closed_form_head`.
        train: as of `fit_closed_form_head`.
        val: as of `fit_closed_form_head`.
    """
    train_features, val_features = _frozen_features(module, cache, train, val)
    train_targets = np.tile(targets[list(train)], (len(train_features) // len(train), 1))
    truth = targets[list(val)].astype(bool)

    def heads() -> Heads:
        for slopes, offsets in fit_ridge_path(train_features, train_targets, shrinks=TAG_SHRINKS):
            scores = val_features @ slopes + offsets
            scale, shift = np.array([fit_platt(*pair) for pair in zip(scores.T, truth.T, strict=True)]).T
            yield slopes * scale, offsets * scale + shift, 1.0

    return _set_best(module, val_features, val, heads())


def _frozen_features(
    module: TrainingModule, cache: PixelCache, train: Sequence[int], val: Sequence[int]
) -> tuple[Array, Array]:
    """What the backbone makes of the training rows, in each view one after another, and of the validation rows."""
    how = augmentation_of(module.config)
    views: list[View] = [lambda x: x, lambda x: x.flip(3)] if how.flip else [lambda x: x]
    if how.damage:
        damage = replace(PRESETS["none"], flip=how.flip, damage=how.damage)
        dice = torch.Generator().manual_seed(module.config.seed * 7919 + module.number)
        views += [lambda x: augment(x, damage, dice)] * DAMAGED
    backbone = module.model.get_submodule("backbone")
    rows = sorted(set(train))
    views_of_train = features(module, backbone, cache, rows, views)
    val_features = features(module, backbone, cache, val, views[:1], "validation")[0]
    row_to_place = {row: place for place, row in enumerate(rows)}
    order = [row_to_place[row] for row in train]
    return np.concatenate([view[order] for view in views_of_train]), val_features


def _head(module: TrainingModule) -> nn.Linear:
    head = module.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    return head


def _set_best(module: TrainingModule, val_features: Array, val: Sequence[int], heads: Heads) -> dict[str, float]:
    """Set the head that validates best, and return its figures."""
    head, val_rows = _head(module), torch.tensor(list(val))
    best: dict[str, float] = {}
    answers: list[Answer] = []
    for slopes, offsets, scale in heads:
        logits = torch.from_numpy((val_features @ slopes + offsets) / scale).float()
        figures = module.validation_figures([(logits, val_rows, float(module.loss(logits, val_rows, training=False)))])
        if not best or figures["score"] > best["score"]:
            best, answers = figures, module.answers
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(slopes.T / scale))
                head.bias.copy_(torch.from_numpy(offsets / scale))
    module.answers = answers
    return best
