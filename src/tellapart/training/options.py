"""The options of a training as a type checker sees them: `tellapart.training.config.TrainConfig`, every key optional.

A verb that takes them as keyword arguments is typed ``**options: Unpack[TrainOptions]`` (PEP 692), so that
``train("photos", epoch=3)`` is refused before it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypedDict

from tellapart.core.tasks import TaskName
from tellapart.data.source_options import LabelOptions
from tellapart.training.augmentation_options import AugmentStep
from tellapart.training.config import Stage


class StageOptions(TypedDict, total=False):
    """A stage as a mapping, see `tellapart.training.config.Stage`."""

    train: str
    epochs: int
    lr: float
    lr_factor: float
    schedule: str


class AugmentStepOptions(TypedDict, total=False):
    """A step as a mapping, see `tellapart.training.augmentation_options.AugmentStep`."""

    kind: str
    range: tuple[float, float] | None
    p: float


class ReaderOptions(TypedDict, total=False):
    """The options that a training of a reader has use for where the verb itself decides the data and the beginning."""

    effort: Literal["quick", "good", "best"]
    backbone: str | None
    height: int | None
    colour: Literal["auto", "grey", "rgb"]
    preprocess: str
    stages: Sequence[Stage | StageOptions] | None
    epochs: int | None
    lr: float | None
    optimizer: Literal["adamw", "adam", "sgd"]
    weight_decay: float | None
    momentum: float
    beta2: float
    batch_size: int | None
    augment: Literal["photo", "glyph", "text", "hues", "face", "trivial", "robust", "none"] | None
    augmentations: Sequence[AugmentStep | AugmentStepOptions] | None
    ema: float | None
    dropout: float
    patience: int | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    textless: float
    precision: Literal["auto", "float32", "bfloat16"]
    cache_gb: float
    views: int
    abstain: float | None
    ensemble: int


class TrainOptions(ReaderOptions, LabelOptions, total=False):
    """All options of a training."""

    task: TaskName | None
    seed: int
    coarse_labels: str | Path | None
    limit: int | None
    allow_lost_classes: bool
    new_labels: bool
    feature_level: int | None
    pool_grid: int
    pretrained: bool
    weights: str | Path | None
    init_from: str | Path | None
    width: int | None
    class_weights: Literal["none", "balanced", "sampling"] | dict[str, float]
    label_smoothing: float
    mixup: float
    positive_class: str | None
    threshold: str | None
    flip_tta: bool
    cv_folds: int
