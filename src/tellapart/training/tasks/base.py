"""The strategy of a task: everything that a training asks about classes or texts, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.data.catalog import Catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import PATIENCE, Preset, Stage, TrainConfig
from tellapart.training.dataset import PixelCache
from tellapart.training.run_folder import Run
from tellapart.training.tasks.training_module import TrainingModule

Floats = npt.NDArray[np.float32]


class Task(ABC):
    """What differs between tasks. The loop, the configuration and the search ask this object and never the task's name.

    Attributes:
        name: as a catalog and a configuration write it.
        averages_weights: whether several networks become one by the mean of their weights; else they answer side by
            side, and their probabilities are averaged.
        augmentations: those that a search tries on a network that starts from nothing.
    """

    name: ClassVar[str]
    averages_weights: ClassVar[bool] = False
    augmentations: ClassVar[tuple[str, ...]]

    # Configuration -----------------------------------------------------------------------------------

    @abstractmethod
    def check_options(self, config: TrainConfig) -> None:
        """Refuse options that the task does not know: they must not be passed over.

        Raises:
            ConfigError: an option that is not for this task.
        """

    @abstractmethod
    def plan(self, config: TrainConfig, catalog: Catalog) -> TrainConfig:
        """The configuration with every open choice made for this data, but for task, epochs and patience.

        Raises:
            ConfigError: options that do not go together.
        """

    def preset(self, config: TrainConfig, usual: Preset) -> Preset:
        """The augmentation by name: as was said, none beside a list of one's own, else the usual one."""
        return config.augment or ("none" if config.augmentations else usual)

    def patience(self, epochs: int) -> int:
        """After how many epochs without a better score a stage stops, where the longest stage has so many epochs."""
        return PATIENCE

    @abstractmethod
    def check_decisions(self, config: TrainConfig, catalog: Catalog) -> None:
        """A threshold or a level to abstain below must fit the data.

        Raises:
            ConfigError: it does not.
        """

    def check_data(self, catalog: Catalog, spec: Preprocess, init_from: str | None) -> list[str]:
        """Refuse data that this network could not learn; return notes on what will be hard.

        Raises:
            TextError: texts that cannot be learnt.
        """
        return []

    def transfers(self, config: TrainConfig) -> bool:
        """Whether a planned network starts from pretrained features that a search must treat gently."""
        return False

    def searched_options(self, config: TrainConfig, catalog: Catalog) -> dict[str, Any]:
        """Options beside those of every task that are worth searching, see `tellapart.training.search_space`."""
        return {}

    # Network -----------------------------------------------------------------------------------------

    @abstractmethod
    def preprocess(
        self, config: TrainConfig, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)
    ) -> Preprocess:
        """The preprocessing spec of a planned configuration; mean and std are those of the backbone's weights."""

    @abstractmethod
    def build_network(self, run: Run, *, pretrained: bool) -> nn.Module:
        """The untrained network of a run; its ``mean`` and ``std`` are what its weights want pixels normalised by.

        Args:
            run: holds the configuration and what the network answers.
            pretrained: whether the backbone has pretrained weights.

        Raises:
            ConfigError: there is no such backbone, or its weights cannot be had.
        """

    def probabilities(self, logits: Tensor) -> Tensor:
        """The probabilities that a bundle's graph answers with: by default of classes that exclude each other."""
        return logits.softmax(dim=-1)

    def warm_start(self, run: Run, model: nn.Module, spec: Preprocess) -> bool:
        """Give the network the weights of another, if the run is to begin with one.

        Returns:
            Whether it answers already, so that the training's result is blended with them.
        """
        return False

    # Stages ------------------------------------------------------------------------------------------

    @abstractmethod
    def training_module(
        self, run: Run, catalog: Catalog, model: nn.Module, spec: Preprocess, stage: Stage, number: int
    ) -> TrainingModule:
        """The Lightning module of a stage: loss and validation figures.

        Args:
            run: holds the configuration and what the network answers.
            catalog: the data, split.
            model: the network.
            spec: the preprocessing of its pixels.
            stage: what learns, for how long, how fast.
            number: of the stage, from 0.
        """

    def training_rows(self, config: TrainConfig, catalog: Catalog) -> list[int]:
        """The catalog rows that an epoch shows, each as often as it counts."""
        return catalog.training_rows()

    def solve_head(self, module: TrainingModule, cache: PixelCache, val: Sequence[int]) -> dict[str, float]:
        """Set the head in closed form; return the validation figures.

        Raises:
            ConfigError: this network has no features to solve a head on.
        """
        raise ConfigError("stage 'solve': only a classifier with a timm backbone has features to solve a head on")

    # Answers -----------------------------------------------------------------------------------------

    def merge_logits(self, batches: Sequence[Floats]) -> Floats:
        """The logits of batches as one array."""
        return np.concatenate(batches)

    @abstractmethod
    def calibrate(self, config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
        """What the bundle does with its network's answers, chosen on validation rows.

        Args:
            config: the configuration of the run.
            catalog: the data, split.
            rows: validation rows.
            logits: in the order of ``rows``.

        Returns:
            ``temperature``; ``n``; ``ece`` before and after it; ``threshold`` and ``abstain`` where asked for.
        """
