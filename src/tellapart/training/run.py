"""The run: everything a training leaves behind, one folder that can be copied and gone on with.

config.yaml         the resolved configuration
data.parquet        the catalog with its split
environment.json    versions, device, seconds
history.jsonl       a line an epoch
time.json           seconds by what they were spent on, of the last session
checkpoints/        the last state and the best of each stage
model.safetensors   the weights that won
members/            a run each, where several networks are averaged
calibration.json    temperature, threshold and the level to abstain below, chosen on the validation part
metrics.json        the figures on the test part
bundle/             what predicts
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.data.catalog import Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.inference.charset import Charset
from tellapart.inference.preprocess import Preprocess
from tellapart.training.auto_config import preprocessing
from tellapart.training.config import TrainConfig, make_config
from tellapart.training.models.backbones import FeatureCut
from tellapart.training.models.classifier import Classifier, Ensemble
from tellapart.training.models.ctc_reader import CTCReader

CONFIG = "config.yaml"
DATA = "data.parquet"
HISTORY = "history.jsonl"
MODEL = "model.safetensors"
METRICS = "metrics.json"
TIME = "time.json"
CALIBRATION = "calibration.json"
ANSWERS = "answers.npz"


@dataclass(frozen=True)
class Run:
    """A run folder and the resolved configuration in it."""

    path: Path
    config: TrainConfig

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run folder.

        Raises:
            ConfigError: it is none.
        """
        folder = Path(path)
        if not (folder / CONFIG).is_file():
            raise ConfigError(f"{path}: not a run folder (there is no {CONFIG} in it)")
        values = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
        return cls(folder, make_config(options=values))

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return (self.path / MODEL).is_file()

    def catalog(self) -> Catalog:
        """The data as it was trained on, with its split."""
        return read_catalog(self.path / DATA)

    @cached_property
    def _catalog(self) -> Catalog:
        return self.catalog()

    @property
    def labels(self) -> list[str]:
        """The classes in the order of the network's output."""
        return list(self._catalog.labels)

    @cached_property
    def charset(self) -> Charset:
        """The characters of all kept texts: those of the test part are known too, as a site's owner knows them."""
        return Charset.of([*self._catalog.labels, self._catalog.characters])

    def network(self, *, pretrained: bool) -> nn.Module:
        """The untrained network of this run."""
        channels = 1 if self.config.colour == "grey" else 3
        assert self.config.backbone is not None
        if self.config.task == "read":
            return CTCReader(
                self.charset.size,
                channels,
                dropout=self.config.dropout,
                backbone=self.config.backbone,
                pretrained=pretrained,
            )
        members = [
            Classifier(
                len(self.labels),
                self.config.backbone,
                channels,
                self.config.dropout,
                pretrained=pretrained,
                cut=None
                if self.config.feature_level is None
                else FeatureCut(self.config.feature_level, self.config.pool_grid),
                side=min(self.config.height or 32, self.config.width or 32),
                flip_tta=self.config.flip_tta,
            )
            for _ in range(self.count)
        ]
        return members[0] if self.count == 1 else Ensemble(members)

    @property
    def count(self) -> int:
        """How many networks are trained for one answer."""
        return max(self.config.ensemble, self.config.cv_folds, 1)

    def preprocess(self, model: nn.Module | None = None) -> Preprocess:
        """The preprocessing spec, normalising as the backbone's weights want it."""
        model = model if model is not None else self.network(pretrained=False)
        if isinstance(model, Classifier | Ensemble | CTCReader):
            return preprocessing(self.config, model.mean, model.std)
        return preprocessing(self.config)

    def model(self, checkpoint: str | None = None) -> nn.Module:
        """The trained network, or that of a checkpoint, in evaluation mode on the CPU."""
        from safetensors.torch import load_file

        model = self.network(pretrained=False)
        if checkpoint is None:
            model.load_state_dict(load_file(self.path / MODEL))
            return model.eval()
        file = self.checkpoint(checkpoint)
        try:
            model.load_state_dict(checkpointed(file))
        except RuntimeError as error:
            raise ConfigError(f"{file}: of another network than the one of {self.path}") from error
        return model.eval()

    def checkpoint(self, name: str) -> Path:
        """The file of a checkpoint: ``last`` or ``best`` of the stage that the training has come to, or a path.

        Raises:
            ConfigError: there is no such file.
        """
        if name not in ("last", "best"):
            file = Path(name)
        elif self.count > 1:
            first = self.path / "members" / "0"
            raise ConfigError(f"{self.path}: several networks, a run each; name one of them, such as {first}")
        else:
            stages = [self.path / "checkpoints" / f"stage-{number}" for number in range(len(self.config.stages or []))]
            begun = [stage for stage in stages if (stage / "best.ckpt").is_file()]
            # A head that was solved in closed form has no epochs: its best is its last.
            files = [stage / kind for stage in begun[-1:] for kind in (f"{name}.ckpt", "best.ckpt")]
            file = next((file for file in files if file.is_file()), stages[-1] / f"{name}.ckpt")
        if not file.is_file():
            raise ConfigError(f"{file}: no such checkpoint; one is written after each epoch of a training")
        return file

    def calibration(self) -> dict[str, Any]:
        """Temperature, threshold and the level to abstain below."""
        file = self.path / CALIBRATION
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def metrics(self) -> dict[str, Any] | None:
        """The figures on the test part, once there are any."""
        file = self.path / METRICS
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def checkpointed(file: Path) -> dict[str, Tensor]:
    """The network's weights in a checkpoint.

    Raises:
        ConfigError: the file is none.
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
    return {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
