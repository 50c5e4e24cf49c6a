"""Progress for people: on stderr, only where a person is looking, with the time that is left."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tellapart.core.terminal import printable_lines

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


def clock(seconds: float) -> str:
    """Seconds, or minutes and seconds, as people read them.

    >>> clock(8.24), clock(75)
    ('8.2 s', '1:15 min')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


_speaker = ""


def log(*lines: str) -> None:
    """Write lines for a person to stderr, without signs that a terminal would obey."""
    # One write a line, so that those of several processes do not run into each other.
    for line in lines:
        sys.stderr.write(f"{_speaker}{printable_lines(line)}\n")
    sys.stderr.flush()


def drawable() -> bool:
    """Whether a line may be overwritten: stderr is a terminal, and no other process writes to it."""
    return sys.stderr.isatty() and not _speaker


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Prefix this process's lines with a name meanwhile, where several processes write to one terminal."""
    global _speaker
    before, _speaker = _speaker, f"{name}: "
    try:
        yield
    finally:
        _speaker = before
