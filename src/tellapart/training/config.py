"""Everything a training can be told, in one place: for Python, the command line and YAML alike.

``None`` means "decide from the data"; `tellapart.training.auto_config` fills such values in, and the run keeps the
filled-in configuration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from tellapart.core.documents import load_yaml, read_yaml
from tellapart.core.errors import ConfigError
from tellapart.core.option_errors import check_option_names, in_plain_words
from tellapart.core.tasks import TaskName
from tellapart.inference.picture_view import View
from tellapart.metrics.calibration import parse_threshold_goal
from tellapart.training.augmentation_options import AugmentStep
from tellapart.training.recipes import recipe_text

DEEP = "deep"  # our own reader with more layers
SMALL = "small"  # our own backbone, beside timm's names
PERFECT = 1 - 1e-5  # a validation score from which nothing is left to gain: all right, and a loss of nearly nothing
PATIENCE = 10  # epochs without a better validation score, where nothing was decided
OF_CLASSIFIERS = (
    "width", "feature_level", "pool_grid", "flip_tta", "mixup", "class_weights", "label_smoothing", "weights",
)  # fmt: skip
Preset = Literal["photo", "glyph", "text", "hues", "face", "trivial", "robust", "none"]
RECIPE_PARTS = ("generate", "prepare")  # of a recipe, beside the options of its training


LOWEST = {
    "limit": 1,
    "epochs": 1,
    "feature_level": 0,
    "pool_grid": 1,
    "batch_size": 1,
    "height": 8,
    "width": 8,
    "patience": 1,
}


@dataclass(frozen=True)
class Stage:
    """A part of a training: what learns, for how long, how fast.

    Args:
        train: ``solve`` (the head in closed form on frozen features, once), ``head`` (everything else frozen),
            ``last:N`` (the last N blocks and the head), or ``all``.
        epochs: how many times the training images are seen; ``solve`` sees them once whatever is said.
        lr: the peak learning rate.
        lr_factor: how much slower the backbone learns than the head.
        schedule: how the rate goes on after a warm-up: ``cosine`` falls to nearly nothing, ``constant`` stays,
            ``step:N:F`` is multiplied by F every N epochs, ``plateau:N:F`` by F after N epochs without a better
            validation score, and has no warm-up.
    """

    train: str = "all"
    epochs: int = 10
    lr: float = 1e-3
    lr_factor: float = 1.0
    schedule: str = "cosine"

    def __post_init__(self) -> None:
        _check_set(self)
        if not re.fullmatch(r"solve|head|all|last:0*[1-9][0-9]*", self.train):
            raise ConfigError(f"stage: train {self.train!r}: give solve, head, last:N or all")
        if self.epochs < 1 or not 0 < self.lr < math.inf or not 0 <= self.lr_factor < math.inf:
            raise ConfigError(f"stage {self.train!r}: epochs must be at least 1, lr above 0, lr_factor 0 or more")
        self.steps()

    def steps(self) -> tuple[str, int, float]:
        """The schedule's kind, its epochs and its factor.

        >>> Stage(schedule="step:2:0.9").steps()
        ('step', 2, 0.9)

        Raises:
            ConfigError: it is none of those known.
        """
        if self.schedule in ("cosine", "constant"):
            return self.schedule, 0, 1.0
        match = re.fullmatch(r"(step|plateau):([0-9]{1,6}):(0?\.[0-9]+|1(?:\.0*)?)", self.schedule)
        if match is None or not int(match[2]) or not 0 < float(match[3]) <= 1:
            raise ConfigError(
                f"stage {self.train!r}: schedule {self.schedule!r}: give cosine, constant, step:N:F or plateau:N:F "
                "with epochs N and a factor F, such as step:2:0.9"
            )
        return match[1], int(match[2]), float(match[3])


@dataclass(frozen=True)
class TrainConfig:
    """The options of ``tellapart train``.

    Args:
        task: classify (image to class), read (image to text), or tag (image to several labels, of a table whose column
            holds lists or a|b); by default classify or read, as the labels suggest.
        seed: of the split, the order, the augmentation and the first weights.
        coarse_labels: YAML file, group to list of classes; both levels are scored.
        label_from: folder; of file names prefix (cat of cat_1.jpg), text (all of ab3kz.png), or a regular expression
            with one group; auto: the table or the folders, where there are any, else text with --task read, and prefix
            without.
        file_column: the table column that names the image.
        label_column: the table column that holds the class or text.
        group_by: a table column whose equal values never cross a split.
        limit: train on so many of the images, drawn by the seed, of each class and part of the split as many as is its
            share; the split is the one without it.
        allow_lost_classes: train though a class that the data names, such as an empty folder, has no usable image.
        new_labels: of several sources: take in classes that only the later ones have.
        effort: quick solves the head on frozen features, in seconds; good then trains the whole network gently; best
            does so longer, with three networks side by side. What validates best is kept. For networks that start
            from pretrained weights; those that learn from nothing train half as long, or three times as long.
        backbone: a timm model by name, or "small" (our own, from scratch). By default EfficientNet-Lite0
            with ImageNet weights, or "small" where images are under 64 px. For read "small" or "deep" (twice its
            weights), which begin with the shipped reader, or the features of a convolutional timm model.
        feature_level: cut the backbone after this of timm's feature levels (0 is the first): for pictures unlike photos
            of things, such as faces or scans, earlier features tell more. By default all of it is kept.
        pool_grid: features of a cut backbone are pooled in pool_grid x pool_grid cells, so that it counts where
            something is.
        pretrained: start from ImageNet weights where the backbone has them; a reader, from the shipped one.
        weights: for classify: a file of weights for the timm backbone in place of its ImageNet ones: safetensors or a
            PyTorch state dict, under timm's, its authors' or torchvision's names; see docs/training.md.
        init_from: for read: whose network the training begins with: a run, a checkpoint in one, or a bundle exported
            with its weights. By default ``base``, which ships, or ``small`` from 2,000 training images on and of grey
            pictures, where their height and colour fit.
        height: of what the network sees, in px.
        width: likewise; for reading it follows the picture.
        colour: grey, rgb, or auto. For classify auto is as the images are; for read it is grey, but rgb where nearly
            every picture has strokes of one same hue beside others, which may say what is the text.
        preprocess: for read: how pictures are changed before the network sees them, the same in training and in the
            bundle. Words such as ``darkest trim 1.2``, see `tellapart.inference.picture_view.View.parse`, or none. By
            default, auto: where the training begins with `small`, what helps that to read training images.
        stages: what learns when; a list of {train, epochs, lr, lr_factor}.
        epochs: scales the stages to this many epochs in all.
        lr: scales the learning rates of the stages so that the highest of their peaks is this; also of ``stages`` that
            were given.
        optimizer: adamw (Loshchilov & Hutter 2019), adam (its decay is part of the gradient), or sgd (with Nesterov's
            momentum), which needs a ``lr`` or ``stages`` of yours.
        weight_decay: of weights, not of norms and biases; by default 0.02 of adamw, and 0 of adam and sgd.
        momentum: of sgd; of adamw and adam beta 1.
        beta2: of adamw and adam.
        batch_size: images a step.
        augment: photo (flip, turn, zoom, colour), glyph (no flip), text (for read: glyph, and the canvas from 2/3
            to 3/2 of its width), hues (text, and other colours: channels swapped, a quarter inverted),
            face (flip, small turns), trivial (one strong random change an image; Mueller and Hutter 2021), robust (the
            usual one, then noise, blur, JPEG and other damage), or none. Training images only.
        augmentations: in place of ``augment`` a list of your own, {kind, range, p} each, such as {kind: rotate, range:
            [-5, 5], p: 0.5}: in turn, each with its own amount, on a share p of the images; see docs/training.md.
        class_weights: balanced weighs rare classes up in the loss; sampling shows them more often; none does neither.
            Or the weights of classes in the loss by name, such as {teasing: 2}; the others weigh 1.
        label_smoothing: for classify.
        mixup: for classify: blends pairs of images and their labels by Beta(mixup, mixup) (Zhang et al. 2018); 0: none.
        textless: for read: this share of a step's images holds no text, and teaches to read nothing there.
        ema: validates and keeps a moving average of the weights with this decay; 0 does not. By default 0.99 of a
            reader, and 0 of a classifier.
        dropout: before the head.
        patience: stop a stage after so many epochs without a better validation score; by default 10, of a reader half
            of the stage's if that is more. It also stops where all of that part is right and the loss is nearly none.
        device: auto, cpu, cuda or mps.
        precision: float32, bfloat16, or auto: the faster of the two that this processor and network have.
        cache_gb: memory and disk that decoded pixels, and what a frozen trunk makes of them, may take; what does not
            fit is decoded each epoch.
        views: augmented views of an image that a frozen trunk sees once each, while the rest trains on them again and
            again; 0 runs it in every epoch.
        positive_class: of two classes the one that a threshold is for; by default the rarer one.
        threshold: of two classes: f1, precision:P or recall:R, met by a threshold chosen on the validation part. For
            tag what the threshold of each tag is chosen for, by default f1.
        abstain: the share of right answers below which the bundle rather says that it is not sure; of readers, texts.
        flip_tta: for classify: answers for the picture and its mirror image together, which takes twice the time.
        ensemble: networks trained from different seeds and averaged into one bundle; a head in closed form has no
            seed, so each but the first learns from images drawn anew from the training part. Of readers, which must
            begin with another, the weights, so that the one reader is as small and as fast as each.
        cv_folds: for classify: networks trained on different validation parts instead, and averaged; 0 for none.
    """

    task: TaskName | None = None
    seed: int = 0
    coarse_labels: str | None = None
    label_from: str = "auto"
    file_column: str | None = None
    label_column: str | None = None
    group_by: str | None = None
    limit: int | None = None
    allow_lost_classes: bool = False
    new_labels: bool = False
    effort: Literal["quick", "good", "best"] = "good"
    backbone: str | None = None
    feature_level: int | None = None
    pool_grid: int = 4
    pretrained: bool = True
    weights: str | None = None
    init_from: str | None = None
    height: int | None = None
    width: int | None = None
    colour: Literal["auto", "grey", "rgb"] = "auto"
    preprocess: str = "auto"
    stages: list[Stage] | None = None
    epochs: int | None = None
    lr: float | None = None
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    weight_decay: float | None = None
    momentum: float = 0.9
    beta2: float = 0.999
    batch_size: int | None = None
    augment: Preset | None = None
    augmentations: list[AugmentStep] | None = None
    class_weights: Literal["none", "balanced", "sampling"] | dict[str, float] = "none"
    label_smoothing: float = 0.1
    mixup: float = 0.0
    textless: float = 0.0
    ema: float | None = None
    dropout: float = 0.2
    patience: int | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    cache_gb: float = 4.0
    views: int = 4
    positive_class: str | None = None
    threshold: str | None = None
    abstain: float | None = None
    flip_tta: bool = False
    ensemble: int = 1
    cv_folds: int = 0

    def __post_init__(self) -> None:
        _check_set(self)
        if self.stages is not None and not self.stages:
            raise ConfigError("stages: give at least one, or leave them out")
        if self.augmentations is not None and (not self.augmentations or self.augment not in (None, "none")):
            raise ConfigError("augmentations: give at least one, and no augment beside them")
        if self.preprocess not in ("auto", "none"):
            try:
                scale = View.parse(self.preprocess).scale
            except ValueError as error:
                raise ConfigError(
                    f"preprocess: {error}; give auto, none, or words such as 'darkest trim 1.2'"
                ) from error
            if scale != "usual":  # of a look alone: the pictures of a training are as high as it says
                raise ConfigError(
                    f"preprocess: {scale!r} is no preprocessing of a training; give its pictures a height"
                )
        self._check_ranges()
        self._check_optimizer()
        self._check_decisions()
        if self.ensemble < 1 or self.cv_folds < 0 or self.cv_folds == 1:
            raise ConfigError("ensemble: give at least 1; cv_folds: give 0 or at least 2")
        if self.ensemble > 1 and self.cv_folds:
            raise ConfigError("ensemble and cv_folds: give one of the two")

    def _check_ranges(self) -> None:
        for name, lowest in LOWEST.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ConfigError(f"{name} {value}: give at least {lowest}")
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("label_smoothing and dropout: give a number from 0 up to, but not including, 1")
        for name in ("cache_gb", "mixup", "views"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} {getattr(self, name)}: give 0 or more")
        if not 0 <= self.textless < 1:
            raise ConfigError(f"textless {self.textless}: give a share from 0 up to, but not including, 1")
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ConfigError(f"ema {self.ema}: give a decay from 0 up to, but not including, 1")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed {self.seed}: give a whole number from 0 to 4294967295")

    def _check_optimizer(self) -> None:
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise ConfigError(f"lr {self.lr}: give a rate above 0, such as 0.001")
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            raise ConfigError(f"weight_decay {self.weight_decay}: give 0 or more")
        if not 0 <= self.momentum < 1 or not 0 <= self.beta2 < 1:
            raise ConfigError("momentum and beta2: give a number from 0 up to, but not including, 1")
        if self.optimizer == "sgd" and self.lr is None and self.stages is None:
            raise ConfigError("optimizer sgd: give a --lr too, such as 0.05; the usual rates are those of adamw")
        for name, weight in self.class_weights.items() if isinstance(self.class_weights, dict) else ():
            if not 0 < weight < math.inf:
                raise ConfigError(f"class_weights: {name}: {weight}: give a factor above 0")

    def _check_decisions(self) -> None:
        if self.threshold is not None:
            parse_threshold_goal(self.threshold)
        if self.abstain is not None and not 0 < self.abstain <= 1:
            raise ConfigError(f"abstain {self.abstain}: give a share above 0 and up to 1, such as 0.99")

    def to_dict(self) -> dict[str, Any]:
        """As plain values for YAML."""
        return asdict(self)


LISTS = {"stages": Stage, "augmentations": AugmentStep}  # options that are lists of these


def _check_set(options: Stage | TrainConfig) -> None:
    """That no option is null that has to be decided here and now."""
    for item in fields(options):
        if getattr(options, item.name) is None and "None" not in str(item.type):
            raise ConfigError(f"option {item.name}: null says nothing; give a value, or leave it out")


def make_config(
    recipe: str | None = None, config: str | Path | None = None, options: Mapping[str, Any] | None = None
) -> TrainConfig:
    """A configuration from a packaged recipe, then a YAML file, then options; each overrides the last.

    Raises:
        ConfigError: an unknown recipe, file, key or value.

    >>> make_config(options={"epochs": 3}).epochs
    3
    >>> make_config(options={"epoch": 3})
    Traceback (most recent call last):
    tellapart.core.errors.ConfigError: unknown option 'epoch' (did you mean 'epochs'?)
    """
    ready = {} if recipe is None else _mapping(load_yaml(recipe_text(recipe), recipe), f"recipe {recipe}")
    stated = {} if config is None else _mapping(read_yaml(config), str(config))
    try:
        return _checked({**ready, **stated, **(options or {})})
    except ConfigError as error:
        if config is None:
            raise
        _checked({**ready, **(options or {})})  # what is wrong without the file is not the file's fault
        raise ConfigError(f"{config}: {error}") from error


def _checked(values: Mapping[str, Any]) -> TrainConfig:
    """Types checked by jsonargparse, by the same annotations that make the command line."""
    from jsonargparse import ArgumentError, ArgumentParser

    known = {item.name for item in fields(TrainConfig)}
    values = {key: value for key, value in values.items() if key not in RECIPE_PARTS}  # drawn or prepared before
    check_option_names(map(str, values), known)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig)
    plain = {
        key: [asdict(item) if isinstance(item, Stage | AugmentStep) else item for item in value]
        if key in LISTS and isinstance(value, list | tuple)
        else str(value)
        if isinstance(value, Path)
        else value
        for key, value in values.items()
    }
    try:
        made = parser.instantiate(parser.parse_object(plain))
    except (ArgumentError, TypeError, ValueError) as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(in_plain_words(error)) from error
    lists = {
        key: (given := getattr(made, key)) and [_item(kind, each) for each in given] for key, kind in LISTS.items()
    }
    return TrainConfig(**made.as_dict() | lists)


def _item(kind: type[Any], value: Any) -> Any:
    return value if isinstance(value, kind) else kind(**(value if isinstance(value, dict) else value.as_dict()))


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: write one option a line, as `key: value`")
    return value
