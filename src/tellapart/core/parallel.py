"""Parallel maps over threads or processes: results in the order of the items, few items in memory."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar

from tellapart.core.errors import ConfigError, pluralize
from tellapart.core.malloc import keep_freed_memory

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 256  # items that may wait for a thread, or have been answered and not been asked for
_IDLE = 30  # s that a process waits for more work
_LOOK = 0.5  # s between two looks at whether the main process lives
_GLANCE = 0.1  # s between two looks at whether Ctrl-C was pressed
# A process is one core's share: libraries inside it must not start threads for the others.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def map_threads(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Map a function over items on threads; at most `AHEAD` items wait. For work that releases Python's lock.

    Args:
        function: of one item.
        items: taken only a little ahead of the results.

    Returns:
        Results in the order of the items.

    >>> list(map_threads(abs, [-1, 2]))
    [1, 2]
    """
    with ThreadPoolExecutor(cpu_count()) as pool:
        try:
            yield from in_order(pool, function, items, AHEAD)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def map_processes(function: Callable[[A], B], items: Iterable[A], *, workers: int | None = None) -> Iterator[B]:
    """Map a function over items on processes: for many items that take milliseconds each and hold Python's lock.

    The processes are started afresh and never run the caller's script again, so that any script may call this.
    They wait half a minute for the next call.

    Args:
        function: of one item; it stands at the top level of a module.
        items: values that can be pickled, as the results can.
        workers: how many processes; by default one for each core that this process may use.

    Raises:
        ConfigError: a process was killed, most likely for lack of memory.

    >>> list(map_processes(abs, [-1, 2], workers=1))
    [1, 2]
    """
    import loky

    workers = workers or cpu_count()
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # by now: its start would undo the mask of `_deaf`
    with _ctrl_c_later():
        pool: Any = loky.get_reusable_executor(workers, timeout=_IDLE, initializer=_begin, env=_ONE_THREAD)
    done = False
    try:
        yield from in_order(pool, function, items, 3 * workers)
        done = True
    except BrokenProcessPool as error:
        raise ConfigError("a process that helps was killed, most likely for lack of memory; free some and "
                          "start again") from error  # fmt: skip
    finally:
        if not done:  # stopped in the middle: what was begun is not wanted any more
            with _ctrl_c_later():
                pool.shutdown(kill_workers=True)


class ProcessPool:
    """Processes for work that comes piece by piece, begun as those of `map_processes`.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def _pool(self) -> Any:
        import loky

        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()
        return loky.get_reusable_executor(self.workers, timeout=_IDLE, initializer=_begin, env=_ONE_THREAD)

    def submit(self, function: Callable[[A], B], item: A) -> Future[B]:
        """Begin one piece; a pool whose process was killed is begun anew."""
        with _ctrl_c_later(), _deaf():
            future: Future[B] = self._pool().submit(function, item)
        return future

    def kill(self) -> None:
        """End the processes at once."""
        with _ctrl_c_later():
            self._pool().shutdown(kill_workers=True)


def cpu_count() -> int:
    """Cores that this process may use.

    >>> cpu_count() >= 1
    True
    """
    import loky

    return int(loky.cpu_count())


def processor() -> str:
    """The processor in words: how many cores this process may use, and their model.

    >>> processor().startswith(str(cpu_count()))
    True
    """
    name = platform.processor() or platform.machine()
    with suppress(OSError):  # Linux alone
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{pluralize(cpu_count(), 'core')} of {name}"


def in_order(pool: Executor, function: Callable[[A], B], items: Iterable[A], ahead: int) -> Iterator[B]:
    """Results in the order of the items; at most ``ahead`` of them wait in the pool.

    Ctrl-C is heard between two items only: in the middle of a call it would leave a lock of the pool taken for ever.
    """
    waiting: deque[Future[B]] = deque()
    for item in items:
        with _ctrl_c_later(), _deaf():
            waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _result(future: Future[B]) -> B:
    """What came of it; Ctrl-C ends the wait."""
    with _ctrl_c_later() as pressed:
        while not pressed and not wait([future], _GLANCE).done:
            pass
    return future.result()  # it is there, unless Ctrl-C was raised by now


@contextmanager
def _ctrl_c_later() -> Iterator[list[int]]:
    """Ctrl-C takes effect at the end of the block; the list says whether it was pressed by now."""
    pressed: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    heard = before not in (None, signal.SIG_IGN) and threading.current_thread() is threading.main_thread()
    if not heard:
        yield pressed
        return

    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _deaf() -> Iterator[None]:
    """A process begun in the block never hears Ctrl-C, not even before `_begin`: it inherits the mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Ctrl-C is for the main process, which then stops the others in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    keep_freed_memory()


def _end_with(parent: int) -> None:
    """End when the main process is gone, in the middle of an item too: nobody waits for it."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
