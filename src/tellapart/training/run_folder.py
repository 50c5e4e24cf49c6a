"""The run: everything a training leaves behind, one folder that can be copied and resumed.

config.yaml         the resolved configuration
data.parquet        the catalog with its split
environment.json    versions, device, seconds
history.jsonl       a line an epoch
mistakes.json       images of the validation part that the last epoch answered wrong
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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tellapart.core.documents import read_yaml
from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file
from tellapart.data.catalog import Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.inference.charset import Charset
from tellapart.training.config import TrainConfig, make_config

CONFIG = "config.yaml"
DATA = "data.parquet"
HISTORY = "history.jsonl"
MISTAKES = "mistakes.json"
MODEL = "model.safetensors"
METRICS = "metrics.json"
TIME = "time.json"
ENVIRONMENT = "environment.json"
CALIBRATION = "calibration.json"
ANSWERS = "answers.npz"
MEMBERS = "members"
CHECKPOINTS = "checkpoints"
STAGE_DONE = "done.json"
BEST, LAST = "best.ckpt", "last.ckpt"  # of a stage


@dataclass(frozen=True)
class Run:
    """A run folder and the resolved configuration in it.

    Args:
        path: the folder.
        config: the configuration with every choice made.
    """

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
        values = read_yaml(folder / CONFIG)
        return cls(folder, make_config(options=values))

    @classmethod
    def create(cls, path: Path, catalog: Catalog, config: TrainConfig) -> Run:
        """Write the data and the configuration of a run that has not begun, over those of another.

        Args:
            path: the folder; it is made where it is missing.
            catalog: the data, split.
            config: the configuration with every choice made.
        """
        catalog.write(path / DATA)
        text = yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)
        with atomic_file(path / CONFIG) as temporary:  # last: a folder with a config has its data
            temporary.write_text(text, encoding="utf-8")
        return cls.open(path)

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return (self.path / MODEL).is_file()

    @property
    def started(self) -> bool:
        """Whether an epoch was finished, by the run or by a member of it."""
        return bool(self._history_files())

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

    @property
    def count(self) -> int:
        """How many networks are trained for one answer."""
        return max(self.config.ensemble, self.config.cv_folds, 1)

    def member(self, number: int) -> Path:
        """The run folder of one of several networks."""
        return self.path / MEMBERS / str(number)

    def stage(self, number: int) -> Path:
        """The folder of a stage's checkpoints."""
        return self.path / CHECKPOINTS / f"stage-{number}"

    def checkpoint(self, name: str) -> Path:
        """The file of a checkpoint: ``last`` or ``best`` of the stage that the training has come to, or a path.

        Raises:
            ConfigError: there is no such file.
        """
        if name not in ("last", "best"):
            file = Path(name)
        elif self.count > 1:
            raise ConfigError(f"{self.path}: several networks, a run each; name one of them, such as {self.member(0)}")
        else:
            stages = [self.stage(number) for number in range(len(self.config.stages or []))]
            begun = [stage for stage in stages if (stage / BEST).is_file()]
            # A head that was solved in closed form has no epochs: its best is its last.
            files = [stage / kind for stage in begun[-1:] for kind in (f"{name}.ckpt", BEST)]
            file = next((file for file in files if file.is_file()), stages[-1] / f"{name}.ckpt")
        if not file.is_file():
            raise ConfigError(f"{file}: no such checkpoint; one is written after each epoch of a training")
        return file

    # What it holds -----------------------------------------------------------------------------------

    def _history_files(self) -> dict[str, Path]:
        """The histories that there are: of the run itself under an empty name, of members under their numbers."""
        members = sorted(self.path.glob(f"{MEMBERS}/*/{HISTORY}"))
        files = {"": self.path / HISTORY} | {file.parent.name: file for file in members}
        return {name: file for name, file in files.items() if file.is_file()}

    def histories(self) -> dict[str, list[dict[str, Any]]]:
        """The lines of each history: of the run itself under an empty name, of members under their numbers."""
        return {name: read_history(file) for name, file in self._history_files().items()}

    def mistakes(self) -> dict[str, dict[str, Any]]:
        """What the last epoch answered wrong: ``n`` images, how many are ``wrong``, and some of them, the surest first.

        Of the run itself under an empty name, of members under their numbers.
        """
        files = {name: file.with_name(MISTAKES) for name, file in self._history_files().items()}
        return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}

    def scores(self) -> list[float]:
        """The best validation score of each finished stage."""
        files = sorted(self.path.glob(f"{CHECKPOINTS}/stage-*/{STAGE_DONE}"))
        return [float(json.loads(file.read_text(encoding="utf-8"))["score"]) for file in files]

    def calibration(self) -> dict[str, Any]:
        """Temperature, threshold and the level to abstain below; empty before the end of the training."""
        return self._read(CALIBRATION) or {}

    def environment(self) -> dict[str, Any]:
        """Versions, the machine and the seconds that the training took; empty before its end."""
        return self._read(ENVIRONMENT) or {}

    def metrics(self) -> dict[str, Any] | None:
        """The figures on the test part; None before there are any."""
        return self._read(METRICS)

    def _read(self, name: str) -> dict[str, Any] | None:
        file = self.path / name
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def read_history(file: Path) -> list[dict[str, Any]]:
    """The lines of a history, one for each epoch; none where there is no such file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
