"""YAML and JSON that people write: of a bounded size and depth, and refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tellapart.core.errors import ConfigError, InputError
from tellapart.core.progress import log
from tellapart.core.regular_files import read_regular
from tellapart.core.terminal import excerpt
from tellapart.core.text_encoding import UTF8, EncodingError, decode_text

MAX_YAML_BYTES = 1 << 24
MAX_VALUES = 1_000_000  # of a YAML text, with what its references repeat


def read_yaml(path: str | Path, what: str = "", error: type[InputError] = ConfigError) -> Any:
    """The value that a YAML file holds; None where it is empty.

    Args:
        path: the file.
        what: what the file is to a person, such as "the policy", for messages.
        error: the class of the error that is raised.

    Raises:
        InputError: of the class ``error``: the file cannot be read, or is no YAML of a bounded size and depth.
    """
    try:
        text, encoding = decode_text(read_regular(path, MAX_YAML_BYTES))
    except OSError as cause:
        raise error(f"{path}: {what}{' ' if what else ''}cannot be read: {cause.strerror}") from cause
    except EncodingError as cause:
        raise error(f"{path}: {cause}") from cause
    if encoding != UTF8:
        log(f"read as: {encoding} text ({path})")
    return load_yaml(text, str(path), error)


def load_yaml(text: str, name: str, error: type[InputError] = ConfigError) -> Any:
    """The value of a YAML text; None where it is empty.

    Args:
        text: the text.
        name: what it is called in messages.
        error: the class of the error that is raised.

    Raises:
        InputError: of the class ``error``: no YAML, one nested too deep, or one whose references have no end.

    >>> load_yaml("lr: 0.1", "options.yaml")
    {'lr': 0.1}
    """
    try:
        value = yaml.safe_load(text)
        _count_values(value, {})
        return value
    except RecursionError as cause:
        raise error(f"{name}: not YAML: nested too deep") from cause
    except (yaml.YAMLError, ValueError) as cause:  # ValueError: a date that is none, thousands of digits
        raise error(f"{name}: not YAML: {_reason(cause)}") from cause


def _reason(error: Exception) -> str:
    """What is wrong with a YAML text, on one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return excerpt(" ".join(str(error).split()))
    return f"line {mark.line + 1}, column {mark.column + 1}: {excerpt(getattr(error, 'problem', error))}"


def _count_values(value: Any, known: dict[int, int]) -> int:
    """How many values a value holds, itself too, each reference in full.

    Raises:
        ValueError: more than `MAX_VALUES`, or a value that holds itself.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MAX_VALUES + 1  # until it is counted: that of a value which holds itself
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count_values(each, known) for each in inner)
    if known[id(value)] > MAX_VALUES:
        raise ValueError(f"its references repeat more than {MAX_VALUES:,} values")
    return known[id(value)]


def load_json(text: str | bytes, **options: Any) -> Any:
    """The value of a JSON text.

    Args:
        text: the text.
        options: as `json.loads` takes them.

    Raises:
        ValueError: no JSON, or one nested too deep.

    >>> load_json('{"a": 1}')
    {'a': 1}
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
