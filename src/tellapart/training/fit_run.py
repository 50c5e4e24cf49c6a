"""A run trained from its folder to its weights: stages, calibration, and what it took; nothing is packed."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from statistics import fmean
from typing import Any

import torch
from safetensors.torch import save_file

from tellapart.core.files import atomic_file, write_json
from tellapart.data.catalog import Catalog
from tellapart.training.ensemble import fit_ensemble
from tellapart.training.loop import fit, lightning_quiet
from tellapart.training.run_folder import CALIBRATION, ENVIRONMENT, MODEL, Run
from tellapart.training.tasks.registry import get_task

PACKAGES = ("tellapart", "torch", "pytorch-lightning", "timm", "numpy", "pillow")


def fit_run(run: Run, catalog: Catalog) -> dict[str, Any]:
    """Train what is not trained yet: weights, calibration and environment are written into the run folder.

    A finished run is left as it is.

    Args:
        run: a run folder, see `Run.create`.
        catalog: the data, split.

    Returns:
        The validation figures: ``score``, the best of all epochs (of several networks their mean), and those of the
        calibration: ``temperature``, ``n``, ``ece``, and ``threshold`` and ``abstain`` where asked for.

    Raises:
        ConfigError: options that this network or this memory cannot train with.
    """
    if not run.finished:
        task = get_task(catalog.task)
        earlier, began = seconds_before(run), time.perf_counter()
        with lightning_quiet():
            weights, answers = (fit if run.count == 1 else fit_ensemble)(run, catalog, task)
        write_json(run.path / CALIBRATION, task.calibrate(run.config, catalog, *answers))
        write_json(run.path / ENVIRONMENT, describe_environment(earlier + time.perf_counter() - began))
        with atomic_file(run.path / MODEL) as temporary:  # last: a run with its weights is finished
            save_file(weights, temporary)
    runs = [run] if run.count == 1 else [Run.open(run.member(number)) for number in range(run.count)]
    return {"score": fmean(max(each.scores()) for each in runs), **run.calibration()}


def seconds_before(run: Run) -> float:
    """Seconds of the epochs that earlier sessions finished, of all members together."""
    return sum(float(line["seconds"]) for lines in run.histories().values() for line in lines)


def describe_environment(seconds: float) -> dict[str, Any]:
    """The machine and the versions of what trains on it.

    Args:
        seconds: that the training took.
    """
    return {
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }
