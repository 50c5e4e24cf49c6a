"""Runs that are killed at a write: a process of their own ends by SIGKILL at the n-th change of a folder.

A change is whatever Python is told to do to a path below the folder: opening to write, renaming, removing, making; and
each publication by `tellapart.core.files`, before and after it. What libraries write lies between two of these.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

CHANGES = {
    "os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1,
    "shutil.rmtree": 1, "os.chmod": 1,
}  # fmt: skip


def is_change(event, arguments, root):
    """Whether an event of Python's audit hooks changes something below a folder."""
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        return bool(writes) and below(path, root)
    return event in CHANGES and any(below(path, root) for path in arguments[: CHANGES[event]])


def below(path, root):
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    name = os.fsdecode(path)
    return name.startswith(root) and not name.endswith(".lock")  # a lock is no result: who is killed then has ended


def run_killed(call, folder, at):
    """Call in a process of its own that is killed before its ``at``-th change below a folder, from 1.

    Args:
        call: what to do; what it returns is dropped.
        folder: whose changes count.
        at: 0: it is never killed.

    Returns:
        Whether it was killed; False where it came to its end.

    Raises:
        AssertionError: it failed by itself.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if not process:
        status = 1
        try:
            if hasattr(
                os, "sched_setaffinity"
            ):  # OpenMP's threads do not outlive a fork: a second one would be waited for
                os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            arm(str(folder), at)
            call()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        assert at
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def arm(root, at):
    """Let this process be killed before its ``at``-th change."""
    from tellapart.core import files

    count = 0

    def change():
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        if is_change(event, arguments, root):
            change()

    sys.addaudithook(hook)
    publish = files._publish

    def published(temporary, path):
        if below(path, root):
            change()
        publish(temporary, path)
        if below(path, root):
            change()

    files._publish = published


def kill_one_after_the_other(call, folder, step=1):
    """Kill a command at its first change, the same again at its second, and so on until it comes to its end.

    Returns:
        How often it was killed.
    """
    at, kills = 1, 0
    while run_killed(call, folder, at):
        at, kills = at + step, kills + 1
    return kills


def contents_of(folder):
    """Every file below a folder with its bytes; the lock is none of them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
