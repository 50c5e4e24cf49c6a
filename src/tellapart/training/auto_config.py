"""What a training needs to know that nobody decided, taken from the data: size, colour, network, stages."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tellapart.core.tasks import TaskName
from tellapart.data.catalog import Catalog
from tellapart.training.config import TrainConfig
from tellapart.training.schedule import scale_epochs, scale_rates
from tellapart.training.tasks.registry import get_task


def plan(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration with every open choice made for this data.

    Args:
        config: what somebody decided; None stands for "decide from the data".
        catalog: the data, split.

    Raises:
        ConfigError: an option that is not for this task, or options that do not go together.
    """
    task = get_task(catalog.task)
    task.check_options(config)
    planned = task.plan(config, catalog)
    stages = planned.stages or []
    if config.epochs is not None:
        stages = scale_epochs(stages, config.epochs)
    if config.lr is not None:
        stages = scale_rates(stages, config.lr)
    patience = config.patience or task.patience(max(stage.epochs for stage in stages))
    name = cast(TaskName, catalog.task)
    # The stages say the rates from here on: a search may change them.
    return replace(planned, task=name, stages=stages, lr=None, patience=patience)
