"""Progress for people: on stderr, only where a person is looking, with the time that is left."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int, *, show: bool = True) -> Iterator[T]:
    """Pass the items on, drawing a bar with the time left where stderr is a terminal.

    >>> list(track([1, 2], "counting", 2))
    [1, 2]
    """
    if not show or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as bar

    yield from bar(items, what, total=total, console=Console(stderr=True), transient=True)


def say(*lines: str) -> None:
    """Prose for a person, on stderr."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)
