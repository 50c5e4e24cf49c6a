"""Locks that end with their process: the kernel's, of an open file, and who holds one in words."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from pathlib import Path

LOCK = ".lock"  # the file in a folder that one command holds at a time
_MOST = 60  # characters of a target's name in that of its lock: a file system takes 255 bytes
_LOCKED = 1 << 30  # the byte that Windows locks: beyond what a file holds, as nobody else can read a locked one


def target_lock(name: str) -> str:
    """The name of the lock beside a target.

    >>> target_lock("drawn")
    '.drawn.lock'
    """
    return f".{name[:_MOST]}{LOCK}"


def is_lock(name: str) -> bool:
    """Whether a file's name is that of a lock, of a folder or of a target in it."""
    return name.startswith(".") and name.endswith(LOCK)


def lock(file: int, *, wait: bool) -> None:
    """Lock an open file until it is closed or this process ends.

    Args:
        file: its descriptor.
        wait: wait for whoever holds it.

    Raises:
        BlockingIOError: another holds it, and ``wait`` is false.
        OSError: the file system has no locks.
        ImportError: the system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        while True:
            os.lseek(file, _LOCKED, os.SEEK_SET)
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
                return
            except PermissionError as error:
                if not wait:
                    raise BlockingIOError(error.errno, "another process holds the lock") from error
            time.sleep(0.05)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def try_lock(file: int) -> bool | None:
    """Lock an open file if nobody holds it.

    Returns:
        Whether this process holds the lock now; None where there are no locks.
    """
    try:
        lock(file, wait=False)
    except BlockingIOError:
        return False
    except (OSError, ImportError):
        return None
    return True


def leads_to(path: Path, file: int) -> bool:
    """Whether a path leads to an open file: it does not once the file was removed or replaced."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def host_name() -> str:
    """This machine's name, of signs that every file system takes."""
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:30] or "localhost"


def process_lives(process: int, host: str) -> bool:
    """Whether a process may live still. Of another host, and on Windows, nobody can tell, so it may.

    >>> process_lives(os.getpid(), host_name()), process_lives(os.getpid(), "elsewhere")
    (True, True)
    """
    if host != host_name() or sys.platform == "win32":  # there os.kill ends a process whatever it is told
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
