"""The process above those that answer: it starts them, starts again what dies, and ends them without losing a request.

Nobody can tell it anything: it listens nowhere, and hears signals of its own user alone. Its processes hear of its end
by a pipe that only it holds open.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead

from tellapart.serving.json_log import log_event
from tellapart.serving.listening import refuse_new_connections
from tellapart.serving.settings import Settings

LOOK = 0.1  # seconds between two looks whether the processes live
LONGEST = 30.0  # seconds for what is being answered, once the server is to end
_YOUNG = 5.0  # seconds; who dies younger is started again only after a pause
_PAUSE = 30.0  # seconds, the longest


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    started: float
    pause: float = 0.0  # before it is started again


class Supervisor:
    """Starts the processes of a server and keeps their number.

    Args:
        settings: of the server.
        listener: the socket that all of them take connections from.
        lock: the open file that keeps other servers off the state folder; each of them holds it too.
    """

    def __init__(self, settings: Settings, listener: socket.socket, lock: int) -> None:
        self._settings, self._listener, self._lock = settings, listener, lock
        self._reports = Path(settings.state) / "workers"
        self._ready = False
        self._stopping = 0  # signals that asked for the end
        self._alive, self._held_open = os.pipe()

    def run(self) -> int:
        """Until a signal; the exit status."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._asked_to_stop)
        workers = [self._start() for _ in range(self._settings.workers)]
        status = 0
        while not self._stopping and not status:
            time.sleep(LOOK)
            for place, worker in enumerate(workers):
                status = status or self._look_after(workers, place, worker)
            if not self._ready and all(self._is_ready(worker) for worker in workers):
                self._ready = True
                log_event("ready", address=self._settings.address, processes=len(workers))
        return self._stop(workers) or status

    def _start(self, pause: float = 0.0) -> _Worker:
        process = subprocess.Popen(  # noqa: S603  (numbers of open files alone)
            [sys.executable, "-m", "tellapart.serving", "worker", str(self._listener.fileno()), str(self._alive)],
            pass_fds=(self._listener.fileno(), self._alive, self._lock),
        )
        return _Worker(process, time.monotonic(), pause)

    def _look_after(self, workers: list[_Worker], place: int, worker: _Worker) -> int:
        """Start a process again that has ended; a status if the server cannot go on."""
        status = worker.process.poll()
        if status is None:
            return 0
        self._forget(worker)
        if not self._ready:  # it has said why
            return status if status > 0 else 1
        age = time.monotonic() - worker.started
        if age > worker.pause + _YOUNG:
            worker.pause = 0.0
        elif worker.pause == 0.0:
            worker.pause = LOOK
        if age < worker.pause:
            return 0
        log_event("restarted", level="error", process=worker.process.pid, status=status)
        workers[place] = self._start(min(_PAUSE, 2 * worker.pause))
        return 0

    def _is_ready(self, worker: _Worker) -> bool:
        return (self._reports / f"{worker.process.pid}.json").exists()

    def _forget(self, worker: _Worker) -> None:
        """Of a process that has ended: what it had loaded, and the figures of what lives."""
        (self._reports / f"{worker.process.pid}.json").unlink(missing_ok=True)
        with suppress(OSError):
            mark_process_dead(worker.process.pid)  # type: ignore[no-untyped-call]

    def _asked_to_stop(self, _: int, __: FrameType | None) -> None:
        self._stopping += 1

    def _stop(self, workers: list[_Worker]) -> int:
        """Let each process finish what it has begun; whoever asks twice, or waits too long, ends them at once."""
        log_event("stopping")
        refuse_new_connections(self._listener)
        self._listener.close()
        for worker in workers:
            worker.process.terminate()
        end, asked = time.monotonic() + LONGEST, self._stopping
        while any(worker.process.poll() is None for worker in workers):
            if time.monotonic() > end or self._stopping > asked:
                break
            time.sleep(LOOK / 2)
        killed = [worker for worker in workers if worker.process.poll() is None]
        for worker in killed:
            worker.process.kill()
        for worker in workers:
            worker.process.wait()
            self._forget(worker)
        log_event("stopped", killed=len(killed))
        return 1 if killed else 0
