"""A file or folder is written whole or not at all, whatever goes wrong on the way."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tellapart.core import files
from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, atomic_folder, check_writable, lock, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


# --- files


def test_a_file_appears_under_its_name_and_nothing_else_does(tmp_path):
    target = tmp_path / "new" / "한글 🐈.txt"
    with atomic_file(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == target.parent, "another folder may be another disk, where a rename is a copy"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target.parent) == ["한글 🐈.txt"]


def test_a_file_replaces_the_old_one_only_at_the_end(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, error, old):
    target = tmp_path / "a.txt"
    if old:
        target.write_text(old)

    def write():
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert names(tmp_path) == (["a.txt"] if old else [])
    assert not old or target.read_text() == old


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path, monkeypatch):
    target = tmp_path / "a.json"
    write_json(target, {"old": True})

    def half(self, text, **options):
        with self.open("w", encoding="utf-8") as stream:
            stream.write(text[:5])
        full_disk()

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="No space left"):
        write_json(target, {"new": [1] * 100})
    assert names(tmp_path) == ["a.json"]
    assert json.loads(target.read_text()) == {"old": True}


def test_a_file_that_cannot_be_renamed_is_removed(tmp_path):
    (tmp_path / "a").mkdir()

    def write():
        with atomic_file(tmp_path / "a") as temporary:
            temporary.write_text("a folder stands here")

    with pytest.raises(IsADirectoryError):
        write()
    assert names(tmp_path) == ["a"]


def test_files_and_folders_are_as_readable_as_any_other(tmp_path):
    (tmp_path / "plain.txt").touch()
    (tmp_path / "plain").mkdir()
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.touch()
    with atomic_folder(tmp_path / "a") as temporary:
        pass

    def mode(name):
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    assert mode("a.txt") == mode("plain.txt")
    assert mode("a") == mode("plain")


def test_json_is_plain_to_read(tmp_path):
    write_json(tmp_path / "a.json", {"b": "한글", "a": [1]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "b": "한글",\n  "a": [\n    1\n  ]\n}\n'


def test_a_value_that_json_cannot_hold_writes_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert names(tmp_path) == []


# --- folders


@pytest.fixture
def old_folder(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    return folder


def test_a_folder_appears_whole(tmp_path):
    with atomic_folder(tmp_path / "deep" / "bundle") as temporary:
        (temporary / "a.txt").write_text("a")
        assert not (tmp_path / "deep" / "bundle").exists()
    assert names(tmp_path / "deep") == ["bundle"]
    assert names(tmp_path / "deep" / "bundle") == ["a.txt"]


def test_a_folder_replaces_the_old_one_wholly(tmp_path, old_folder):
    with atomic_folder(old_folder) as temporary:
        (temporary / "new.txt").write_text("new")
        assert names(old_folder) == ["old.txt"]
    assert names(tmp_path) == ["bundle"]
    assert names(old_folder) == ["new.txt"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_folder_and_no_other(tmp_path, old_folder, error):
    def write(target):
        with atomic_folder(target) as temporary:
            (temporary / "half.txt").write_text("half")
            raise error

    for target in (old_folder, tmp_path / "other"):
        with pytest.raises(error):
            write(target)
    assert names(tmp_path) == ["bundle"]
    assert (old_folder / "old.txt").read_text() == "old"


@pytest.mark.parametrize("call", [1, 2])
def test_a_folder_whose_rename_fails_leaves_the_old_one_in_its_place(tmp_path, old_folder, monkeypatch, call):
    calls = []
    rename = Path.replace

    def replace(self, target):
        calls.append(target)
        if len(calls) == call:
            full_disk()
        return rename(self, target)

    def write():
        with atomic_folder(old_folder) as temporary:
            (temporary / "new.txt").write_text("new")

    monkeypatch.setattr(files.Path, "replace", replace)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert names(tmp_path) == ["bundle"]
    assert names(old_folder) == ["old.txt"]


# --- before anything is made


def test_a_place_that_takes_nothing_is_named_before_the_work(tmp_path, monkeypatch):
    check_writable(tmp_path / "not" / "there" / "yet.json")
    assert names(tmp_path) == []
    monkeypatch.setattr(files.tempfile, "TemporaryFile", full_disk)
    with pytest.raises(
        ConfigError, match=rf"^{tmp_path}/a\.json: nothing can be written in {tmp_path} \(No space left"
    ):
        check_writable(tmp_path / "a.json")


@pytest.mark.parametrize(("writing", "making"), [(atomic_file, "mkstemp"), (atomic_folder, "mkdtemp")])
def test_an_error_names_the_callers_file(writing, making, tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, making, full_disk)
    with pytest.raises(OSError, match="nothing can be written there") as caught, writing(tmp_path / "a"):
        pass
    assert caught.value.filename == str(tmp_path / "a")
    assert caught.value.errno == errno.ENOSPC


# --- locks


def test_a_lock_is_held_until_its_file_is_closed(tmp_path):
    one, other = (os.open(tmp_path / "a.lock", os.O_CREAT | os.O_RDWR) for _ in range(2))
    lock(one, wait=False)
    with pytest.raises(BlockingIOError):
        lock(other, wait=False)
    os.close(one)
    lock(other, wait=True)
    os.close(other)


def test_windows_locks_without_fcntl(tmp_path, monkeypatch):
    """A stand-in for ``msvcrt``: it cannot wait for ever, and says that a lock is taken in its own way."""
    taken, slept = [True, True], []

    def locking(file, mode, size):
        assert (mode, size, os.lseek(file, 0, os.SEEK_CUR)) == (2, 1, 1 << 30)
        if taken and taken.pop():
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_NBLCK=2, locking=locking))
    monkeypatch.setattr(files.sys, "platform", "win32")
    monkeypatch.setattr(files.time, "sleep", slept.append)
    with (tmp_path / "a.lock").open("w+b") as file:
        with pytest.raises(BlockingIOError, match="another process holds the lock"):
            lock(file.fileno(), wait=False)
        lock(file.fileno(), wait=True)
    assert len(slept) == 1
