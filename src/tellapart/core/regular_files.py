"""Reading files whole: only regular ones, of a bounded size. A device or a pipe has no end, or none that comes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 1 << 30  # of a file that is read whole


def read_regular(path: str | Path, most: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file, or of one that links lead to.

    Args:
        path: the file.
        most: bytes; a larger file is refused before it is read.

    Raises:
        OSError: it cannot be read, is a folder, a device, a pipe or a socket, or is larger than ``most``.
        ValueError: the path is no name of a file: it holds a NUL.

    >>> read_regular("/dev/null")
    Traceback (most recent call last):
    OSError: [Errno 22] a device, not a file: '/dev/null'
    """
    with open_regular(path) as stream:
        if (size := os.fstat(stream.fileno()).st_size) > most:
            raise OSError(errno.EFBIG, f"{size:,} bytes are more than {most:,}", str(path))
        return stream.read()


@contextmanager
def open_regular(path: str | Path) -> Iterator[BinaryIO]:
    """A regular file to read from, or one that links lead to.

    Raises:
        OSError: it cannot be read, or is a folder, a device, a pipe or a socket.
        ValueError: the path is no name of a file: it holds a NUL.
    """
    with open(path, "rb", opener=_open_at_once) as stream:  # a Path's open takes no opener
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"{kind_of(mode)}, not a file", str(path))
        yield stream


def kind_of(mode: int) -> str:
    """What a path leads to, by the mode of its status, in words.

    >>> kind_of(stat.S_IFIFO), kind_of(stat.S_IFREG)
    ('a pipe', 'a file')
    """
    kinds = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer keeps nobody waiting."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
