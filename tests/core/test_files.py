"""A file or folder is written whole or not at all, whatever goes wrong on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tellapart.core import files
from tellapart.core.errors import ConfigError
from tellapart.core.files import (
    atomic_file,
    atomic_folder,
    check_writable,
    contents,
    recover_folder,
    remove_leftovers,
    write_json,
)
from tellapart.core.locks import host_name


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


@pytest.fixture(params=["exchange", "two steps"])
def way(request, monkeypatch):
    """Both ways to replace a folder: in one step, and where the system cannot."""
    if request.param == "two steps":
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    return request.param


def test_each_way_replaces_a_folder_and_leaves_nothing_beside_it(tmp_path, old_folder, way):
    for number in range(3):
        with atomic_folder(old_folder) as temporary:
            (temporary / f"{number}.txt").touch()
        assert names(old_folder) == [f"{number}.txt"]
    assert names(tmp_path) == ["bundle"]


def test_a_link_to_a_folder_is_replaced_and_its_folder_left_alone(tmp_path, old_folder, way):
    (tmp_path / "link").symlink_to(old_folder)
    with atomic_folder(tmp_path / "link") as temporary:
        (temporary / "new.txt").touch()
    assert not (tmp_path / "link").is_symlink()
    assert (names(tmp_path / "link"), names(old_folder), names(tmp_path)) == (
        ["new.txt"],
        ["old.txt"],
        ["bundle", "link"],
    )


def test_while_a_folder_is_replaced_there_is_one_at_each_moment(tmp_path, old_folder, monkeypatch):
    """Another process looks as often as it can while the folder is replaced again and again."""
    (tmp_path / "other").mkdir()
    if not files._exchange(old_folder, tmp_path / "other"):
        pytest.skip("this system cannot exchange names")
    looks = "import os, sys\nprint('ready', flush=True)\nmissing = 0\n"
    looks += "while not os.path.exists(sys.argv[2]): missing += not os.path.isdir(sys.argv[1])\nprint(missing)"
    line = [sys.executable, "-c", looks, str(old_folder), str(tmp_path / "stop")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout.readline() == "ready\n"
        for _ in range(50):
            with atomic_folder(old_folder) as temporary:
                (temporary / "new.txt").touch()
        (tmp_path / "stop").touch()
        assert watcher.stdout.read() == "0\n"


@pytest.mark.parametrize("call", [1, 2])
def test_a_folder_whose_rename_fails_leaves_the_old_one_in_its_place(tmp_path, old_folder, monkeypatch, call):
    calls = []
    rename = Path.rename

    def failing(self, target):
        calls.append(target)
        if len(calls) == call:
            full_disk()
        return rename(self, target)

    def write():
        with atomic_folder(old_folder) as temporary:
            (temporary / "new.txt").write_text("new")

    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    monkeypatch.setattr(files.Path, "rename", failing)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert names(tmp_path) == ["bundle"]
    assert names(old_folder) == ["old.txt"]


def test_an_exchange_that_fails_is_an_error(tmp_path, old_folder):
    with pytest.raises(FileNotFoundError) as caught:
        files._exchange(tmp_path / "nothing", old_folder)
    assert caught.value.filename == str(old_folder)
    (tmp_path / "other").mkdir()
    if files._exchange(tmp_path / "other", old_folder):
        assert (names(tmp_path / "other"), names(old_folder)) == (["old.txt"], [])


# --- what killed writers leave


def killed(code, *arguments):
    """Run code in a process that kills itself in the middle; it has ``files``, and its arguments as ``a``, ``b`` ..."""
    head = "import os, signal, sys\nfrom pathlib import Path\nfrom tellapart.core import files\na = Path(sys.argv[1])\n"
    done = subprocess.run([sys.executable, "-c", head + code, *map(str, arguments)], check=False)
    assert done.returncode == -signal.SIGKILL


DIE = "os.kill(os.getpid(), signal.SIGKILL)\n"
DIE_AT_RENAME = f"Path.rename = Path.replace = files._exchange = lambda *any: {DIE}"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path, kind):
    target = tmp_path / ("a name of more than forty characters, which is cut off" * 2)
    killed(f"{DIE_AT_RENAME}\nwith files.atomic_{kind}(a) as b: pass", target)
    [leftover] = tmp_path.iterdir()
    assert leftover.name.endswith(".part")
    with atomic_file(tmp_path / "another target"):
        pass
    assert leftover.exists(), "it is beside, and not of this target"
    with atomic_file(target):
        pass
    assert names(tmp_path) == sorted([target.name, "another target"])


def test_leftovers_below_a_folder_are_removed_and_files_of_others_stay(tmp_path):
    inner = tmp_path / "run" / "checkpoints"
    killed(f"with files.atomic_file(a) as b: {DIE}", inner / "last.ckpt")
    killed(f"with files.atomic_folder(a) as b:\n (b / 'x').touch()\n {DIE}", inner / "bundle")
    assert len(names(inner)) == 2
    theirs = [".a.part", ".a.12345678.part", ".hidden", "a.part", f".a.1@{host_name()}.12345678.tmp", "last.ckpt"]
    for name in theirs:
        (inner / name).write_text("mine")
    assert {item.name for item in contents(inner)} == set(theirs)
    remove_leftovers(tmp_path)
    assert names(inner) == sorted(theirs)


def test_what_a_living_writer_writes_is_left_alone(tmp_path):
    """Of this process and of another, with the kernel's locks and where there are none."""
    code = "import sys\nfrom pathlib import Path\nfrom tellapart.core import files\na = Path(sys.argv[1])\n"
    code += "with files.atomic_folder(a) as b:\n print(b, flush=True)\n sys.stdin.read()"
    line = [sys.executable, "-c", code, str(tmp_path / "theirs")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        theirs = Path(writer.stdout.readline().strip())
        with atomic_file(tmp_path / "mine") as mine, pytest.MonkeyPatch.context() as patch:
            for _ in range(2):
                remove_leftovers(tmp_path)
                with atomic_folder(tmp_path / "theirs" / "inner"), atomic_file(tmp_path / "mine") as other:
                    assert mine.exists()
                    assert theirs.is_dir()
                    assert other != mine
                patch.setattr(files, "try_lock", lambda file: None)
        writer.stdin.close()
    assert names(tmp_path) == ["mine", "theirs"]


def test_without_locks_the_name_tells_whose_a_leftover_is(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "try_lock", lambda file: None)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".a.{ended.pid}@{host_name()}.12345678.part"
    elsewhere = tmp_path / f".a.{ended.pid}@{host_name()}x.12345678.part"
    alive = tmp_path / f".a.{os.getppid()}@{host_name()}.12345678.part"
    for each in (dead, elsewhere, alive):
        each.touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([elsewhere.name, alive.name])


def test_a_folder_that_was_moved_aside_comes_back(tmp_path, old_folder):
    """Killed between the two renames, where the system cannot exchange: the only moment without a folder."""
    code = "files._exchange = lambda *any: False\nrename = Path.rename\n"
    code += f"def once(self, target):\n rename(self, target)\n {DIE}Path.rename = once\n"
    killed(code + "with files.atomic_folder(a) as b: (b / 'new.txt').touch()", old_folder)
    assert not old_folder.exists()
    recover_folder(old_folder)
    assert names(old_folder) == ["old.txt"]
    assert names(tmp_path) == ["bundle"]
    killed(code + "with files.atomic_folder(a) as b: (b / 'new.txt').touch()", old_folder)
    with atomic_folder(old_folder) as temporary:
        assert names(old_folder) == ["old.txt"]
        (temporary / "newer.txt").touch()
    assert (names(old_folder), names(tmp_path)) == (["newer.txt"], ["bundle"])


def test_a_temporary_that_is_taken_for_abandoned_before_its_lock_is_made_anew(tmp_path, monkeypatch):
    claims = []

    def claim(temporary):
        claims.append(temporary)
        if len(claims) == 1:
            temporary.unlink()
        return real(temporary)

    real = files._claim
    monkeypatch.setattr(files, "_claim", claim)
    with atomic_file(tmp_path / "a") as temporary:
        temporary.write_text("whole")
        assert temporary == claims[1] != claims[0]
    assert names(tmp_path) == ["a"]


def test_what_is_written_is_brought_to_the_disk_before_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(files.os, "fsync", lambda file: done.append(Path(f"/proc/self/fd/{file}").readlink()))
    with atomic_folder(tmp_path / "bundle") as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "a.txt").touch()
    inside = {temporary, temporary / "deep", temporary / "deep" / "a.txt"}
    assert set(done[:3]) == inside
    assert done[3:] == [tmp_path]
    monkeypatch.setattr(files.os, "fsync", lambda file: full_disk())
    with pytest.raises(OSError, match="No space left"), atomic_file(tmp_path / "a"):
        pass
    assert names(tmp_path) == ["bundle"]


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


@pytest.mark.parametrize("error", [OSError("8 requested and 3 written"), OSError(errno.ENOSPC, "No space left")])
def test_a_full_disk_is_said_with_the_name_of_the_file(tmp_path, error):
    with pytest.raises(OSError, match="No space left") as raised, atomic_file(tmp_path / "a.npy"):
        raise error
    assert raised.value.filename == str(tmp_path / "a.npy")
