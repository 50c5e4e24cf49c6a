"""Parts on the cores of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from tellapart.core.parallel import ProcessPool, cpu_count
from tellapart.scale.job import do_part


class LocalCores:
    """A process a core. One that is killed takes its neighbours' work along, so what is tried again runs alone."""

    alone_again = True

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cpu_count()
        self.pool = ProcessPool(self.workers)

    def slots(self) -> int:
        """Return how many parts may be under way: two a core."""
        return 2 * self.workers

    def submit(self, request: str) -> Future[str]:
        """Begin a part."""
        return self.pool.submit(do_part, request)

    def finished(self, under_way: Sequence[Future[str]]) -> list[tuple[Future[str], str | None, str]]:
        """Wait a moment; return each part that ended, with its answer, or None and why there is none."""
        done, _ = wait(under_way, 0.2, FIRST_COMPLETED)
        ended: list[tuple[Future[str], str | None, str]] = []
        for future in done:
            try:
                ended.append((future, future.result(), ""))
            except BrokenProcessPool:
                ended.append((future, None, "its process was killed, most likely for lack of memory"))
        return ended

    def close(self, *, finished: bool) -> None:
        """Let the processes go, at once if something is under way still."""
        if not finished:
            self.pool.kill()
