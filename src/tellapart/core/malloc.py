"""Freed memory is kept for the next tensor instead of being handed back to the system at every step."""

from __future__ import annotations

import contextlib
import ctypes
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # mallopt's names for its parameters, from malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to reuse large blocks.

    By default glibc maps every block above 32 MB afresh and unmaps it when freed. A network's activations
    are such blocks, so each step touches gigabytes of new pages, and the kernel's work of zeroing them
    takes longer than the arithmetic: `benchmarks/training/memory.py` prints by how much. Memory then stays at its
    peak until the process ends. Source: mallopt(3).

    Returns:
        Whether this system's malloc is glibc's and took the settings.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        return all(
            libc.mallopt(parameter, value) == 1
            for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 256 * 2**20))
        )
    return False
