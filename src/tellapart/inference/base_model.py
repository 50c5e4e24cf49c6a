"""The reader that ships with the package, and the name that stands for it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

BASE = "base"  # the name of the reader that ships with the package; a folder of this name is ./base


def base_reader() -> Path:
    """The bundle of the reader that ships with the package; wherever a model is asked for, ``base`` names it.

    Trained on nothing but what our generator draws with openly licensed fonts: ``training/README.md``.

    >>> from tellapart.inference.bundle import Bundle
    >>> Bundle.open(base_reader()).task
    'read'
    """
    return Path(str(resources.files("tellapart.inference") / "weights" / "base"))


def wide_reader() -> Path:
    """The bundle of a second reader that ships with the package: deeper, in colour, of a wider world.

    It answers beside the first one where that is unsure of many pictures, see `tellapart.inference.folder_reading`.
    """
    return Path(str(resources.files("tellapart.inference") / "weights" / "wide"))
