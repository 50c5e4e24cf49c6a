"""The network of a run, untrained or trained, and the preprocessing of what it sees."""

from __future__ import annotations

from typing import Any

from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.inference.preprocess import Preprocess
from tellapart.training.checkpointing import read_checkpoint, read_weights
from tellapart.training.run_folder import MODEL, Run
from tellapart.training.tasks.registry import get_task


def build_network(run: Run, *, pretrained: bool) -> nn.Module:
    """The untrained network of a run.

    Args:
        run: holds the configuration and what the network answers.
        pretrained: whether the backbone has pretrained weights.

    Raises:
        ConfigError: there is no such backbone, or its weights cannot be had.
    """
    return get_task(run.config.task).build_network(run, pretrained=pretrained)


def build_preprocess(run: Run) -> Preprocess:
    """The preprocessing spec of a run, normalising as the backbone's weights want it."""
    model: Any = build_network(run, pretrained=False)
    return get_task(run.config.task).preprocess(run.config, model.mean, model.std)


def load_model(run: Run, checkpoint: str | None = None) -> nn.Module:
    """The trained network of a run in evaluation mode, on the CPU.

    Args:
        run: a finished run, unless a checkpoint is named.
        checkpoint: see `tellapart.training.run_folder.Run.checkpoint`; None for the weights that won.

    Raises:
        ConfigError: there is no such checkpoint, it is of another network, or its weights are no finite numbers.
    """
    model = build_network(run, pretrained=False)
    file = run.path / MODEL if checkpoint is None else run.checkpoint(checkpoint)
    try:
        model.load_state_dict(read_weights(file) if checkpoint is None else read_checkpoint(file))
    except RuntimeError as error:
        raise ConfigError(f"{file}: of another network than the one of {run.path}") from error
    return model.eval()
