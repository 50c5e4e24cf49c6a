"""An even share of the connections for each process.

A connection stays with the process that took it, and of two that wait for the next one the busier takes it, for it is
awake. Left alone one process comes to hold nearly all, and one that was started again gets none.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tellapart.core.files import private_folder
from tellapart.core.locks import lock

_SMOOTH = 0.05  # how much one request counts in the mean over the last ones
_ENDS = 0.05  # of the answers end their connection, while a process has more in hand than others


class LoadBalanceMiddleware:
    """ASGI middleware: while this process has more requests in hand than the others, some answers end their connection.

    Args:
        folder: where each process says how many it has in hand, in memory that all of them see.
        processes: how many there are.
    """

    def __init__(self, app: ASGIApp, folder: Path, processes: int) -> None:
        self._app = app
        self._running = 0
        private_folder(folder)
        self._each = [_number(folder / str(place)) for place in range(processes)]
        self._place = _place(folder, processes)
        if self._place is not None:
            self._each[self._place][0] = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and self._has_more() and random.random() < _ENDS:  # noqa: S311  (shares connections out, keeps no secret)
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        self._running += 1
        if self._place is not None:
            self._each[self._place][0] += _SMOOTH * (self._running - self._each[self._place][0])
        try:
            await self._app(scope, receive, noted)
        finally:
            self._running -= 1

    def _has_more(self) -> bool:
        """Whether moving a connection would make shares more alike."""
        if self._place is None:
            return False
        in_hand = [float(each[0]) for each in self._each]
        return in_hand[self._place] > sum(in_hand) / len(in_hand) + 1


def _number(file: Path) -> npt.NDArray[np.float64]:
    """One number in a file, 0 where it is new."""
    kept = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    os.ftruncate(kept, 8)
    os.close(kept)
    return np.memmap(file, np.float64, "r+", shape=(1,))


def _place(folder: Path, processes: int) -> int | None:
    """The first place that no living process holds, which is this one's until it ends."""
    for place in range(processes):
        held = os.open(folder / str(place), os.O_RDWR)
        try:
            lock(held, wait=False)
            return place
        except BlockingIOError:
            os.close(held)
    return None
