"""BentoML's arbiter, out of other users' reach.

The process that watches over those of a Bento takes commands, one of which runs a program, on a TCP port of this
machine, and asks nobody who they are. Here it takes them on a socket file in a folder that only its own user may enter.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import zmq
from bentoml._internal.utils import circus

_PREFIX = "tellapart-arbiter-"
LOOK = 1.0  # seconds between two looks whether the processes live; by itself it looks every ten


def close_arbiter() -> None:
    """Let every arbiter that BentoML makes from now on listen on socket files of its own user."""
    if not issubclass(circus.Arbiter, _Private):
        circus.Arbiter = type("Arbiter", (_Private, circus.Arbiter), {})  # type: ignore[assignment, misc]
        circus.ThreadedArbiter = type("ThreadedArbiter", (_Private, circus.ThreadedArbiter), {})  # type: ignore[assignment, misc]


def _socket_folder() -> str:
    """Make a folder of mode 0700 whose path leaves room for a socket's name, of which systems allow 107 bytes or so."""
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    if len(os.fsencode(f"{folder}/commands")) <= zmq.IPC_PATH_MAX_LEN:
        return folder
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp")


class _Private:
    def __init__(self, *args: Any, endpoint: str, pubsub_endpoint: str, check_delay: float = 0.0, **more: Any) -> None:
        del endpoint, pubsub_endpoint, check_delay
        folder, maker = _socket_folder(), os.getpid()

        def remove() -> None:
            if os.getpid() == maker:
                shutil.rmtree(folder, ignore_errors=True)

        atexit.register(remove)
        commands, events = f"ipc://{folder}/commands", f"ipc://{folder}/events"
        more |= {"endpoint": commands, "pubsub_endpoint": events, "check_delay": LOOK}
        super().__init__(*args, **more)
