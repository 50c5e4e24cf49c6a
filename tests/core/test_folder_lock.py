"""One command at a time in a folder: the second is told who works there, and a dead one's lock gives way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from tellapart.core import folder_lock
from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file
from tellapart.core.folder_lock import hold_folder, hold_target
from tellapart.core.locks import LOCK, host_name

HOLD = """
import os, signal, sys
from tellapart.core import folder_lock
if sys.argv[2:] == ["no locks"]: folder_lock.try_lock = lambda file: None
with folder_lock.hold_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["locks", "no locks"])
def system(request, monkeypatch):
    """With the kernel's locks, and where there are none."""
    if request.param == "no locks":
        monkeypatch.setattr(folder_lock, "try_lock", lambda file: None)
    return request.param


@pytest.fixture
def holder(tmp_path, system):
    """Another process that holds the folder ``run``."""
    line = [sys.executable, "-c", HOLD, str(tmp_path / "run"), system]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_the_second_is_told_who_works_there_and_the_first_goes_on(tmp_path, holder):
    before = (tmp_path / "run" / LOCK).read_bytes()
    with pytest.raises(ConfigError) as caught, hold_folder(tmp_path / "run"):
        pytest.fail("held twice")
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}/run: in use by process {holder.pid} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d "
        rf"\(-c .*\); wait for it or stop it, or name another folder \(--out\)(; if it is gone, remove .*\.lock)?",
        str(caught.value),
    )
    assert (tmp_path / "run" / LOCK).read_bytes() == before
    assert holder.poll() is None


def test_the_lock_of_a_killed_process_gives_way_and_so_does_what_it_left(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / LOCK).is_file()
    leftover = tmp_path / "run" / "deep" / f".a.{holder.pid}@{host_name()}.12345678.part"
    leftover.parent.mkdir()
    leftover.touch()
    with hold_folder(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK).read_text("utf-8"))["process"] == os.getpid()
        assert not leftover.exists()
    assert [item.name for item in (tmp_path / "run").iterdir()] == ["deep"]


def test_after_the_first_the_next_may(tmp_path, system):
    for _ in range(2):
        with hold_folder(tmp_path / "run"), atomic_file(tmp_path / "run" / "a.txt"):
            pass
    assert [item.name for item in (tmp_path / "run").iterdir()] == ["a.txt"]


def test_threads_of_one_process_keep_each_other_off_too(tmp_path, system):
    refusals = []

    def second():
        try:
            with hold_folder(tmp_path):
                pass
        except ConfigError as error:
            refusals.append(str(error))

    with hold_folder(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert f"in use by process {os.getpid()} since" in refusals[0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": null}', "\0" * 9])
def test_a_lock_that_says_nothing_gives_way_once_it_is_old(tmp_path, system, text):
    """Its maker was killed before it could write, or a copy of the folder lost the text."""
    (tmp_path / LOCK).write_text(text)
    if system == "no locks":
        with pytest.raises(ConfigError, match="in use by another process; wait"), hold_folder(tmp_path):
            pytest.fail("it may be one that is just being made")
    old = time.time() - 60
    os.utime(tmp_path / LOCK, (old, old))
    with hold_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_refused_command_leaves_no_folder_and_a_busy_one_stays(tmp_path):
    with pytest.raises(ValueError, match="no data"), hold_folder(tmp_path / "runs" / "new"):
        raise ValueError("no data")
    assert list(tmp_path.iterdir()) == []
    with hold_folder(tmp_path / "runs" / "new"):
        (tmp_path / "runs" / "new" / "a").touch()
    assert (tmp_path / "runs" / "new" / "a").is_file()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(ConfigError, match=r"a: a file; name a folder \(--out\)"), hold_folder(tmp_path / "a"):
        pass


def test_in_a_folder_that_cannot_be_written_there_is_nothing_to_hold(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folder_lock, "_open", refuse)
    with hold_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []


# --- targets -----------------------------------------------------------------------------------------

WRITE = """
import sys
from pathlib import Path
from tellapart.core import folder_lock
from tellapart.core.files import atomic_folder
if sys.argv[2:] == ["no locks"]: folder_lock.try_lock = lambda file: None
with folder_lock.hold_target(sys.argv[1]), atomic_folder(sys.argv[1]) as folder:
    (folder / "whose").write_text("the first's")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path, system):
    """Another process that writes the folder ``drawn``."""
    line = [sys.executable, "-c", WRITE, str(tmp_path / "drawn"), system]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.stdin.close()


def test_the_second_writer_of_a_target_is_refused_and_the_first_ends(tmp_path, writer):
    with pytest.raises(ConfigError) as caught, hold_target(tmp_path / "drawn"):
        pytest.fail("held twice")
    assert str(caught.value).startswith(f"{tmp_path}/drawn: in use by process {writer.pid} since ")
    assert "; wait for it or stop it, or name another target (--out)" in str(caught.value)
    with hold_target(tmp_path / "others"):
        pass
    writer.stdin.close()
    assert writer.wait() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]
    assert (tmp_path / "drawn" / "whose").read_text() == "the first's"


def test_a_killed_writers_target_gives_way(tmp_path, writer):
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert (tmp_path / ".drawn.lock").is_file()
    with hold_target(tmp_path / "drawn"), atomic_file(tmp_path / "drawn"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


def test_a_target_of_the_longest_name_has_its_lock(tmp_path):
    with hold_target(tmp_path / ("ü" * 127)):
        assert [path.name for path in tmp_path.iterdir()] == ["." + "ü" * 60 + ".lock"]
