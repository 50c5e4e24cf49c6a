"""What `tellapart tune` searches: which options, and which values of each.

A space is a mapping, the same in Python and in a YAML file:

    lr: {low: 0.0003, high: 0.01, log: true}     # a number from a range; log: as likely to halve as to double
    dropout: {low: 0, high: 0.5}
    batch_size: [32, 64, 128]                    # one of a list
    stages: [[{train: solve}], [{train: solve}, {train: all, epochs: 6}]]

Options are those of a training that change what is learnt, and of its stages `lr`, `lr_factor` and `schedule`,
which go to every stage but ``solve``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.documents import read_yaml
from tellapart.core.errors import ConfigError, did_you_mean, join_some
from tellapart.data.catalog import Catalog
from tellapart.training.auto_config import plan
from tellapart.training.config import Stage, TrainConfig, make_config
from tellapart.training.schedule import TRANSFER_STAGES
from tellapart.training.tasks.registry import get_task

if TYPE_CHECKING:
    from optuna.trial import Trial

Space = dict[str, Any]  # option → a list of values, or {low, high, log}

OF_STAGES = ("lr", "lr_factor", "schedule")
OPTIONS = (
    "stages", "backbone", "pretrained", "height", "width", "colour", "augment", "class_weights", "epochs", "batch_size",
    *OF_STAGES, "label_smoothing", "mixup", "ema", "dropout", "patience", "views",
)  # fmt: skip
OF_EPOCHS = frozenset({*OPTIONS[OPTIONS.index("epochs") :]})  # a head in closed form knows nothing of these


def default_space(config: TrainConfig, catalog: Catalog) -> Space:
    """What is worth searching for a planned configuration, by its task and by whether its network starts from nothing.

    >>> from types import SimpleNamespace as Data
    >>> data = Data(training_rows=lambda: [0, 1], column=lambda name: ["cat", "dog"])
    >>> list(default_space(TrainConfig(backbone="small", stages=[Stage()], batch_size=64, augment="glyph"), data))
    ['augment', 'batch_size', 'lr', 'label_smoothing', 'mixup', 'ema', 'dropout']
    """
    task = get_task(config.task)
    transfer = task.transfers(config)
    stages = config.stages or []
    learning = [stage for stage in stages if stage.train != "solve"]
    if transfer and not learning:
        stages = TRANSFER_STAGES["good"]
        learning = stages[1:]
    lr, epochs = learning[-1].lr, sum(stage.epochs for stage in learning)
    batch = config.batch_size or 32
    space: Space = {"lr": {"low": lr / 6, "high": lr * 4, "log": True}}
    if transfer:
        space |= {
            "stages": [[asdict(stage) for stage in variant] for variant in (TRANSFER_STAGES["quick"], stages)],
            "epochs": [max(1, epochs // 2), epochs, 2 * epochs],
            "height": [192, 224, 256, 288],
            "augment": ["photo", "trivial", "none"],
        }
    else:
        space |= {
            "batch_size": [max(1, batch // 2), batch, 2 * batch],
            "augment": list(task.augmentations),
            "ema": [0.0, 0.99],
            "dropout": {"low": 0.0, "high": 0.5, "log": False},
        }
    space |= task.searched_options(config, catalog)
    if config.augment not in space["augment"]:
        space["augment"].insert(0, config.augment)
    return {option: space[option] for option in OPTIONS if option in space}


def open_options(space: Space, requested: TrainConfig, options: Mapping[str, Any]) -> Space:
    """The space without the options that somebody decided.

    >>> open_options({"lr": [0.1], "mixup": [0.0, 0.2]}, TrainConfig(mixup=0.4), {})
    {'lr': [0.1]}
    """
    usual = TrainConfig()

    def decided(option: str) -> bool:
        name = "stages" if option in OF_STAGES else option
        other = {"lr": "lr", "augment": "augmentations"}.get(option)  # which decides it too
        if other is not None and getattr(requested, other) is not None:
            return True
        return name in options or getattr(requested, name) != getattr(usual, name)

    return {option: values for option, values in space.items() if not decided(option)}


def read_space(path: str | Path) -> Space:
    """A space from a YAML file, every value of it checked.

    Raises:
        ConfigError: no such file, an unknown option, a value that the option does not take, an empty range.
    """
    return validate_space(read_yaml(path), str(path))


def validate_space(spec: Any, name: str = "space") -> Space:
    """The space with values of the options' types, in the order in which they are drawn.

    >>> validate_space({"lr": {"low": "1e-4", "high": 0.01, "log": True}, "height": [32, 48]})
    {'height': [32, 48], 'lr': {'low': 0.0001, 'high': 0.01, 'log': True}}

    Raises:
        ConfigError: see `read_space`.
    """
    if not isinstance(spec, Mapping) or not spec:
        raise ConfigError(f"{name}: write one option a line, as `height: [32, 48]` or `lr: {{low: 0.001, high: 0.01}}`")
    for option in spec:
        if option not in OPTIONS:
            hint = did_you_mean(str(option), OPTIONS)
            raise ConfigError(f"{name}: {option!r} cannot be searched{hint}; there are: {join_some(OPTIONS, 20)}")
    return {option: _values(option, spec[option], f"{name}: {option}") for option in OPTIONS if option in spec}


def _values(option: str, spec: Any, name: str) -> Any:
    if isinstance(spec, list) and spec:
        return [_typed(option, value, name) for value in spec]
    if not isinstance(spec, dict) or not {"low", "high"} <= spec.keys() <= {"low", "high", "log"}:
        raise ConfigError(f"{name}: {spec!r} is no range; give a list of values, or low, high and perhaps log: true")
    low, high = (_typed(option, spec[end], name) for end in ("low", "high"))
    log = spec.get("log", False)
    if any(isinstance(end, bool) or not isinstance(end, int | float) for end in (low, high)):
        raise ConfigError(f"{name}: low and high are for numbers; give a list of values")
    if not isinstance(log, bool):
        raise ConfigError(f"{name}: log {log!r}: give true or false")
    if not low < high or (log and low <= 0):
        raise ConfigError(f"{name}: from {low} to {high}: low must be below high" + (", and above 0 for log" * log))
    return {"low": low, "high": high, "log": log}


def _typed(option: str, value: Any, name: str) -> Any:
    """The value as the option holds it, checked as the command line checks it."""
    try:
        if option in OF_STAGES:
            made: Any = (make_config(options={"stages": [{option: value}]}).stages or [Stage()])[0]
        else:
            made = make_config(options={option: value})
    except ConfigError as error:
        raise ConfigError(f"{name}: {str(error).removeprefix('option ')}") from error
    typed = getattr(made, option)
    return [asdict(stage) for stage in typed] if option == "stages" and typed else typed


def values_of_config(config: TrainConfig, space: Space) -> dict[str, Any]:
    """What a planned configuration says of the options of a space, as far as the space holds it.

    >>> values_of_config(TrainConfig(stages=[Stage(lr=0.1)]), {"lr": {"low": 0.01, "high": 1.0}, "dropout": [0.4]})
    {'lr': 0.1}
    """
    stages = config.stages or []
    learning = [stage for stage in stages if stage.train != "solve"]
    values = config.to_dict() | {"epochs": sum(stage.epochs for stage in learning)}
    for option in OF_STAGES if learning else ():
        values[option] = getattr(learning[-1], option)
    held = {option: values[option] for option in space if option in values}
    return {
        option: value
        for option, value in held.items()
        if (value in spec if isinstance(spec := space[option], list) else spec["low"] <= value <= spec["high"])
    }


def config_of_trial(
    requested: TrainConfig, planned: TrainConfig, settings: Mapping[str, Any], catalog: Catalog
) -> TrainConfig:
    """The planned configuration of a trial; its epochs are those of the untuned one unless they are searched."""
    options = {option: value for option, value in settings.items() if option not in OF_STAGES}
    config = plan(
        make_config(
            options=requested.to_dict() | {"stages": planned.stages, "preprocess": planned.preprocess} | options
        ),
        catalog,
    )
    of_stages = {option: value for option, value in settings.items() if option in OF_STAGES}
    stages = [stage if stage.train == "solve" else replace(stage, **of_stages) for stage in config.stages or []]
    return replace(config, stages=stages)


def draw(trial: Trial, space: Space) -> dict[str, Any]:
    """A value for each option, chosen by the search; none for what a head in closed form does not know."""
    settings: dict[str, Any] = {}
    for option, spec in space.items():
        if option in OF_EPOCHS and all(
            stage["train"] == "solve" for stage in settings.get("stages") or [{"train": ""}]
        ):
            continue
        if isinstance(spec, list):
            values = encode_settings(dict(enumerate(spec)))
            choice = trial.suggest_categorical(option, list(values.values()))
            settings[option] = next(spec[place] for place, value in values.items() if value == choice)
        elif isinstance(spec["low"], int):
            settings[option] = trial.suggest_int(option, spec["low"], spec["high"], log=spec["log"])
        else:
            settings[option] = trial.suggest_float(option, spec["low"], spec["high"], log=spec["log"])
    return settings


def encode_settings(settings: Mapping[Any, Any]) -> dict[Any, Any]:
    """Settings as a study keeps them: stages as a text, for it holds plain values only."""
    return {key: json.dumps(value) if isinstance(value, list) else value for key, value in settings.items()}


def format_value(option: str, value: Any) -> str:
    """A setting in few letters.

    >>> format_value("lr", 0.00123456), format_value("stages", [{"train": "solve"}, {"train": "all", "epochs": 6}])
    ('0.00123', 'solve + all')
    """
    if option == "stages":
        stages = json.loads(value) if isinstance(value, str) else value
        return " + ".join(stage["train"] for stage in stages)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
