"""Many images through one function on all cores, with few of them in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

WINDOW = 256


def in_threads(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Results in the order of the items; at most `WINDOW` items wait. Decoding and numpy leave Python's lock alone.

    >>> list(in_threads(abs, [-1, 2]))
    [1, 2]
    """
    source = iter(items)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        while window := list(islice(source, WINDOW)):
            yield from pool.map(function, window)
