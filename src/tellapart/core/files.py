"""Atomic files and folders, and checks of targets.

What is written lies under a temporary name beside its target, is brought to the disk, and takes the target's name by
one rename: whoever looks finds the old or the new, whole. A writer that is killed leaves its temporary behind; the
next writer of the same target removes it, as its lock is free.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError
from tellapart.core.locks import host_name, is_lock, leads_to, process_lives, try_lock
from tellapart.core.storage import RemotePath, as_path

_TEMPORARY = re.compile(
    r"\.(?P<target>.{1,40})\.(?P<process>\d{1,10})@(?P<host>[\w-]+)\.\w{8}\.(?P<kind>part|old)", re.S
)
_MANY = 1000  # files of a folder past which the whole system is asked to write once, instead of file after file
_AT_HERE, _EXCHANGE = -100, 2  # of Linux's renameat2
_MASKED = threading.Lock()
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # a system or a file system that has no such call


@contextmanager
def atomic_file(path: str | Path, *, private: bool = False) -> Iterator[Path]:
    """A temporary path to write; renamed to ``path`` on success, removed on any failure. To a URL it is uploaded.

    Args:
        path: the target.
        private: nobody but its owner may read the file (mode 0600), whatever the process's umask is.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_file(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = as_path(path)
    if isinstance(path, RemotePath):
        with tempfile.TemporaryDirectory(prefix="tellapart-") as folder:
            yield Path(folder) / path.name
            path.upload(Path(folder) / path.name)
        return
    with _temporary(path, "part", folder=False) as temporary:
        yield temporary
        temporary.chmod(0o600 if private else 0o666 & ~_umask())
        _bring_to_disk(temporary)
        _publish(temporary, path)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder to fill; it replaces ``path`` on success and is removed on any failure.

    Where the system can exchange two names, there is a folder at ``path`` at each moment. Where it cannot, a process
    killed between two renames leaves none; `recover_folder` brings the old one back.
    """
    path = Path(path)
    recover_folder(path)
    with _temporary(path, "part", folder=True) as temporary:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _bring_to_disk(temporary)
        _publish(temporary, path)


def recover_folder(path: Path) -> None:
    """Put a folder back that a killed writer had moved aside and not replaced yet."""
    if not os.path.lexists(path):
        _remove_abandoned_beside(path)


def remove_leftovers(folder: Path) -> None:
    """Remove from a folder, and from all folders in it, the temporaries of writers that are dead."""
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if _TEMPORARY.fullmatch(name):
                _remove_abandoned(Path(parent) / name)
        folders[:] = [name for name in folders if not _TEMPORARY.fullmatch(name)]


def contents(folder: Path) -> list[Path]:
    """What a folder holds, sorted; locks and the temporaries of writers do not count."""
    return sorted(item for item in folder.iterdir() if not is_lock(item.name) and not _TEMPORARY.fullmatch(item.name))


def write_json(path: str | Path, value: Any, *, private: bool = False) -> None:
    """Write JSON (UTF-8, indented, keys in their order), whole or not at all; ``private`` as in `atomic_file`."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with atomic_file(path, private=private) as temporary:
        temporary.write_text(text, encoding="utf-8")


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, that nobody but its owner may enter (mode 0700).

    A folder that is there already becomes so too; those above it stay as they are.

    >>> import tempfile
    >>> folder = private_folder(Path(tempfile.mkdtemp()) / "a" / "b")
    >>> [oct(each.stat().st_mode & 0o777) for each in (folder, folder.parent)]
    ['0o700', '0o700']
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


# --- temporaries -------------------------------------------------------------------------------------


