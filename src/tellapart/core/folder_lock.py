"""One command at a time in a folder, or on a target: another is refused in words, and a dead one's lock gives way."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from tellapart.core.errors import ConfigError
from tellapart.core.files import remove_leftovers
from tellapart.core.locks import LOCK, host_name, leads_to, process_lives, target_lock, try_lock

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_NEWBORN = 10  # seconds in which a lock without a holder's name may be one that is just being made
_MOST_SHOWN = 80  # characters of a holder's command line


@contextmanager
def hold_folder(folder: str | Path) -> Iterator[None]:
    """Keep other commands off a folder while the block runs, and remove what killed writers left in it.

    The folder is made where it is missing, and removed again if nothing was written into it. In a folder that cannot
    be written there is nothing to hold.

    Args:
        folder: that the command works in.

    Raises:
        ConfigError: another command works in it, or it is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: a file; name a folder (--out)")
    with _held(folder / LOCK, str(folder), "folder") as held:
        if held:
            remove_leftovers(folder)
        yield


@contextmanager
def hold_target(path: str | Path) -> Iterator[None]:
    """Keep other commands off a file or folder that is written beside and then takes its name, while the block runs.

    Args:
        path: the target; the lock lies beside it.

    Raises:
        ConfigError: another command writes it.
    """
    path = Path(path).absolute()
    with _held(path.with_name(target_lock(path.name)), str(path), "target"):
        yield


@contextmanager
def _held(lock: Path, what: str, kind: str) -> Iterator[bool]:
    """Hold a lock file; false where none can be made. Folders made for it go again if nothing else was written there.

    Args:
        lock: the file.
        what: the thing that it keeps others off, for messages.
        kind: ``folder`` or ``target``.
    """
    made = [each for each in lock.parents if not each.exists()]
    file = _acquire(lock, what, kind)
    try:
        yield file is not None
    finally:
        if file is not None:
            _release(lock, file)
        with suppress(OSError):  # not empty: it was needed
            for each in made:
                each.rmdir()


def _acquire(path: Path, what: str, kind: str) -> int | None:
    """The descriptor of the lock file, which this process has now; None where no file can be made.

    Where there are no locks, the file itself is the lock, and its text says whose it is.

    Raises:
        ConfigError: another process has it.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file, made = _open(path)
        except FileNotFoundError:  # removed by whoever had it, just now
            continue
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            return None
        try:
            if _take(path, file, made, what, kind):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _take(path: Path, file: int, made: bool, what: str, kind: str) -> bool:
    """Take an open lock file; false if its path leads to another one, or to none, by now.

    Raises:
        ConfigError: another process has it.
    """
    free, holder = try_lock(file), _Holder.read(file)
    if free is False or (free is None and not made and not _is_stale(holder, file)):
        remedy = f"; if it is gone, remove {path}" if free is None else ""
        raise ConfigError(
            f"{what}: in use by {holder or 'another process'}; wait for it or stop it, or name another {kind} "
            f"(--out){remedy}"
        )
    if free is None and not made:
        path.unlink(missing_ok=True)
    if leads_to(path, file):
        _Holder.this().write(file)
        return True
    return False


def _open(path: Path) -> tuple[int, bool]:
    """The descriptor of a lock file, and whether it was made here and now."""
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644), True
    except FileExistsError:
        return os.open(path, os.O_RDWR), False


def _release(path: Path, file: int) -> None:
    """Give a lock back; its file goes first, while nobody else can have it."""
    if sys.platform == "win32":  # where what is open cannot be removed
        os.close(file)
        with suppress(OSError):
            path.unlink()
        return
    if leads_to(path, file):
        path.unlink(missing_ok=True)
    os.close(file)


def _is_stale(holder: _Holder | None, file: int) -> bool:
    """Where there are no locks: whether whoever made a lock file is gone."""
    if holder is None:  # it says nothing yet, or its maker was killed before it could
        return os.fstat(file).st_mtime < time.time() - _NEWBORN
    return not process_lives(holder.process, holder.host)


@dataclass(frozen=True)
class _Holder:
    """Who has a lock, as its file says: process, host, since when, and the command line."""

    process: int
    host: str
    since: str
    command: str

    def __str__(self) -> str:
        where = "" if self.host == host_name() else f" on {self.host}"
        return f"process {self.process}{where} since {self.since} ({shorten(self.command, _MOST_SHOWN)})"

    @classmethod
    def this(cls) -> _Holder:
        words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        return cls(os.getpid(), host_name(), time.strftime("%Y-%m-%d %H:%M:%S"), words)

    @classmethod
    def read(cls, file: int) -> _Holder | None:
        """What a lock file says; None while it says nothing yet."""
        os.lseek(file, 0, os.SEEK_SET)
        try:
            value = json.loads(os.read(file, 1 << 16))
            return cls(int(value["process"]), str(value["host"]), str(value["since"]), str(value["command"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: int) -> None:
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(vars(self)).encode())
