"""Atomic files and folders (a temporary name beside the target, then a rename), locks, and checks of targets."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError

_LOCKED = 1 << 30  # the byte that Windows locks: beyond what a file holds, as nobody else can read a locked one


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A temporary path to write; renamed to ``path`` on success, removed on any failure.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_file(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise _of(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder to fill; it replaces ``path`` on success and is removed on any failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise _of(path, error) from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".old", dir=path.parent))
            try:
                path.replace(old / "replaced")
                temporary.replace(path)
            except BaseException:
                if (old / "replaced").exists():
                    (old / "replaced").replace(path)
                old.rmdir()
                raise
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON (UTF-8, indented, keys in their order), whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def lock(file: int, *, wait: bool) -> None:
    """Lock an open file until it is closed or this process ends.

    Args:
        file: its descriptor.
        wait: wait for whoever holds it.

    Raises:
        BlockingIOError: another holds it, and ``wait`` is false.
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


def _of(path: Path, error: OSError) -> OSError:
    """The error with the name that the caller knows, not the temporary one."""
    return OSError(error.errno, f"nothing can be written there ({error.strerror})", str(path))


def check_writable(path: str | Path) -> None:
    """Check that a file can be made at ``path``, or where its folder is to be made; nothing is left there.

    Raises:
        ConfigError: it cannot.
    """
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{path}: nothing can be written in {folder} ({error.strerror}); name another place"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_target(path: str | Path, *suffixes: str) -> None:
    """Check that an output file can be written here and overwrites nothing of the user's.

    Args:
        path: where it is to be written.
        suffixes: the endings that it may have; where the first is .parquet, only a catalog may be there already.

    Raises:
        ConfigError: a folder, another ending, a table that is no catalog, or a place where nothing can be written.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"{path}: a folder; name a file that ends in {suffixes[0]}")
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path}: name a file that ends in {suffixes[0]}")
    if suffixes[0] == ".parquet" and path.exists():
        import pyarrow.parquet as pq

        try:
            ours = b"tellapart" in (pq.read_schema(path).metadata or {})
        except (OSError, ValueError):
            ours = False
        if not ours:
            raise ConfigError(f"{path}: there already and not a catalog; give another --out")
    check_writable(path)
