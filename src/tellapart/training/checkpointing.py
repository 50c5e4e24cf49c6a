"""Checkpoints: written whole, the best and the last of each stage, resumed from after any death."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file
from tellapart.core.terminal import excerpt
from tellapart.training._lightning import ModelCheckpoint, TorchCheckpointIO

PREFIX = "model."  # of the network's weights among those of a training module


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all.

    Lightning's own way copies from the folder for temporary files, which may lie on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write beside the target first, then rename."""
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            torch.save(checkpoint, stream)


class BestCheckpoint(ModelCheckpoint):
    """Keeps the state with the best ``val_score``; a run folder that was moved or copied keeps its best score."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Paths in the state become those of this folder: Lightning forgets the best score of any other."""
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        here = {name: self._here(state_dict[name]) for name in paths}
        scores = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | here | {"best_k_models": scores, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path


def stage_checkpoints(folder: Path) -> tuple[BestCheckpoint, ModelCheckpoint]:
    """The callbacks that write ``best.ckpt`` and ``last.ckpt`` of a stage into its folder."""
    best = BestCheckpoint(
        dirpath=folder, filename="best", monitor="val_score", mode="max", enable_version_counter=False
    )
    return best, ModelCheckpoint(dirpath=folder, filename="last", enable_version_counter=False)


def next_epoch(last: Path) -> int:
    """The number of the epoch, from 0, that a stage goes on with after its last checkpoint.

    Raises:
        OSError: there is no such file.
    """
    epoch: int = torch.load(last, map_location="cpu", weights_only=True)["epoch"]
    return epoch + 1


def save_network(model: nn.Module, file: Path) -> None:
    """Write a checkpoint that holds the network's weights and nothing else."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as temporary:
        torch.save({"state_dict": {f"{PREFIX}{key}": value for key, value in model.state_dict().items()}}, temporary)


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """The network's weights in a checkpoint.

    Raises:
        ConfigError: the file is no checkpoint.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    except (
        OSError,
        RuntimeError,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        IndexError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise ConfigError(f"{file}: not a checkpoint of a training: {error}") from error
    return {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}


def read_weights(file: Path) -> dict[str, Tensor]:
    """The weights in a file of safetensors.

    Raises:
        ConfigError: there is no such file, it is damaged, or a weight is no finite number.
    """
    try:
        weights: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ConfigError(f"{file}: not weights that can be read: {excerpt(error)}") from error
    if odd := [name for name, value in weights.items() if not bool(torch.isfinite(value).all())]:
        raise ConfigError(f"{file}: {excerpt(odd[0])} holds no finite numbers; train again")
    return weights
