"""What a training needs besides its data, looked for before anything is written: files, packages, the device."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.core.own_commands import install_command
from tellapart.inference.base_model import is_shipped
from tellapart.training.config import TrainConfig

EXPORTERS = ("onnx", "onnxscript")  # what writes the graph at the end


def check_training(config: TrainConfig, *, finished: bool = False, packs: bool = True) -> None:
    """Check that a training can begin here and end in a bundle.

    Args:
        config: as the caller states it.
        finished: whether the run has its weights already, so that it needs no device and nothing to begin with.
        packs: whether it ends in a bundle.

    Raises:
        ConfigError: no such device here, nothing to begin with, or a package that is not installed.
        CatalogError: there is no such groups file.
    """
    if config.coarse_labels is not None and not Path(config.coarse_labels).is_file():
        raise CatalogError(f"{config.coarse_labels}: the groups file cannot be read: No such file or directory")
    if packs:
        check_installed(EXPORTERS, "train", "a training ends in a bundle")
    if not finished:
        check_device(config.device)
        if config.weights is not None and not Path(config.weights).is_file():
            raise ConfigError(f"weights {config.weights!r}: there is no such file")
        if config.init_from is not None:
            check_beginning("init_from", config.init_from)


def check_device(device: str) -> None:
    """Check that a device is there.

    Args:
        device: as `tellapart.training.config.TrainConfig` has it.

    Raises:
        ConfigError: it is not.

    >>> check_device("cpu")
    """
    import torch

    if (device == "cuda" and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    ):
        raise ConfigError(f"device {device}: there is none here; leave it out for what there is, or say cpu")


def check_beginning(name: str, source: str | Path) -> None:
    """Check that there is something at the place whose weights a training is to begin with.

    Args:
        name: of the option.
        source: a run, a checkpoint, a bundle, or the name of a shipped reader.

    Raises:
        ConfigError: there is nothing.
    """
    if not is_shipped(source) and not Path(source).exists():
        raise ConfigError(f"{name} {str(source)!r}: there is no such run, checkpoint or bundle")


def check_installed(modules: Iterable[str], extra: str, reason: str) -> None:
    """Check that modules are installed, without importing them.

    Args:
        modules: by name.
        extra: of this package, that they are in.
        reason: what they are needed for, a clause.

    Raises:
        ConfigError: one is not.
    """
    for module in modules:
        if not is_installed(module):
            raise ConfigError(f"{module} is not installed, and {reason}; {install_command(extra)}")


def is_installed(module: str) -> bool:
    """Whether a module can be imported, as far as can be told without doing it."""
    try:
        return sys.modules.get(module) is not None or find_spec(module) is not None
    except (ImportError, ValueError):  # None in its place: as good as not installed
        return False
