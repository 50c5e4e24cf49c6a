"""What a training needs to know that nobody said, decided from the data: size, colour, network, stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, cast

import numpy as np

from tellapart.core import image_io as images
from tellapart.core.errors import ConfigError, ImageError
from tellapart.data.catalog import Catalog
from tellapart.inference.base_model import BASE
from tellapart.inference.preprocess import READ_HEIGHT, Preprocess
from tellapart.training.config import OF_CLASSIFIERS, PATIENCE, SMALL, Stage, TrainConfig
from tellapart.training.models.backbones import DEFAULT_BACKBONE

SMALL_BELOW = 64  # px: a picture whose longer side is shorter than this gains nothing from ImageNet features
SAMPLE = 64  # images looked at to tell grey from colour

UPDATES = 1200  # what learning from nothing takes, whatever the number of images: about two minutes
BEGUN_UPDATES = 500  # of a reader that begins with another
FEWEST, MOST = 8, 150  # epochs
READ_EMA = 0.99  # the decay of a reader's averaged weights
TRANSFER_STAGES = {
    "quick": [Stage("solve", epochs=1)],
    "good": [Stage("solve", epochs=1), Stage("all", epochs=6, lr=3e-4)],
    "best": [Stage("solve", epochs=1), Stage("all", epochs=15, lr=3e-4)],
}
TRANSFER_BACKBONES = {
    "quick": DEFAULT_BACKBONE,
    "good": DEFAULT_BACKBONE,
    "best": "tf_efficientnet_lite0+tf_efficientnet_lite1+tf_efficientnet_lite2",
}
FROM_NOTHING = {"quick": 0.5, "good": 1.0, "best": 3.0}  # how much longer than usual
TRANSFER_SIDE = 256  # px; a little above the 224 of the ImageNet training gains (FixRes, Touvron et al. 2019)


def plan(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration with every open choice made for this data.

    Args:
        config: what somebody decided; None stands for "decide from the data".
        catalog: the data, split.

    Raises:
        ConfigError: an option that is not for this task.
    """
    check_options(config, catalog.task)
    planned = plan_reader(config, catalog) if catalog.task == "read" else plan_classifier(config, catalog)
    stages = planned.stages or []
    if config.epochs is not None:
        stages = scale_epochs(stages, config.epochs)
    # A reader stands at nothing for a while, and its few validation texts are soon all right or all wrong.
    longest = max(stage.epochs for stage in stages)
    patience = config.patience or (max(PATIENCE, longest // 2) if catalog.task == "read" else PATIENCE)
    task = cast(Literal["classify", "read"], catalog.task)
    return replace(planned, task=task, stages=stages, patience=patience)


def check_options(config: TrainConfig, task: str) -> None:
    """Refuse options that the task does not know: they must not be passed over.

    Raises:
        ConfigError: an option that is not for this task.
    """
    if task != "read":
        if config.init_from is not None:
            raise ConfigError("init_from: only a reader begins with another's weights; a classifier takes a --backbone")
        if config.augment == "text":
            raise ConfigError("augment text: it changes the canvas's width, which only a reader takes; a classifier of "
                              "letters takes glyph")  # fmt: skip
        return
    if config.cv_folds:
        raise ConfigError(
            "cv_folds: readers' answers cannot be averaged, as their steps need not agree; give --ensemble"
        )
    default = TrainConfig()
    unused = [name for name in OF_CLASSIFIERS if getattr(config, name) != getattr(default, name)]
    if unused:
        raise ConfigError(f"{', '.join(unused)}: for classify only; leave it out")


def plan_reader(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration of a reader but for patience and a changed number of epochs."""
    colour = "grey" if config.colour == "auto" else config.colour
    init_from = _initial_reader(config, colour)
    if config.ensemble > 1 and init_from is None:
        raise ConfigError("ensemble: readers are averaged where all begin with the same weights; "
                          "leave out --ensemble, or begin with another reader (--init-from)")  # fmt: skip
    lr, updates = (2e-3, UPDATES) if init_from is None else (1e-3, BEGUN_UPDATES)
    batch_size = config.batch_size or 32
    images = len(catalog.training_rows())
    return replace(
        config,
        colour=colour,
        backbone=config.backbone or SMALL,
        init_from=init_from,
        height=config.height or READ_HEIGHT,
        stages=config.stages or without_pretrained(images, batch_size, lr, config.effort, updates),
        batch_size=batch_size,
        augment=config.augment or "text",
        ema=READ_EMA if config.ema is None else config.ema,
    )


def plan_classifier(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration of a classifier but for patience and a changed number of epochs."""
    rows = catalog.rows()
    widths = np.array([catalog.column("width")[row] for row in rows])
    heights = np.array([catalog.column("height")[row] for row in rows])
    longer = float(np.median(np.maximum(widths, heights)))
    backbone = config.backbone or (SMALL if longer < SMALL_BELOW else TRANSFER_BACKBONES[config.effort])
    small = backbone == SMALL
    colour = "rgb"  # ImageNet features were learnt in colour
    if small:
        colour = config.colour if config.colour != "auto" else "grey" if is_grey(catalog) else "rgb"
    height, width = (
        min(_up(float(np.median(sides)), 8), 128) if small else TRANSFER_SIDE for sides in (heights, widths)
    )
    batch_size = config.batch_size or (64 if small else 32)
    return replace(
        config,
        colour=colour,
        backbone=backbone,
        height=config.height or height,
        width=config.width or config.height or width,
        stages=config.stages or _classifier_stages(config, len(catalog.training_rows()), batch_size, small=small),
        batch_size=batch_size,
        augment=config.augment or ("glyph" if small else "photo"),
        ema=config.ema or 0.0,
    )


def _classifier_stages(config: TrainConfig, images: int, batch_size: int, *, small: bool) -> list[Stage]:
    """What trains, and for how long, where nobody said."""
    if small:
        return without_pretrained(images, batch_size, 3e-3, config.effort)
    if config.pretrained:
        return TRANSFER_STAGES[config.effort]
    return without_pretrained(images, batch_size, 1e-3, config.effort)


def _initial_reader(config: TrainConfig, colour: str) -> str | None:
    """What a reader begins with: what was asked for, else the shipped reader where pictures are as that sees them."""
    if config.init_from is not None or not config.pretrained:
        return config.init_from
    fits = config.height in (None, READ_HEIGHT) and config.backbone in (None, SMALL) and colour == "grey"
    return BASE if fits else None


def without_pretrained(
    images: int, batch_size: int, lr: float, effort: str = "good", updates: int = UPDATES
) -> list[Stage]:
    """One stage over the whole network, as many epochs as make so many updates, or as the effort says of that.

    >>> [stage.epochs for n in (40, 800, 100_000) for stage in without_pretrained(n, 32, 1e-3)]
    [150, 48, 8]
    """
    steps = -(-images // batch_size)
    epochs = min(max(round(updates / steps), FEWEST), MOST)
    return [Stage("all", epochs=max(1, round(epochs * FROM_NOTHING[effort])), lr=lr)]


def preprocessing(config: TrainConfig, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)) -> Preprocess:
    """The preprocessing spec of a planned configuration."""
    assert config.height is not None
    reading = config.task == "read"
    return Preprocess(
        height=config.height,
        width=None if reading else config.width,
        channels=1 if config.colour == "grey" else 3,
        pad="edge" if reading or config.backbone == SMALL else "grey",
        mean=tuple(mean),
        std=tuple(std),
    )


def scale_epochs(stages: Sequence[Stage], epochs: int) -> list[Stage]:
    """The stages scaled to a number of epochs in all; with few, the earlier stages fall away first.

    >>> [s.epochs for s in scale_epochs([Stage("head", 4, 1e-3), Stage("all", 6, 1e-3)], 5)]
    [2, 3]
    >>> [s.train for s in scale_epochs([Stage("head", 4, 1e-3), Stage("all", 6, 1e-3)], 1)]
    ['all']
    >>> [s.train for s in scale_epochs([Stage("solve", 1), Stage("all", 6, 1e-3)], 1)]
    ['solve', 'all']
    """
    if stages and stages[0].train == "solve":  # no epochs to scale
        return [stages[0], *(scale_epochs(stages[1:], epochs) if stages[1:] else [])]
    total = sum(stage.epochs for stage in stages)
    ends = [0, *(round(epochs * sum(s.epochs for s in stages[: i + 1]) / total) for i in range(len(stages)))]
    shares = [high - low for low, high in pairwise(ends)]
    if shares[-1] == 0:
        shares = [*([0] * (len(shares) - 1)), epochs]
    return [replace(stage, epochs=share) for stage, share in zip(stages, shares, strict=True) if share]


def is_grey(catalog: Catalog) -> bool:
    """Whether a sample of the images, spread over the set, holds no colour."""
    rows = catalog.rows()
    sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    for _, data in catalog.read(sample):
        try:
            pixels = images.decode(data, at_least=64).astype(np.int16)
        except ImageError:
            continue
        # JPEG's own colour error stays well below 12 of 255 on a grey picture.
        if np.percentile(pixels.max(axis=2) - pixels.min(axis=2), 99) > 12:
            return False
    return True


def _up(value: float, step: int) -> int:
    return max(step, -(-int(np.ceil(value)) // step) * step)
