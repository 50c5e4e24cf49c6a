"""An experiment plan: the data and options that several trainings share, and by name the options of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tellapart.core.documents import read_yaml
from tellapart.core.errors import ConfigError, did_you_mean, join_some
from tellapart.core.option_errors import check_option_names
from tellapart.data.source_options import SOURCE_OPTIONS
from tellapart.training.config import TrainConfig, make_config

KEYS = ("data", "options", "seeds", "runs")
OF_ALL = (*SOURCE_OPTIONS, "new_labels", "limit")  # options that say what the data is
NAME = re.compile(r"\w[\w.-]{0,99}")


@dataclass(frozen=True)
class PlannedRun:
    """A training of a plan.

    Args:
        name: of its folder: the name in the plan, and with seeds ``-seed`` and the seed.
        group: the name in the plan, that its runs from several seeds share.
        options: as `tellapart.train` takes them.
        config: the same, checked.
    """

    name: str
    group: str
    options: dict[str, Any]
    config: TrainConfig


@dataclass(frozen=True)
class ExperimentPlan:
    """What an experiment trains.

    Args:
        name: what the plan is called in messages.
        data: the sources; see `tellapart.data.merging.merge`.
        shared: how they are read, and with which seed they are split and sampled, once for all runs.
        runs: in the order of the plan.
    """

    name: str
    data: tuple[str | Path, ...]
    shared: TrainConfig
    runs: tuple[PlannedRun, ...]


def read_plan(plan: str | Path | Mapping[str, Any]) -> ExperimentPlan:
    """Read an experiment plan; every option of every run is checked.

    Args:
        plan: a YAML file, or the same as a mapping. ``data`` is a source or a list of them, ``options`` and each of
            ``runs`` are options of `tellapart.training.config.TrainConfig`; with ``seeds`` each run is trained from
            each of them. Paths are relative to where the command runs, as everywhere.

    Raises:
        ConfigError: no such file, or a key, a name, an option or a value that does not fit.

    >>> plan = read_plan({"data": "photos", "seeds": [0, 1], "runs": {"plain": None, "mixup": {"mixup": 0.2}}})
    >>> [run.name for run in plan.runs]
    ['plain-seed0', 'plain-seed1', 'mixup-seed0', 'mixup-seed1']
    """
    name = "the plan" if isinstance(plan, Mapping) else str(plan)
    value = plan if isinstance(plan, Mapping) else read_yaml(plan, "the plan")
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(f"{name}: write {', '.join(KEYS[:-1])} and {KEYS[-1]}, as `key: value`")
    for key in map(str, value):
        if key not in KEYS:
            raise ConfigError(f"{name}: no key {key!r}{did_you_mean(key, KEYS)}; there are: {', '.join(KEYS)}")
    data = _sources(value.get("data"), name)
    options = _options(value.get("options"), f"{name}: options")
    seeds = _seeds(value.get("seeds"), name)
    stated = value.get("runs")
    if not isinstance(stated, Mapping) or not stated:
        raise ConfigError(f"{name}: runs: write one a line, as `name: {{option: value}}`")
    runs = tuple(run for key, own in stated.items() for run in _runs(str(key), own, options, seeds, name))
    if len(runs) < 2:
        raise ConfigError(f"{name}: one run ({runs[0].name}); write two or more, or several seeds")
    of_data = {key: options[key] for key in (*OF_ALL, "seed") if key in options}
    return ExperimentPlan(name, data, make_config(options=of_data), runs)


def _sources(data: Any, name: str) -> tuple[str | Path, ...]:
    sources = tuple(data) if isinstance(data, list | tuple) else (data,)
    if not sources or not all(isinstance(each, str | Path) and str(each) for each in sources):
        raise ConfigError(f"{name}: data: name a folder, a table, Parquet shards or a catalog, or a list of these")
    return sources


def _options(options: Any, where: str) -> dict[str, Any]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ConfigError(f"{where}: write one option a line, as `key: value`")
    try:
        check_option_names(map(str, options), [item.name for item in fields(TrainConfig)])
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return dict(options)


def _seeds(seeds: Any, name: str) -> list[int | None]:
    """The seeds, or none alone where the plan has none."""
    if seeds is None:
        return [None]
    if (
        not isinstance(seeds, list | tuple)
        or not seeds
        or not all(type(each) is int for each in seeds)
        or len(set(seeds)) < len(seeds)
    ):
        raise ConfigError(f"{name}: seeds: give a list of different whole numbers, such as [0, 1, 2]")
    return list(seeds)


def _runs(group: str, stated: Any, shared: Mapping[str, Any], seeds: list[int | None], name: str) -> list[PlannedRun]:
    """The runs of one name, one from each seed."""
    where = f"{name}: run {group}"
    if not NAME.fullmatch(group):
        raise ConfigError(f"{name}: run {group!r}: its name names its folder; write letters, digits, '-', '_' and '.'")
    own = _options(stated, where)
    if of_all := [key for key in own if key in OF_ALL]:
        raise ConfigError(f"{where}: {join_some(of_all)}: all runs share the data; write it under options")
    if "seed" in own and seeds != [None]:
        raise ConfigError(f"{where}: seed {own['seed']} beside seeds; write one of the two")
    runs = []
    for seed in seeds:
        options = {**shared, **own} | ({} if seed is None else {"seed": seed})
        try:
            config = make_config(options=options)
        except ConfigError as error:
            raise ConfigError(f"{_culprit(shared, str(error), name) or where}: {error}") from error
        runs.append(PlannedRun(group if seed is None else f"{group}-seed{seed}", group, options, config))
    return runs


def _culprit(shared: Mapping[str, Any], error: str, name: str) -> str | None:
    """The place of the shared options, where these alone have the same error."""
    try:
        make_config(options=shared)
    except ConfigError as alone:
        return f"{name}: options" if str(alone) == error else None
    return None
