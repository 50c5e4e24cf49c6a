"""One stage of a training as a Lightning module: augmentation, what is frozen, the optimiser and its rate."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from tellapart.inference.preprocess import Preprocess
from tellapart.training._lightning import pl
from tellapart.training.augmentation import augment, augmentation_of
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.dataset import Batch
from tellapart.training.learning_rate import learning_rate_factor
from tellapart.training.models.freezing import trainable
from tellapart.training.models.scale import Scale

WEIGHT_DECAY = {"adamw": 0.02, "adam": 0.0, "sgd": 0.0}


class Answer(NamedTuple):
    """What the network answers for an image of the validation part."""

    row: int  # of the catalog
    truth: str
    answer: str
    confidence: float


class TrainingModule(pl.LightningModule, ABC):
    """One stage of a training; a task's own module gives `loss`, `share_right` and `validation_figures`.

    Attributes:
        measure: the share of right answers, by its name in the figures.
        answers: for the images of the last validation, set by `validation_figures`.

    Args:
        model: normalised N, C, H, W → logits.
        spec: the preprocessing of its pixels.
        config: the configuration of the run.
        stage: what learns, for how long, how fast.
        number: of the stage, from 0.
    """

    measure: ClassVar[str]

    def __init__(self, model: nn.Module, spec: Preprocess, config: TrainConfig, stage: Stage, number: int) -> None:
        super().__init__()
        self.model = model
        self.scale = Scale(spec)
        self.config = config
        self.stage = stage
        self.number = number
        self.how = augmentation_of(config)
        self.learning = trainable(model, stage.train)
        # Of a network whose frozen trunk has run already. A bound method: a module here would be saved twice.
        self.tail: Callable[[Tensor], Tensor] | None = None
        self.plateau: ReduceLROnPlateau | None = None
        self.augmenting = 0.0  # seconds
        self.outputs: list[tuple[Tensor, Tensor, float]] = []
        self.answers: list[Answer] = []
        self.right = torch.zeros(())  # share of the step's images that were answered right

    # Given by each task's module -------------------------------------------------------------------------

    @abstractmethod
    def loss(self, logits: Tensor, rows: Tensor, *, training: bool) -> Tensor:
        """The mean loss over a batch."""

    @abstractmethod
    def share_right(self, logits: Tensor, rows: Tensor) -> Tensor:
        """The share of a batch that is answered right."""

    @abstractmethod
    def validation_figures(self, outputs: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """Figures from all validation batches: (logits, rows, loss); ``score`` is the one to maximise."""

    # Lightning's hooks -------------------------------------------------------------------------------

    def on_fit_start(self) -> None:
        """Freeze what this stage does not train."""
        self.model.requires_grad_(False)
        for module in self.learning:
            module.requires_grad_(True)

    def on_train_epoch_start(self) -> None:
        """Frozen parts stay in evaluation mode (their batch norms too); dropout's dice restart by epoch."""
        self.model.eval()
        for module in self.learning:
            module.train()
        if self.stage.train != "all" and hasattr(self.model, "dropout"):
            self.model.get_submodule("dropout").train()
        torch.manual_seed(self._seed(0))
        self.dice = torch.Generator().manual_seed(self._seed(1))

    def _seed(self, what: int) -> int:
        # The epoch alone decides, so that a resumed run draws what the undisturbed one would have drawn.
        return ((self.config.seed * 131 + self.number) * 10_007 + self.current_epoch) * 2 + what

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """One step: augment, normalise, forward, loss. A frozen trunk's features come ready made.

        The epoch's share of right answers is that on the images as they were shown: augmented, blended, with dropout.
        """
        pixels, rows = batch
        x = pixels if self.tail is not None else self.augmented(pixels, self.dice)
        loss = self.training_loss(x, rows)
        figures = {"train_loss": loss, f"train_{self.measure}": self.right}
        self.log_dict(figures, on_epoch=True, on_step=False, batch_size=len(rows))
        return loss

    @torch.no_grad()
    def augmented(self, pixels: Tensor, dice: torch.Generator) -> Tensor:
        """uint8 N, H, W, C → augmented and normalised N, C, H, W."""
        began = time.perf_counter()
        result = self.scale.normalise(augment(self.scale.unit(pixels), self.how, dice))
        self.augmenting += time.perf_counter() - began
        return result

    def logits(self, x: Tensor) -> Tensor:
        """What the network makes of its input: of normalised pixels, or of a frozen trunk's features."""
        return (self.tail or self.model)(x).float()

    def training_loss(self, x: Tensor, rows: Tensor) -> Tensor:
        """The loss of one step."""
        logits = self.logits(x)
        self.right = self.share_right(logits.detach(), rows)
        return self.loss(logits, rows, training=True)

    def on_validation_epoch_start(self) -> None:
        """Everything evaluates."""
        self.model.eval()
        self.outputs = []

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep the logits; figures are made of all of them at the end."""
        pixels, rows = batch
        logits = self.logits(pixels if self.tail is not None else self.scale(pixels))
        loss = float(self.loss(logits, rows, training=False))
        self.outputs.append((logits.cpu(), rows.cpu(), loss))

    def on_validation_epoch_end(self) -> None:
        """Log the figures; the best checkpoint and early stopping go by ``val_score``."""
        figures = self.validation_figures(self.outputs)
        self.log_dict({f"val_{name}": value for name, value in figures.items()})
        if self.plateau is not None:
            self.plateau.step(figures["score"])
        self.outputs = []

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Not the plateau: Lightning steps it once the checkpoint is written, and a resumed run would lack the step."""
        if scheduler is not self.plateau:
            super().lr_scheduler_step(scheduler, metric)

    def configure_optimizers(self) -> Any:
        """No decay on norms and biases; linear warm-up, then the stage's schedule."""
        head = {id(p) for p in self.model.get_submodule("head").parameters()}
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for module in self.learning:
            for parameter in module.parameters():
                groups.setdefault((id(parameter) in head, parameter.ndim > 1), []).append(parameter)
        decay = self.config.weight_decay
        decay = WEIGHT_DECAY[self.config.optimizer] if decay is None else decay
        optimiser = build_optimizer(
            self.config,
            [
                {
                    "params": parameters,
                    "lr": self.stage.lr * (1.0 if in_head else self.stage.lr_factor),
                    "weight_decay": decay if decays else 0.0,
                }
                for (in_head, decays), parameters in groups.items()
            ],
        )
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        kind, epochs, factor = self.stage.steps()
        if kind == "plateau":
            self.plateau = ReduceLROnPlateau(optimiser, "max", factor=factor, patience=epochs - 1, threshold=0.0)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": self.plateau, "monitor": "val_score"}}
        epoch = max(1, steps // max(1, self.stage.epochs))
        schedule = LambdaLR(
            optimiser,
            lambda step: learning_rate_factor(
                step, steps, kind, factor ** (step // epoch // epochs) if kind == "step" else 1.0
            ),
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def build_optimizer(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimiser that a configuration names, with its numbers.

    Args:
        config: says which.
        groups: parameters, each group with its ``lr`` and ``weight_decay``.
    """
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum, nesterov=config.momentum > 0)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, betas=(config.momentum, config.beta2))
