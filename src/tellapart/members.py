"""Several networks for one answer: from other seeds, or on other validation parts, averaged into one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save_file

from tellapart.catalog import Catalog
from tellapart.errors import ConfigError
from tellapart.files import whole_file
from tellapart.fit import Answers, fit
from tellapart.models.classifier import averaged
from tellapart.progress import say
from tellapart.run import ANSWERS, CONFIG, DATA, HISTORY, MODEL, Run
from tellapart.split import folds

FOLDER = "members"  # of a run
SEEDS_APART = 1000


def fit_members(run: Run, catalog: Catalog) -> tuple[dict[str, torch.Tensor], Answers]:
    """Train each member that is not trained yet, in a run folder of its own.

    Returns:
        The weights of all as one network's, and its answers for validation rows: of members from other seeds the
        mean; of folds each row's by the member that did not learn from it.

    Raises:
        ConfigError: the task is to read.
    """
    if run.config.task == "read":
        raise ConfigError(
            "members and folds: readers' steps need not agree, so they cannot be averaged; leave them out"
        )
    weights: dict[str, torch.Tensor] = {}
    rows: list[list[int]] = []
    logits = []
    for number, member in enumerate(_runs(run, catalog)):
        if not member.finished:
            say(f"member {number + 1} of {run.count}")
            learnt, (judged, said) = fit(member, member.catalog())
            with whole_file(member.path / ANSWERS) as temporary, temporary.open("wb") as stream:
                np.savez(stream, rows=np.array(judged), logits=said)
            with whole_file(member.path / MODEL) as temporary:
                save_file(learnt, temporary)
        weights |= {f"members.{number}.{name}": value for name, value in load_file(member.path / MODEL).items()}
        with np.load(member.path / ANSWERS) as kept:
            rows.append(kept["rows"].tolist())
            logits.append(torch.from_numpy(kept["logits"]))
    if run.config.folds:
        return weights, ([row for part in rows for row in part], torch.cat(logits).numpy())
    return weights, (rows[0], averaged(logits).numpy())


def _runs(run: Run, catalog: Catalog) -> Iterator[Run]:
    parts = folds(catalog, run.config.folds, seed=run.config.seed) if run.config.folds else [catalog] * run.count
    for number, data in enumerate(parts):
        folder = run.path / FOLDER / str(number)
        config = replace(run.config, members=1, folds=0, seed=run.config.seed + SEEDS_APART * number)
        if not (folder / HISTORY).is_file():  # one that has learnt nothing gives way, as a run does
            data.write(folder / DATA)
            with whole_file(folder / CONFIG) as temporary:  # last: a folder with a config has its data
                temporary.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False), encoding="utf-8")
        yield Run.open(folder)
