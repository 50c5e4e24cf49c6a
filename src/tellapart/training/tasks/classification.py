"""Image to class: softmax cross-entropy, with mixup and class weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tellapart.core.errors import ConfigError, did_you_mean, join_some
from tellapart.data.catalog import Catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.metrics.classification import classification_scores
from tellapart.training.closed_form_head import fit_closed_form_head
from tellapart.training.colour import is_grey
from tellapart.training.config import SMALL, Stage, TrainConfig
from tellapart.training.dataset import PixelCache
from tellapart.training.decision_rules import calibrate_classes, check_positive_class, positive_class
from tellapart.training.models.backbones import DEFAULT_BACKBONE, FeatureCut
from tellapart.training.models.classifier import Classifier, Ensemble
from tellapart.training.run_folder import Run
from tellapart.training.schedule import TRANSFER_STAGES, without_pretrained
from tellapart.training.tasks.base import Floats, Task
from tellapart.training.tasks.training_module import Answer, TrainingModule

SMALL_BELOW = 64  # px: a picture whose longer side is shorter than this gains nothing from ImageNet features
TRANSFER_SIDE = 256  # px; a little above the 224 of the ImageNet training gains (FixRes, Touvron et al. 2019)
TRANSFER_BACKBONES = {
    "quick": DEFAULT_BACKBONE,
    "good": DEFAULT_BACKBONE,
    "best": "tf_efficientnet_lite0+tf_efficientnet_lite1+tf_efficientnet_lite2",
}
UNEVEN = 1.5  # the largest class over the smallest, from where weighing classes may matter


class ClassificationTask(Task):
    """The strategy of classifiers.

    >>> ClassificationTask().preprocess(TrainConfig(height=32, width=48, backbone="small")).width
    48
    """

    name = "classify"
    augmentations = ("glyph", "trivial", "none")
    fit_head: ClassVar[Callable[..., dict[str, float]]] = staticmethod(fit_closed_form_head)

    def check_options(self, config: TrainConfig) -> None:
        """Refuse what only a reader knows."""
        if config.init_from is not None:
            raise ConfigError("init_from: only a reader begins with another's weights; a classifier takes a --backbone")
        if config.augment == "text":
            raise ConfigError("augment text: it changes the canvas's width, which only a reader takes; a classifier of "
                              "letters takes glyph")  # fmt: skip

    def plan(self, config: TrainConfig, catalog: Catalog) -> TrainConfig:
        """Small images take a small network at their usual size; others a pretrained one on 256 x 256 px."""
        rows = catalog.rows()
        widths = np.array([catalog.column("width")[row] for row in rows])
        heights = np.array([catalog.column("height")[row] for row in rows])
        longer = float(np.median(np.maximum(widths, heights)))
        backbone = config.backbone or (SMALL if longer < SMALL_BELOW else TRANSFER_BACKBONES[config.effort])
        small = backbone == SMALL
        colour: Literal["auto", "grey", "rgb"] = "rgb"  # ImageNet features were learnt in colour
        if small:
            colour = config.colour if config.colour != "auto" else "grey" if is_grey(catalog) else "rgb"
        height, width = (
            min(round_up(float(np.median(sides)), 8), 128) if small else TRANSFER_SIDE for sides in (heights, widths)
        )
        _check_weights(config, backbone)
        batch_size = config.batch_size or (64 if small else 32)
        return replace(
            config,
            colour=colour,
            backbone=backbone,
            height=config.height or height,
            width=config.width or config.height or width,
            stages=config.stages or usual_stages(config, len(catalog.training_rows()), batch_size, small=small),
            batch_size=batch_size,
            augment=self.preset(config, "glyph" if small else "photo"),
            ema=config.ema or 0.0,
            positive_class=positive_class(config, catalog),
        )

    def check_decisions(self, config: TrainConfig, catalog: Catalog) -> None:
        """A threshold parts two classes, and the positive class is one of the data's."""
        check_positive_class(config, catalog)
        check_class_weights(config, catalog)

    def transfers(self, config: TrainConfig) -> bool:
        """Whether the backbone starts from ImageNet weights."""
        return config.backbone != SMALL and config.pretrained

    def searched_options(self, config: TrainConfig, catalog: Catalog) -> dict[str, Any]:
        """Mixup and label smoothing; class weights where classes are uneven and the network starts from nothing."""
        space: dict[str, Any] = {"mixup": [0.0, 0.2], "label_smoothing": {"low": 0.0, "high": 0.2, "log": False}}
        labels = catalog.column("label")
        sizes = Counter(labels[row] for row in catalog.training_rows()).values()
        if not self.transfers(config) and max(sizes) > UNEVEN * min(sizes):
            space["class_weights"] = ["none", "balanced", "sampling"]
        return space

    def preprocess(
        self, config: TrainConfig, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)
    ) -> Preprocess:
        """A canvas of one size; a small network's pictures are padded with their edges, others with grey."""
        assert config.height is not None
        return Preprocess(
            height=config.height,
            width=config.width,
            channels=1 if config.colour == "grey" else 3,
            pad="edge" if config.backbone == SMALL else "grey",
            mean=tuple(mean),
            std=tuple(std),
        )

    def build_network(self, run: Run, *, pretrained: bool) -> nn.Module:
        """A classifier, or an ensemble of several."""
        config = run.config
        assert config.backbone is not None
        cut = None if config.feature_level is None else FeatureCut(config.feature_level, config.pool_grid)
        members = [
            Classifier(
                len(run.labels),
                config.backbone,
                1 if config.colour == "grey" else 3,
                config.dropout,
                pretrained=(config.weights or True) if pretrained else False,
                cut=cut,
                side=min(config.height or 32, config.width or 32),
                flip_tta=config.flip_tta,
            )
            for _ in range(run.count)
        ]
        return members[0] if run.count == 1 else Ensemble(members)

    def training_module(
        self, run: Run, catalog: Catalog, model: nn.Module, spec: Preprocess, stage: Stage, number: int
    ) -> ClassificationModule:
        """Cross-entropy over the run's classes."""
        label_to_index = {label: index for index, label in enumerate(run.labels)}
        targets = np.array([label_to_index.get(label, -1) for label in catalog.column("label")])
        weights, chosen = None, run.config.class_weights
        if chosen == "balanced":
            weights = balanced_weights(targets[catalog.training_rows()], len(label_to_index))
        elif isinstance(chosen, dict):
            weights = torch.tensor([float(chosen.get(label, 1.0)) for label in run.labels])
        return ClassificationModule(
            model,
            spec,
            run.config,
            stage,
            number,
            targets=torch.from_numpy(targets),
            labels=run.labels,
            weights=weights,
        )

    def training_rows(self, config: TrainConfig, catalog: Catalog) -> list[int]:
        """The training rows; with sampling, every class as often as the most frequent one."""
        rows = catalog.training_rows()
        if config.class_weights != "sampling":
            return rows
        labels = catalog.column("label")
        label_to_rows: dict[str, list[int]] = {}
        for row in rows:
            label_to_rows.setdefault(labels[row], []).append(row)
        most = max(map(len, label_to_rows.values()))
        return [group[place % len(group)] for group in label_to_rows.values() for place in range(most)]

    def solve_head(self, module: TrainingModule, cache: PixelCache, val: Sequence[int]) -> dict[str, float]:
        """In closed form on the backbone's features, see `tellapart.training.closed_form_head`."""
        if not isinstance(module, ClassificationModule) or module.config.backbone == SMALL:
            return super().solve_head(module, cache, val)
        train = self.training_rows(module.config, cache.catalog)
        return self.fit_head(module, module.targets.cpu().numpy(), cache, train, val)

    def calibrate(self, config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
        """logits: N, K; see `tellapart.training.decision_rules.calibrate_classes`."""
        return calibrate_classes(config, catalog, rows, logits)


class ClassificationModule(TrainingModule):
    """A stage of a classifier.

    Args:
        args: those of `TrainingModule`.
        targets: class indices by catalog row; -1 for a label that is no class.
        labels: the classes' names.
        weights: of each class in the loss, K; None weighs all alike.
    """

    measure = "accuracy"
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

    def share_right(self, logits: Tensor, rows: Tensor) -> Tensor:
        """logits: N, K."""
        return (logits.argmax(dim=1) == self.targets[rows]).float().mean()

    def training_loss(self, x: Tensor, rows: Tensor) -> Tensor:
        """With mixup, pairs of images are blended, and their losses in the same shares (Zhang et al. 2018)."""
        if not self.config.mixup:
            return super().training_loss(x, rows)
        dice = np.random.default_rng(int(torch.randint(2**62, (), generator=self.dice)))
        share = float(dice.beta(self.config.mixup, self.config.mixup))
        other = torch.from_numpy(dice.permutation(len(rows))).to(rows.device)
        logits = self.logits(share * x + (1 - share) * x[other])
        self.right = self.share_right(logits.detach(), rows if share >= 0.5 else rows[other])
        first, second = (self.loss(logits, each, training=True) for each in (rows, rows[other]))
        return share * first + (1 - share) * second

    def validation_figures(self, outputs: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """Accuracy is the score; a hundredth of the loss breaks ties among equal accuracies."""
        truth = np.concatenate([self.targets[rows.to(self.targets.device)].cpu().numpy() for _, rows, _ in outputs])
        predicted = np.concatenate([logits.argmax(dim=1).numpy() for logits, _, _ in outputs])
        loss = sum(loss * len(rows) for _, rows, loss in outputs) / len(truth)
        figures = classification_scores(truth, predicted, self.labels)
        sure = torch.cat([logits.float().softmax(dim=1).amax(dim=1) for logits, _, _ in outputs]).tolist()
        images = [row for _, rows, _ in outputs for row in rows.tolist()]
        self.answers = [
            Answer(row, self.labels[is_], self.labels[answer], confidence)
            for row, is_, answer, confidence in zip(images, truth.tolist(), predicted.tolist(), sure, strict=True)
        ]
        accuracy = figures["accuracy"]["value"]
        return {
            "loss": loss,
            "accuracy": accuracy,
            "macro_f1": figures["macro_f1"]["value"],
            "score": accuracy - 0.01 * min(loss, 10.0),
        }


def check_class_weights(config: TrainConfig, catalog: Catalog) -> None:
    """Weights are of the data's classes.

    Raises:
        ConfigError: one is of none.
    """
    for name in config.class_weights if isinstance(config.class_weights, dict) else ():
        if name not in catalog.labels:
            hint = did_you_mean(str(name), catalog.labels)
            raise ConfigError(f"class_weights: no class {name!r}{hint}; there are: {join_some(catalog.labels, 20)}")


def balanced_weights(targets: np.ndarray[Any, Any], classes: int) -> Tensor:
    """The weight of each class: n / (classes x count), as scikit-learn's ``balanced`` (King & Zeng 2001).

    >>> balanced_weights(np.array([0, 0, 0, 1]), 2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = np.bincount(targets, minlength=classes)
    return torch.tensor(len(targets) / (classes * np.maximum(counts, 1)), dtype=torch.float32)


def usual_stages(config: TrainConfig, images: int, batch_size: int, *, small: bool) -> list[Stage]:
    """What trains, and for how long, where nobody decided it.

    Args:
        config: its ``effort`` and ``pretrained`` count.
        images: how many images an epoch has.
        batch_size: images a step.
        small: whether the network is our own small one.
    """
    if small:
        return without_pretrained(images, batch_size, 3e-3, config.effort)
    if config.pretrained:
        return TRANSFER_STAGES[config.effort]
    return without_pretrained(images, batch_size, 1e-3, config.effort)


def round_up(value: float, step: int) -> int:
    """The next multiple of a step, at least one step.

    >>> round_up(24.5, 8), round_up(0, 8)
    (32, 8)
    """
    return max(step, -(-int(np.ceil(value)) // step) * step)


def _check_weights(config: TrainConfig, backbone: str) -> None:
    """A file of weights is of one network of timm's."""
    if config.weights is not None and (backbone == SMALL or "+" in backbone or not config.pretrained):
        raise ConfigError("weights: they are those of one timm network; name it (--backbone), and leave out pretrained")