@contextmanager
def _temporary(path: Path, kind: str, *, folder: bool) -> Iterator[Path]:
    """A new file or folder beside ``path``, claimed by this process; what is left of it at the end is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_beside(path)
    prefix, suffix = f".{path.name[:40]}.{os.getpid()}@{host_name()}.", f".{kind}"
    claim: int | None = None
    while claim is None:
        try:
            if folder:
                temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=path.parent))
            else:
                handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
                os.close(handle)
                temporary = Path(name)
        except OSError as error:
            raise _of(path, error) from error
        claim = _claim(temporary)
    try:
        yield temporary
    except OSError as error:
        cut_short = error.errno is None and "requested and" in str(error)  # numpy's words
        if cut_short or (error.errno == errno.ENOSPC and error.filename is None):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        _remove(temporary)
        os.close(claim)


def _claim(temporary: Path) -> int | None:
    """The descriptor of a temporary with the lock on it; None where another process has removed it as abandoned."""
    if sys.platform == "win32":  # where what is open cannot be renamed
        return os.open(os.devnull, os.O_RDONLY)
    with suppress(FileNotFoundError):
        file = os.open(temporary, os.O_RDONLY)
        if try_lock(file) is not False and leads_to(temporary, file):
            return file
        os.close(file)
    return None


def _remove_abandoned_beside(path: Path) -> None:
    """Remove what killed writers of ``path`` left; put back what they had moved aside."""
    with suppress(OSError):
        for item in path.parent.iterdir():
            match = _TEMPORARY.fullmatch(item.name)
            if match is not None and match["target"] == path.name[:40]:
                _remove_abandoned(item)


def _remove_abandoned(temporary: Path) -> None:
    """Remove a temporary if no process writes it any more; what was moved into it goes back where nothing is."""
    match = _TEMPORARY.fullmatch(temporary.name)
    assert match is not None
    try:
        file = os.open(temporary, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return
    try:
        free = try_lock(file)
        if free is None:
            free = not process_lives(int(match["process"]), match["host"])
        with suppress(OSError):
            if free and match["kind"] == "old":
                for moved in temporary.iterdir():
                    if not os.path.lexists(temporary.parent / moved.name):
                        moved.rename(temporary.parent / moved.name)
            if free:
                _remove(temporary)
    finally:
        os.close(file)


def _remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


# --- the moment of truth -----------------------------------------------------------------------------


def _publish(temporary: Path, path: Path) -> None:
    """Give what was written the name of its target; what had the name before may lie in ``temporary`` then."""
    if not temporary.is_dir() or not os.path.lexists(path):
        temporary.replace(path)
    elif not _exchange(temporary, path):
        _replace_in_two_steps(temporary, path)
    _sync(path.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if call is None:
        return False
    if call(_AT_HERE, os.fsencode(one), _AT_HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _replace_in_two_steps(temporary: Path, path: Path) -> None:
    """Move the old folder aside, then the new one to its place; if that fails, the old one back."""
    with _temporary(path, "old", folder=True) as aside:
        path.rename(aside / path.name)
        try:
            temporary.rename(path)
        except BaseException:
            (aside / path.name).rename(path)
            raise


def _bring_to_disk(path: Path) -> None:
    """Wait until a file, or a folder with all in it, would outlive a power failure."""
    inside = [Path(parent) / name for parent, _, files in os.walk(path) for name in ["", *files]] or [path]
    if len(inside) > _MANY and hasattr(os, "sync"):
        os.sync()
        return
    for each in inside:
        _sync(each)


def _sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk; some file systems cannot say, which is no error."""
    if path.is_symlink() or (sys.platform == "win32" and path.is_dir()):
        return
    try:
        file = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except PermissionError:  # a folder that may be written and not read
        return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(file)


def _of(path: Path, error: OSError) -> OSError:
    """The error with the name that the caller knows, not the temporary one."""
    return OSError(error.errno, f"nothing can be written there ({error.strerror})", str(path))


def _umask() -> int:
    with _MASKED:  # it is the whole process's: of two threads that look, one would see the other's 0 and keep it
        mask = os.umask(0)
        os.umask(mask)
    return mask


# --- checks of targets -------------------------------------------------------------------------------


def check_writable(path: str | Path) -> None:
    """Check that a file can be made at ``path``, or where its folder is to be made; nothing is left there.

    Raises:
        ConfigError: it cannot.
    """
    if isinstance(place := as_path(path), RemotePath):
        place.check_bucket()
        return
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{path}: nothing can be written in {folder} ({error.strerror}); name another place"
        ) from error


def check_target(path: str | Path, *suffixes: str) -> None:
    """Check that an output file can be written here and overwrites nothing of the user's.

    Args:
        path: where it is to be written.
        suffixes: the endings that it may have; where the first is .parquet, only a catalog may be there already.

    Raises:
        ConfigError: a folder, another ending, a table that is no catalog, or a place where nothing can be written.
    """
    path = as_path(path)
    if path.is_dir():
        raise ConfigError(f"{path}: a folder; name a file that ends in {suffixes[0]}")
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path}: name a file that ends in {suffixes[0]}")
    if suffixes[0] == ".parquet" and path.exists():
        import pyarrow.parquet as pq

        try:
            source = path.open_input() if isinstance(path, RemotePath) else path
            ours = b"tellapart" in (pq.read_schema(source).metadata or {})
        except (OSError, ValueError):
            ours = False
        if not ours:
            raise ConfigError(f"{path}: there already and not a catalog; give another --out")
    check_writable(path)
