"""One search that several machines share: a journal on a common disk, or a database."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, check_writable
from tellapart.core.locks import host_name, process_lives

DATABASES = ("postgresql", "mysql")
RANDOM = 8  # trials drawn at random before the search learns from them
STALE = datetime.timedelta(hours=24)  # after which a trial of another machine counts as lost


def check_storage(storage: str) -> None:
    """Refuse what several machines cannot share.

    Raises:
        ConfigError: no journal and no database, or a place where nothing can be written.
    """
    scheme = storage.partition("://")[0].partition("+")[0]
    if "://" in storage:
        if scheme not in DATABASES:
            why = "several machines would damage it" if scheme == "sqlite" else "no database that they can share"
            raise ConfigError(f"storage {scheme}://: {why}; give FILE.journal or postgresql://USER@HOST/NAME")
    elif not storage.endswith(".journal"):
        raise ConfigError(f"storage {storage!r}: give FILE.journal, on a disk of all machines, or postgresql://...")
    else:
        check_writable(storage)


def worker() -> str:
    """This process, in words that another one of this machine can check."""
    return f"{host_name()} {os.getpid()}"


@contextmanager
def opened(
    storage: str, folder: Path, about: dict[str, Any], pruner: optuna.pruners.BasePruner
) -> Iterator[optuna.study.Study]:
    """The study that the same command on another machine has, by what is searched and on which data.

    Raises:
        ConfigError: the database cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its journal calls itself experimental
    name = f"tellapart-{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]}"
    try:
        if "://" in storage:
            backend: Any = optuna.storages.RDBStorage(storage)
        else:
            Path(storage).absolute().parent.mkdir(parents=True, exist_ok=True)
            backend = optuna.storages.JournalStorage(JournalFileBackend(storage))
        study = optuna.create_study(
            storage=backend, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
        )
    except ModuleNotFoundError:
        raise
    except Exception as error:
        shown = storage.rpartition("@")[2]  # without a password
        raise ConfigError(f"storage {shown}: cannot be used: {' '.join(str(error).split())[:300]}") from error
    study.set_user_attr("about", about)
    seed = (
        about["config"]["seed"] * 1009 + len(study.trials) + int(hashlib.sha256(worker().encode()).hexdigest()[:4], 16)
    )
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM, constant_liar=True)
    with atomic_file(folder / "space.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(about["space"], sort_keys=False), encoding="utf-8")
    yield study


def take_up(study: optuna.study.Study) -> None:
    """Give up the trials whose worker died, and put their settings first in the queue.

    Whether a process lives can be told on its own machine alone; of another one a trial counts as lost after a day.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        host, _, process = str(trial.user_attrs.get("worker", "")).partition(" ")
        started = trial.datetime_start or datetime.datetime.now()
        lost = not process_lives(int(process), host) if process.isdigit() else True
        if lost or datetime.datetime.now() - started > STALE:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params, {"untuned": trial.user_attrs.get("untuned", False)}, skip_if_exists=False)
