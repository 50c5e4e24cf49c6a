"""Freed memory is kept: a large block that is freed does not go back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tellapart.core import malloc

CODE = """
import resource, sys
from tellapart.core.malloc import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(2):
    block = bytearray(64 << 20)
    del block
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    block = bytearray(b"x") * (64 << 20)
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be told")
def test_a_freed_block_is_used_again():
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "default")
    )
    assert kept * 4 < given_back, "pages that the system had to give anew"


@pytest.mark.parametrize(("system", "libc"), [("Darwin", ("", "")), ("Windows", ("", "")), ("Linux", ("musl", "1.2"))])
def test_another_malloc_is_left_alone(monkeypatch, system, libc):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setattr(malloc.ctypes, "CDLL", None)  # calling it would be an error
    assert malloc.keep_freed_memory() is False
