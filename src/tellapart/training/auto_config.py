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
from tellapart.training.config import Stage, TrainConfig

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
SMALL = "small"
SMALL_BELOW = 64  # px: a picture whose longer side is shorter than this gains nothing from ImageNet features
SAMPLE = 64  # images looked at to tell grey from colour

UPDATES = 1200  # what learning from nothing takes, whatever the number of images: about two minutes
BEGUN_UPDATES = 500  # of a reader that begins with another
FEWEST, MOST = 8, 150  # epochs
READ_EMA = 0.99  # the decay of a reader's averaged weights
PATIENCE = 10  # epochs
OF_CLASSIFIERS = ("width", "feature_level", "pool_grid", "flip_tta", "mixup", "class_weights", "label_smoothing")
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

    Raises:
        ConfigError: an option that is not for this task.
    """
    if config.init_from is not None and catalog.task != "read":
        raise ConfigError("init_from: only a reader begins with another's weights; a classifier takes a --backbone")
    if config.cv_folds and catalog.task == "read":
        raise ConfigError(
            "cv_folds: readers' answers cannot be averaged, as their steps need not agree; give --ensemble"
        )
    if config.augment == "text" and catalog.task != "read":
        raise ConfigError("augment text: it changes the canvas's width, which only a reader takes; a classifier of "
                          "letters takes glyph")  # fmt: skip
    if catalog.task == "read":
        _check_reader(config)
    rows = catalog.rows()
    trained = len(catalog.training_rows())
    widths = np.array([catalog.column("width")[row] for row in rows])
    heights = np.array([catalog.column("height")[row] for row in rows])
    colour = config.colour
    if colour == "auto":
        colour = "grey" if catalog.task == "read" or is_grey(catalog) else "rgb"
    if catalog.task == "read":
        start = _begun_with(config, colour)
        if config.ensemble > 1 and start is None:
            raise ConfigError("ensemble: readers are averaged where all begin with the same weights; "
                              "leave out --ensemble, or begin with another reader (--init-from)")  # fmt: skip
        lr, updates = (2e-3, UPDATES) if start is None else (1e-3, BEGUN_UPDATES)
        filled = replace(
            config,
            backbone=config.backbone or SMALL,
            init_from=start,
            height=config.height or READ_HEIGHT,
            stages=config.stages or without_pretrained(trained, config.batch_size or 32, lr, config.effort, updates),
            batch_size=config.batch_size or 32,
            augment=config.augment or "text",
            ema=READ_EMA if config.ema is None else config.ema,
        )
    else:
        longer = float(np.median(np.maximum(widths, heights)))
        backbone = config.backbone or (SMALL if longer < SMALL_BELOW else TRANSFER_BACKBONES[config.effort])
        if backbone == SMALL:
            usual = (_up(float(np.median(heights)), 8), _up(float(np.median(widths)), 8))
            size = (min(usual[0], 128), min(usual[1], 128))
            stages = without_pretrained(trained, config.batch_size or 64, 3e-3, config.effort)
        else:
            colour = "rgb"  # ImageNet features were learnt in colour
            size = (TRANSFER_SIDE, TRANSFER_SIDE)
            stages = (
                TRANSFER_STAGES[config.effort]
                if config.pretrained
                else without_pretrained(trained, config.batch_size or 32, 1e-3, config.effort)
            )
        filled = replace(
            config,
            backbone=backbone,
            height=config.height or size[0],
            width=config.width or (config.height if config.height and not config.width else size[1]),
            stages=config.stages or stages,
            batch_size=config.batch_size or (64 if backbone == SMALL else 32),
            augment=config.augment or ("glyph" if backbone == SMALL else "photo"),
            ema=config.ema or 0.0,
        )
    stages = filled.stages or []
    if config.epochs is not None:
        stages = scale_epochs(stages, config.epochs)
    # A reader stands at nothing for a while, and its few validation texts are soon all right or all wrong.
    longest = max(stage.epochs for stage in stages)
    patience = config.patience or (max(PATIENCE, longest // 2) if catalog.task == "read" else PATIENCE)
    task = cast(Literal["classify", "read"], catalog.task)
    return replace(filled, task=task, colour=colour, stages=stages, patience=patience)


def _check_reader(config: TrainConfig) -> None:
    """Options that say nothing to a reader must not be passed over."""
    default = TrainConfig()
    unused = [name for name in OF_CLASSIFIERS if getattr(config, name) != getattr(default, name)]
    if unused:
        raise ConfigError(f"{', '.join(unused)}: for classify only; leave it out")


def _begun_with(config: TrainConfig, colour: str) -> str | None:
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
