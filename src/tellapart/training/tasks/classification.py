"""Image to class: cross-entropy with smoothed labels and, if asked for, weighted classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tellapart.metrics.classification import classification_scores
from tellapart.training.tasks.base import Task


class ClassifyTask(Task):
    """``targets`` are class indices by catalog row; ``labels`` their names."""

    targets: Tensor
    weights: Tensor | None

    def __init__(self, *args: Any, targets: Tensor, labels: list[str], weights: Tensor | None = None) -> None:
        super().__init__(*args)
        self.labels = labels
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    def loss(self, logits: Tensor, rows: Tensor, *, training: bool) -> Tensor:
        """logits: N, K."""
        smoothing = self.config.label_smoothing if training else 0.0
        return F.cross_entropy(logits, self.targets[rows], weight=self.weights, label_smoothing=smoothing)

    def training_loss(self, x: Tensor, rows: Tensor) -> Tensor:
        """With mixup, pairs of images are blended, and their losses in the same shares (Zhang et al. 2018)."""
        if not self.config.mixup:
            return super().training_loss(x, rows)
        dice = np.random.default_rng(int(torch.randint(2**62, (), generator=self.dice)))
        share = float(dice.beta(self.config.mixup, self.config.mixup))
        other = torch.from_numpy(dice.permutation(len(rows))).to(rows.device)
        logits = self.logits(share * x + (1 - share) * x[other])
        first, second = (self.loss(logits, each, training=True) for each in (rows, rows[other]))
        return share * first + (1 - share) * second

    def validation_figures(self, seen: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """Accuracy is the score; a hundredth of the loss breaks ties among equal accuracies."""
        truth = np.concatenate([self.targets[rows.to(self.targets.device)].cpu().numpy() for _, rows, _ in seen])
        predicted = np.concatenate([logits.argmax(dim=1).numpy() for logits, _, _ in seen])
        loss = sum(loss * len(rows) for _, rows, loss in seen) / len(truth)
        figures = classification_scores(truth, predicted, self.labels)
        accuracy = figures["accuracy"]["value"]
        return {
            "loss": loss,
            "accuracy": accuracy,
            "macro_f1": figures["macro_f1"]["value"],
            "score": accuracy - 0.01 * min(loss, 10.0),
        }


def balanced_weights(targets: np.ndarray[Any, Any], classes: int) -> Tensor:
    """n / (classes x count) for each class, as scikit-learn's ``balanced`` (King & Zeng 2001).

    >>> balanced_weights(np.array([0, 0, 0, 1]), 2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = np.bincount(targets, minlength=classes)
    return torch.tensor(len(targets) / (classes * np.maximum(counts, 1)), dtype=torch.float32)
