"""Several networks for one answer: from other seeds, resampled images or validation parts, averaged into one.

Classifiers answer side by side, and their probabilities are averaged. Of readers, which all begin with the same
weights, the weights are averaged: one network, which reads as fast as each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file
from tellapart.core.parallel import cpu_count, map_processes
from tellapart.core.progress import speaking
from tellapart.data.catalog import Catalog
from tellapart.data.split import folds
from tellapart.inference.bundle_checks import file_digest
from tellapart.training.checkpointing import read_weights
from tellapart.training.dataset import PixelCache
from tellapart.training.embedder import BATCH
from tellapart.training.loop import Answers, fit, lightning_quiet, predict_logits
from tellapart.training.models.classifier import log_mean_probability
from tellapart.training.run_folder import ANSWERS, HISTORY, MODEL, Run
from tellapart.training.tasks.base import Task
from tellapart.training.tasks.registry import get_task
from tellapart.training.weight_averaging import Weights, average_weights

SEEDS_APART = 1000


def fit_ensemble(run: Run, catalog: Catalog, task: Task) -> tuple[Weights, Answers]:
    """Train each member that is not trained yet, in a run folder of its own; several side by side.

    Two networks on a core each are done sooner than one after the other on both: much of a step waits for its slowest
    thread.

    Args:
        run: the run of all; each member has a run folder within.
        catalog: the data, split.
        task: the strategy of the data's task.

    Returns:
        The weights of all as one network's, and its answers for validation rows: of classifiers from other seeds the
        mean; of folds each row's by the member that did not learn from it; of readers those of the averaged network.

    Raises:
        ConfigError: a process was killed, or two members are the same network.
    """
    cores = cpu_count()
    at_once = _at_once(run, cores)
    members = list(_runs(run, catalog, at_once))
    left = [(member.path.absolute(), number, run.count) for number, member in enumerate(members) if not member.finished]
    if at_once > 1:
        deque(map_processes(partial(_learn, threads=cores // at_once), left, workers=at_once), maxlen=0)
    else:
        for each in left:
            _learn(each)
    _check_distinct([member.path for member in members])
    if task.averages_weights:
        weights = average_weights([read_weights(member.path / MODEL) for member in members])
        return weights, _predict(run, catalog, task, weights)
    weights = {}
    rows: list[list[int]] = []
    logits = []
    for number, member in enumerate(members):
        weights |= {f"members.{number}.{name}": value for name, value in read_weights(member.path / MODEL).items()}
        with np.load(member.path / ANSWERS) as stored:
            rows.append(stored["rows"].tolist())
            logits.append(torch.from_numpy(stored["logits"]))
    if run.config.cv_folds:
        return weights, ([row for part in rows for row in part], torch.cat(logits).numpy())
    return weights, (rows[0], log_mean_probability(logits).numpy())


def resampled(catalog: Catalog, seed: int, number: int) -> Catalog:
    """The same data, its training images drawn anew with replacement, of each class as many.

    A head in closed form has no other chance in it, so that its members would be copies. Source: Breiman, "Bagging
    predictors" (1996).

    Args:
        catalog: the data, split.
        seed: of the run.
        number: of the member.
    """
    labels, dice = catalog.column("label"), np.random.default_rng([seed, number])
    members: dict[str, list[int]] = {}
    for row in catalog.training_rows():
        members.setdefault(labels[row], []).append(row)
    times: list[int | None] = list(catalog.column("times"))
    for row in catalog.rows("train"):
        times[row] = 0
    for label in sorted(members):
        for row in dice.choice(members[label], len(members[label])).tolist():
            times[row] = (times[row] or 0) + 1
    return catalog.with_column("times", times)


def _check_distinct(folders: list[Path]) -> None:
    """Refuse members that are copies: together they are as large and as slow as several, and as good as one.

    Raises:
        ConfigError: two have the same weights.
    """
    digests: dict[str, int] = {}
    for number, folder in enumerate(folders, 1):
        first = digests.setdefault(file_digest(folder / MODEL), number)
        if first != number:
            raise ConfigError(
                f"members {first} and {number} are one and the same network, as what they began with validated best; "
                "leave out --ensemble, or let more epochs teach"
            )


def _predict(run: Run, catalog: Catalog, task: Task, weights: Weights) -> Answers:
    """The validation rows, and the logits of a network of these weights."""
    model: Any = task.build_network(run, pretrained=False)
    model.load_state_dict(weights)
    spec = task.preprocess(run.config, model.mean, model.std)
    cache = PixelCache(catalog, catalog.rows("val"), spec, limit_gb=run.config.cache_gb)
    return predict_logits(task, model, spec, cache, BATCH["cpu"])


def _at_once(run: Run, cores: int) -> int:
    """How many members learn side by side: on an accelerator one, else one a core.

    Not how many are left: over how many threads a sum is spread changes its last bits, and a run that was stopped goes
    on to the same weights.
    """
    elsewhere = torch.cuda.is_available() or torch.backends.mps.is_available()
    return 1 if run.config.device != "cpu" and elsewhere else min(run.count, cores)


def _learn(which: tuple[Path, int, int], threads: int | None = None) -> None:
    """Train one member: its folder, which it is, of how many; with so many threads, in a process of its own."""
    folder, number, count = which
    if threads is not None:
        torch.set_num_threads(threads)
    member = Run.open(folder)
    with speaking(f"member {number + 1} of {count}"), lightning_quiet():
        weights, (rows, logits) = fit(member, member.catalog(), get_task(member.config.task))
    with atomic_file(member.path / ANSWERS) as temporary, temporary.open("wb") as stream:
        np.savez(stream, rows=np.array(rows), logits=logits)
    with atomic_file(member.path / MODEL) as temporary:  # last: a run with its weights is finished
        save_file(weights, temporary)


def _runs(run: Run, catalog: Catalog, at_once: int) -> Iterator[Run]:
    cache_gb = run.config.cache_gb / at_once  # each has one of its own
    parts = folds(catalog, run.config.cv_folds, seed=run.config.seed) if run.config.cv_folds else [catalog] * run.count
    if not run.config.cv_folds and all(stage.train == "solve" for stage in run.config.stages or []):
        parts = [catalog, *(resampled(catalog, run.config.seed, number) for number in range(1, run.count))]
    for number, data in enumerate(parts):
        folder = run.member(number)
        seed = run.config.seed + SEEDS_APART * number
        config = replace(run.config, ensemble=1, cv_folds=0, seed=seed, cache_gb=cache_gb)
        begun = (folder / HISTORY).is_file()  # one that has learnt nothing gives way, as a run does
        yield Run.open(folder) if begun else Run.create(folder, data, config)
