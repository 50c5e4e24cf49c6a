"""A lock is held until its file is closed or its process ends, and who may have left something is told by name."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tellapart.core import locks
from tellapart.core.locks import host_name, leads_to, lock, process_lives, try_lock


@pytest.fixture
def twice(tmp_path):
    """One file, opened twice."""
    opened = [os.open(tmp_path / "a.lock", os.O_CREAT | os.O_RDWR) for _ in range(2)]
    yield opened
    for each in opened:
        os.close(each)


def test_a_lock_is_held_until_its_file_is_closed(twice, tmp_path):
    one = os.open(tmp_path / "a.lock", os.O_RDWR)
    lock(one, wait=False)
    assert [try_lock(other) for other in twice] == [False, False]
    with pytest.raises(BlockingIOError):
        lock(twice[0], wait=False)
    os.close(one)
    lock(twice[0], wait=True)
    assert try_lock(twice[1]) is False


def test_a_killed_process_holds_no_lock(twice, tmp_path):
    code = "import os, signal, sys\nfrom tellapart.core.locks import lock\n"
    code += "lock(os.open(sys.argv[1], os.O_RDWR), wait=False)\nos.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.lock")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert try_lock(twice[0]) is True


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), ImportError("fcntl")])
def test_where_there_are_no_locks_that_is_said(error, twice, monkeypatch):
    def refuse(file, *, wait):
        raise error

    monkeypatch.setattr(locks, "lock", refuse)
    assert try_lock(twice[0]) is None


def test_without_fcntl_there_are_no_locks(twice, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert try_lock(twice[0]) is None


def test_a_path_leads_to_a_file_until_it_is_replaced(twice, tmp_path):
    assert leads_to(tmp_path / "a.lock", twice[0])
    (tmp_path / "b").touch()
    (tmp_path / "b").replace(tmp_path / "a.lock")
    assert not leads_to(tmp_path / "a.lock", twice[0])
    (tmp_path / "a.lock").unlink()
    assert not leads_to(tmp_path / "a.lock", twice[0])


def test_a_process_that_ended_does_not_live_and_one_of_another_host_may():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    assert process_lives(ended.pid, host_name())
    ended.wait()
    assert not process_lives(ended.pid, host_name())
    assert process_lives(ended.pid, "another-host")
    assert process_lives(1, host_name()), "it may be another user's"
    assert not process_lives(10**12, host_name())


def test_a_hosts_name_is_of_signs_that_every_file_system_takes(monkeypatch):
    for name, shown in (("한글/host.local", "---host-local"), ("", "localhost"), ("h" * 99, "h" * 30)):
        monkeypatch.setattr(locks.platform, "node", lambda name=name: name)
        assert host_name() == shown


def test_windows_locks_without_fcntl(tmp_path, monkeypatch):
    """A stand-in for ``msvcrt``: it cannot wait for ever, and says that a lock is taken in its own way."""
    taken, slept = [True, True], []

    def locking(file, mode, size):
        assert (mode, size, os.lseek(file, 0, os.SEEK_CUR)) == (2, 1, 1 << 30)
        if taken and taken.pop():
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_NBLCK=2, locking=locking))
    monkeypatch.setattr(locks.sys, "platform", "win32")
    monkeypatch.setattr(locks.time, "sleep", slept.append)
    with (tmp_path / "a.lock").open("w+b") as file:
        with pytest.raises(BlockingIOError, match="another process holds the lock"):
            lock(file.fileno(), wait=False)
        lock(file.fileno(), wait=True)
    assert len(slept) == 1
