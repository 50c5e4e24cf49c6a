"""Files are read whole; what is none, or has no end, is refused at once."""

from __future__ import annotations

import os
import socket

import pytest

from tellapart.core.regular_files import read_regular


def test_a_file_and_a_link_to_it(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\n")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "a") == read_regular(str(tmp_path / "b")) == b"\0\n"
    assert read_regular(tmp_path / "a", 2) == b"\0\n"
    with pytest.raises(OSError, match="2 bytes are more than 1"):
        read_regular(tmp_path / "a", 1)


def test_what_is_no_file(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        for name, words in (
            ("pipe", "a pipe, not a file"),
            ("/dev/zero", "a device, not a file"),
            (".", "Is a directory"),
            ("socket", "No such device or address"),
            ("none", "No such file or directory"),
        ):
            with pytest.raises(OSError, match=words):
                read_regular(name)
    with pytest.raises(ValueError, match="null byte"):
        read_regular("a\0b")
