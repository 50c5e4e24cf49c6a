"""Image to several labels: a probability for each (binary cross-entropy), and a threshold of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.core.tag_sets import join_tags
from tellapart.data.catalog import Catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.metrics.tagging import average_precision, joint_probability
from tellapart.training.closed_form_head import fit_closed_form_tags
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.decision_rules import calibrate_tags, tag_targets
from tellapart.training.run_folder import Run
from tellapart.training.tasks.base import Floats
from tellapart.training.tasks.classification import ClassificationModule, ClassificationTask
from tellapart.training.tasks.training_module import Answer

OF_ONE_LABEL = (
    "class_weights", "label_smoothing", "positive_class", "flip_tta", "ensemble", "cv_folds", "coarse_labels",
)  # fmt: skip


class TaggingTask(ClassificationTask):
    """The strategy of taggers: the networks, sizes and stages of classifiers; another loss, head and decision.

    >>> TaggingTask().probabilities(torch.tensor([[0.0, 100.0]])).tolist()
    [[0.5, 1.0]]
    """

    name = "tag"
    fit_head = staticmethod(fit_closed_form_tags)

    def check_options(self, config: TrainConfig) -> None:
        """Refuse what only a reader, or a model of one label an image, knows."""
        super().check_options(config)
        default = TrainConfig()
        if unfit := [name for name in OF_ONE_LABEL if getattr(config, name) != getattr(default, name)]:
            raise ConfigError(f"{', '.join(unfit)}: not for tag, where an image has several labels; leave it out")

    def check_decisions(self, config: TrainConfig, catalog: Catalog) -> None:
        """Any aim of thresholds fits any tags."""

    def searched_options(self, config: TrainConfig, catalog: Catalog) -> dict[str, Any]:
        """Mixup."""
        return {"mixup": [0.0, 0.2]}

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of labels that do not exclude each other."""
        return logits.sigmoid()

    def training_module(
        self, run: Run, catalog: Catalog, model: nn.Module, spec: Preprocess, stage: Stage, number: int
    ) -> TaggingModule:
        """Binary cross-entropy over the run's tags."""
        targets = torch.from_numpy(tag_targets(catalog))
        return TaggingModule(model, spec, run.config, stage, number, targets=targets, labels=run.labels)

    def calibrate(self, config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
        """logits: N, K; see `tellapart.training.decision_rules.calibrate_tags`."""
        return calibrate_tags(config, catalog, rows, logits)


class TaggingModule(ClassificationModule):
    """A stage of a tagger; its ``targets`` say whether each catalog row has each tag, rows, K."""

    def loss(self, logits: Tensor, rows: Tensor, *, training: bool) -> Tensor:
        """logits: N, K; the mean over images and tags."""
        return F.binary_cross_entropy_with_logits(logits, self.targets[rows])

    def share_right(self, logits: Tensor, rows: Tensor) -> Tensor:
        """logits: N, K; right is an image with all its tags and no other, each said from a half on."""
        return ((logits > 0) == self.targets[rows].bool()).all(dim=1).float().mean()

    def validation_figures(self, outputs: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """The mean average precision is the score, the loss breaks ties; accuracy is of all tags at once."""
        truth = np.concatenate([self.targets[rows.to(self.targets.device)].cpu().numpy() for _, rows, _ in outputs]) > 0
        logits = np.concatenate([logits.numpy() for logits, _, _ in outputs])
        loss = sum(loss * len(rows) for _, rows, loss in outputs) / len(truth)
        chances = 1 / (1 + np.exp(-logits.clip(-30, 30)))
        sure = joint_probability(chances, logits > 0)
        images = [row for _, rows, _ in outputs for row in rows.tolist()]
        self.answers = [
            Answer(row, self._text(is_), self._text(said), float(confidence))
            for row, is_, said, confidence in zip(images, truth, logits > 0, sure, strict=True)
        ]
        has = truth.any(axis=0)
        mean = float(np.mean([average_precision(truth[:, at], logits[:, at]) for at in np.flatnonzero(has)] or [0.0]))
        return {
            "loss": loss,
            "accuracy": float(((logits > 0) == truth).all(axis=1).mean()),
            "mean_average_precision": mean,
            "score": mean - 0.01 * min(loss, 10.0),
        }

    def _text(self, has: Iterable[bool]) -> str:
        """The tags that an image has, as one text."""
        return join_tags(label for label, each in zip(self.labels, has, strict=True) if each)
