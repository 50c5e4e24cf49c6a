"""Who wants to know of a training while it runs: a thread looks at the run folder and tells them of each epoch.

It looks at files, as several networks may learn in processes of their own, and it keeps no training waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from tellapart.core.progress import log
from tellapart.training.run_folder import Run

PAUSE = 1.0  # seconds between two looks


class RunObserver(Protocol):
    """Somebody who follows a training by its run folder."""

    def update(self) -> None:
        """Something is new: an epoch has ended, or the weights are there."""

    def close(self, error: BaseException | None) -> None:
        """The training has ended, by an error or not; epochs that were not told of by then are in the run folder."""


@contextmanager
def observed(run: Run, observers: Sequence[RunObserver]) -> Iterator[None]:
    """Tell observers what happens in a run folder while the block runs.

    What fails in an observer is noted on stderr and stops no training.

    Args:
        run: the run that is trained in the block.
        observers: each is updated once at the beginning.
    """
    if not observers:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(run, observers, done), daemon=True)
    thread.start()
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        done.set()
        thread.join()
        for each in observers:
            try:
                each.close(error)
            except Exception as failure:
                _note(failure)


def _watch(run: Run, observers: Sequence[RunObserver], done: threading.Event) -> None:
    seen: object = None
    failed: set[str] = set()
    while True:
        last = done.wait(PAUSE if seen is not None else 0)
        now = run.histories(), run.finished
        if now != seen:
            seen = now
            for each in observers:
                try:
                    each.update()
                except Exception as failure:
                    if str(failure) not in failed:
                        _note(failure)
                    failed.add(str(failure))
        if last:
            return


def _note(failure: Exception) -> None:
    log(f"note: the training goes on, but {failure}")
