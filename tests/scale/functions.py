"""Functions of a part that tests give out; workers import them by name."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa

from tellapart.core.errors import CatalogError


def square(inputs, options):
    """A row for each number."""
    yield pa.table({"n": inputs["n"], "square": [n * n for n in inputs["n"]]})


def nothing(inputs, options):
    """No table at all."""
    return iter(())


def broken(inputs, options):
    """Rows with an error each."""
    yield pa.table({"n": inputs["n"], "error": ["bad"] * len(inputs["n"])})


def killed_once(inputs, options):
    """Ends its process without a word, at the first try of part 3."""
    marker = Path(options["marker"])
    if 3 in inputs["n"] and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield from square(inputs, options)


def failing(inputs, options):
    """Fails always at part 1; elsewhere never. Counts its tries."""
    if inputs["n"] == [1]:
        with Path(options["marker"]).open("a") as file:
            file.write("x")
        raise OSError("the disk is on fire")
    yield from square(inputs, options)


def unusable(inputs, options):
    """Input that is none, at part 1."""
    if inputs["n"] == [1]:
        raise CatalogError("shard 1: cannot be read as Parquet")
    yield from square(inputs, options)
