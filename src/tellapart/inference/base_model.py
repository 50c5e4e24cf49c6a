"""The readers that ship with the package, and the names that stand for them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TypeGuard

BASE = "base"  # the reader that answers; a folder of this name is ./base
BASE_SMALL = "small"  # a smaller, faster one, with which many images' trainings begin; a folder of this name is ./small
SHIPPED = (BASE, BASE_SMALL)


def is_shipped(model: object) -> TypeGuard[str]:
    """Whether a name stands for a reader that ships; wherever a model is asked for, such a name is one.

    >>> is_shipped("base"), is_shipped("small"), is_shipped("./base")
    (True, True, False)
    """
    return isinstance(model, str) and model in SHIPPED


def shipped_reader(name: str) -> Path:
    """The bundle of the shipped reader of a name, `BASE` or `BASE_SMALL`.

    >>> from tellapart.inference.bundle import Bundle
    >>> Bundle.open(shipped_reader("small")).preprocess.channels
    1
    """
    return Path(str(resources.files("tellapart.inference") / "weights" / name))


def base_reader() -> Path:
    """The bundle of the reader that ``base`` names: deep, in colour.

    Trained on what our generator and open ones of others draw with openly licensed fonts: ``training/README.md``.

    >>> from tellapart.inference.bundle import Bundle
    >>> Bundle.open(base_reader()).task
    'read'
    """
    return shipped_reader(BASE)


def small_reader() -> Path:
    """The bundle of the reader that ``small`` names: of grey pictures, faster, with weights to begin a training with.

    It answers beside the other one where that is unsure, see `tellapart.inference.folder_reading`.
    """
    return shipped_reader(BASE_SMALL)
