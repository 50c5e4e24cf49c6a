"""Decoding in turn: a queue a client, small pictures pass large ones, and pixels in flight are bounded.

A picture of 24 million pixels takes as long as hundreds of small ones, and its file may be a few kB. One queue for all
would let two requests of such pictures stall everybody else for many seconds.
"""

from __future__ import annotations

import heapq
import os
import sys
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from itertools import count

from tellapart.serving.batching import QueueFullError

SMALL = 2_000_000  # pixels up to which a picture is small: decoded in some 40 ms
WAITING = 3_200_000_000  # pixels of large pictures that may be inside a process: about a minute's decoding
_PACE = 40e6  # pixels a second, for the guess when to come again
_NICE = 5  # of the thread for large pictures

Work = Callable[[], None]


class DecodeQueue:
    """Threads that decode, fair among clients by pixels.

    The order is that of fair queueing: a picture's turn comes when its client's pixels, with its own, have come round,
    so that whoever asks for little is not behind whoever asks for much. One thread, of a lower priority, takes large
    pictures alone, one at a time; the others take small ones alone and are never kept waiting by a large one.

    Args:
        threads: for small pictures.
        waiting: pixels of large pictures that may be inside, waiting or being decoded.

    >>> queue, done = DecodeQueue(), []
    >>> queue.submit_large("a client", 24_000_000, lambda: done.append("large"))
    >>> queue.close()
    >>> done
    ['large']
    """

    def __init__(self, threads: int = 2, *, waiting: int = WAITING) -> None:
        self._most = waiting
        self._inside = 0
        self._lock = threading.Lock()
        self._small, self._large = _Lane(self._lock), _Lane(self._lock)
        self._threads = [
            *(threading.Thread(target=self._small.work, name="decode", daemon=True) for _ in range(threads)),
            threading.Thread(target=self._work_large, name="decode-large", daemon=True),
        ]
        for each in self._threads:
            each.start()

    def submit(self, client: Hashable, work: Work) -> None:
        """Do a piece of work of a small picture when its client's turn has come; it raises nothing.

        Args:
            client: whose it is.
            work: reads its header, and decodes it if it is small.
        """
        self._small.put(client, 1, work)

    def submit_large(self, client: Hashable, pixels: int, work: Work) -> None:
        """Do a piece of work of a large picture when its client's turn has come; it raises nothing.

        Args:
            client: whose it is.
            pixels: of the picture, as its header states them.
            work: decodes it.

        Raises:
            QueueFullError: so many pixels are inside already.
        """
        with self._lock:
            if self._inside + pixels > self._most:
                raise QueueFullError(max(1, round((self._inside + pixels - self._most) / _PACE)))
            self._inside += pixels

        def bounded() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._inside -= pixels

        self._large.put(client, pixels, bounded)

    def close(self) -> None:
        """Do what waits, then end."""
        for lane in (self._small, self._large):
            lane.close()
        for each in self._threads:
            each.join()

    def _work_large(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            with suppress(OSError):  # then it is as urgent as the others
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        self._large.work()


class _Lane:
    """Work in the order of its clients' pixels."""

    def __init__(self, lock: threading.Lock) -> None:
        self._wake = threading.Condition(lock)
        self._heap: list[tuple[float, int, Hashable, Work]] = []
        self._due: dict[Hashable, float] = {}  # client that waits → when its last piece is through
        self._now = 0.0  # pixels that have come round
        self._number = count()
        self._closed = False

    def put(self, client: Hashable, pixels: int, work: Work) -> None:
        with self._wake:
            due = max(self._due.get(client, 0.0), self._now) + pixels
            self._due[client] = due
            heapq.heappush(self._heap, (due, next(self._number), client, work))
            self._wake.notify()

    def work(self) -> None:
        while True:
            with self._wake:
                while not self._heap:
                    if self._closed:
                        return
                    self._wake.wait()
                due, _, client, work = heapq.heappop(self._heap)
                self._now = max(self._now, due)
                if self._due[client] == due:  # nothing of this client waits any longer
                    del self._due[client]
            work()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
