"""Everything a training can be told, in one place: for Python, the command line and YAML alike.

``None`` means "decide from the data"; `tellapart.plan` fills such values in, and the run keeps the
filled-in configuration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from tellapart.errors import ConfigError, closest, some

RECIPE_PARTS = ("generate", "prepare")  # of a recipe, beside the options of its training


@dataclass(frozen=True)
class Stage:
    """A part of a training: what learns, for how long, how fast.

    Args:
        train: ``solve`` (the head in closed form on frozen features, once), ``head`` (everything else frozen),
            ``last:N`` (the last N blocks and the head), or ``all``.
        epochs: how many times the training images are seen; ``solve`` sees them once whatever is said.
        lr: the peak learning rate; it warms up to it and falls to nearly nothing along a cosine.
        lr_factor: how much slower the backbone learns than the head.
    """

    train: str = "all"
    epochs: int = 10
    lr: float = 1e-3
    lr_factor: float = 1.0

    def __post_init__(self) -> None:
        kind, _, count = self.train.partition(":")
        if not (self.train in ("solve", "head", "all") or (kind == "last" and count.isdigit() and int(count) > 0)):
            raise ConfigError(f"stage: train {self.train!r}: give solve, head, last:N or all")
        if self.epochs < 1 or not 0 < self.lr < math.inf or not 0 <= self.lr_factor < math.inf:
            raise ConfigError(f"stage {self.train!r}: epochs must be at least 1, lr above 0, lr_factor 0 or more")


@dataclass(frozen=True)
class TrainConfig:
    """The options of ``tellapart train``.

    Args:
        task: classify (image to class) or read (image to text); by default as the labels suggest.
        seed: of the split, the order, the augmentation and the first weights.
        groups: YAML file, group to list of classes; both levels are scored.
        label_from: auto, folder, prefix, text, or a regular expression over file names with one group.
        file_column: the table column that names the image.
        label_column: the table column that holds the class or text.
        together: a table column whose equal values never cross a split.
        effort: quick solves the head on frozen features, in seconds; good trains the head, then the whole network
            slowly. For networks that start from pretrained weights.
        backbone: a timm model by name, or "small" (our own, from scratch). By default EfficientNet-Lite0
            with ImageNet weights, or "small" where images are under 64 px.
        pretrained: start from ImageNet weights where the backbone has them.
        height: of what the network sees, in px.
        width: likewise; for reading it follows the picture.
        colour: grey, rgb, or auto: as the images are.
        stages: what learns when; a list of {train, epochs, lr, lr_factor}.
        epochs: scales the stages to this many epochs in all.
        batch_size: images a step.
        augment: photo (flip, turn, zoom, colour), glyph (no flip), or none.
        class_weights: balanced weighs rare classes up; none does not.
        label_smoothing: for classify.
        dropout: before the head.
        patience: stop a stage after so many epochs without a better validation score.
        device: auto, cpu, cuda or mps.
        precision: float32, bfloat16, or auto: the faster of the two that this processor and network have.
        cache_gb: memory and disk that decoded pixels may take; what does not fit is decoded each epoch.
    """

    task: Literal["classify", "read"] | None = None
    seed: int = 0
    groups: str | None = None
    label_from: str = "auto"
    file_column: str | None = None
    label_column: str | None = None
    together: str | None = None
    effort: Literal["quick", "good"] = "good"
    backbone: str | None = None
    pretrained: bool = True
    height: int | None = None
    width: int | None = None
    colour: Literal["auto", "grey", "rgb"] = "auto"
    stages: list[Stage] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    augment: Literal["photo", "glyph", "none"] | None = None
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.1
    dropout: float = 0.2
    patience: int = 10
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    cache_gb: float = 4.0

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("height", 8), ("width", 8), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise ConfigError(f"{name} {value}: give at least {low}")
        if self.stages is not None and not self.stages:
            raise ConfigError("stages: give at least one, or leave them out")
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("label_smoothing and dropout: give a number from 0 up to, but not including, 1")
        if self.cache_gb < 0:
            raise ConfigError(f"cache_gb {self.cache_gb}: give 0 or more")

    def to_dict(self) -> dict[str, Any]:
        """As plain values for YAML."""
        return asdict(self)


def make_config(
    recipe: str | None = None, config: str | Path | None = None, options: Mapping[str, Any] | None = None
) -> TrainConfig:
    """A configuration from a packaged recipe, then a YAML file, then options; each overrides the last.

    Raises:
        ConfigError: an unknown recipe, file, key or value.

    >>> make_config(options={"epochs": 3}).epochs
    3
    >>> make_config(options={"epoch": 3})
    Traceback (most recent call last):
    tellapart.errors.ConfigError: unknown option 'epoch' (did you mean 'epochs'?)
    """
    merged: dict[str, Any] = {}
    if recipe is not None:
        merged |= _mapping(recipe_text(recipe), f"recipe {recipe}")
    if config is not None:
        try:
            text = Path(config).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{config}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{config}: not UTF-8 text; save it as UTF-8") from error
        merged |= _mapping(text, str(config))
    for part in RECIPE_PARTS:  # what a recipe draws or prepares is no option of a training
        merged.pop(part, None)
    merged |= options or {}
    known = {item.name for item in fields(TrainConfig)}
    for key in merged:
        if key not in known:
            raise ConfigError(f"unknown option {key!r}{closest(str(key), known)}")
    return _checked(merged)


def _checked(values: Mapping[str, Any]) -> TrainConfig:
    """Types checked by jsonargparse, by the same annotations that make the command line."""
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig)
    plain = {
        key: [asdict(stage) if isinstance(stage, Stage) else stage for stage in value]
        if key == "stages" and isinstance(value, list | tuple)
        else str(value)
        if isinstance(value, Path)
        else value
        for key, value in values.items()
    }
    try:
        made = parser.instantiate(parser.parse_object(plain))
    except (ArgumentError, TypeError, ValueError) as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(in_plain_words(error)) from error
    return TrainConfig(**made.as_dict() | {"stages": made.stages and [_stage(stage) for stage in made.stages]})


_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list", "str": "a text"}


def in_plain_words(error: Exception) -> str:
    """What jsonargparse says of a value that does not fit, for people.

    >>> make_config(options={"epochs": "many"})
    Traceback (most recent call last):
    tellapart.errors.ConfigError: option epochs: 'many' does not fit; give a whole number
    >>> make_config(options={"task": "guess"})
    Traceback (most recent call last):
    tellapart.errors.ConfigError: option task: 'guess' does not fit; give 'classify' or 'read'
    """
    text = " ".join(str(error).split())
    key = re.search(r"(?:[Kk]ey|[Aa]rgument) [\"'-]*([\w.]+)", text)
    given = re.search(r"(?:Given|Got) value: (.*)$", text)
    unknown = re.search(r"Option '(\w+)' is not accepted", text)
    if key is None or (given is None and unknown is None):
        return text
    if unknown is not None:
        return f"option {key[1]}: it knows no {unknown[1]!r}"
    kinds = re.findall(r"Expected an? (.*?)(?= - Expected| Given value|\. Got value| Subtypes|$)", text)
    names = [
        re.sub(r"<class '(\w+)'>", lambda match: _KINDS.get(match[1], match[1]), kind)
        for kind in kinds
        if "NoneType" not in kind
    ]
    names = [" or ".join(re.findall(r"'[^']*'", name)) if "Literal" in name else name for name in names]
    assert given is not None
    return f"option {key[1]}: {given[1]!r} does not fit; give {' or '.join(names) or 'another kind of value'}"


def _stage(value: Any) -> Stage:
    return value if isinstance(value, Stage) else Stage(**(value if isinstance(value, dict) else value.as_dict()))


def recipe_names() -> list[str]:
    """The packaged recipes.

    >>> "animal-object" in recipe_names()
    True
    """
    folder = resources.files("tellapart") / "recipes"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """A packaged recipe as it stands, its header saying command, data, time and score.

    Raises:
        ConfigError: there is no such recipe.
    """
    if name not in recipe_names():
        raise ConfigError(f"no recipe {name!r}{closest(name, recipe_names())}; there are: {some(recipe_names(), 20)}")
    return (resources.files("tellapart") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def recipe_part(name: str, part: str) -> dict[str, Any] | None:
    """What a recipe says beside its options: what it draws (``generate``), how data is prepared; or None.

    >>> recipe_part("captcha-characters", "generate")["n"]
    6000
    """
    said = _mapping(recipe_text(name), f"recipe {name}").get(part)
    return said if isinstance(said, dict) else None


def _mapping(text: str, name: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: write one option a line, as `key: value`")
    return value
