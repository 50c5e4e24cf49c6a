"""Nothing that a terminal would obey, and nothing longer than a person reads."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tellapart.core.errors import did_you_mean, join_some
from tellapart.core.progress import log
from tellapart.core.terminal import excerpt, printable, printable_lines, quoted, to_json, write_out

EVIL = "\x1b]0;title\x07\x9b31m\u202e\u2028\r\x7f\udcff"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"),
        ("größe 猫", "größe 猫"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb", "a\\nb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x9bb", "a\\x9bb"),
        ("a\udcffb", "a\\udcffb"),
    ],
)
def test_a_terminal_obeys_nothing(text, shown):
    assert printable(text) == shown


def test_lines_stay_lines():
    assert printable_lines(f"one\n{EVIL}\n") == f"one\n{printable(EVIL)}\n"


def test_json_says_the_same_and_a_terminal_obeys_nothing():
    value = {EVIL: [EVIL, "猫 \U0001f600 \U000e0001\n", 0.1, None, True]}
    text = to_json(value)
    assert text.isprintable()
    assert "猫 \U0001f600" in text
    assert json.loads(text) == value


def test_long_values_and_bytes_are_cut():
    assert excerpt("a" * 200) == "a" * 200
    assert excerpt("a" * 100 + "b" + "c" * 100) == "a" * 100 + "…" + "c" * 100
    assert excerpt(EVIL) == printable(EVIL)
    assert excerpt(b"\x89PNG" * 5000) == "20,000 bytes"
    assert quoted("it's") == '"it\'s"'
    assert quoted("\x1b") == "'\\x1b'"
    assert quoted(b"\x89PNG") == "4 bytes"
    assert len(quoted({"a": "b" * 5000})) == 201


def test_values_within_messages():
    assert join_some(["a\x1b[2J", "b" * 999]) == f"a\\x1b[2J, {excerpt('b' * 999)}"
    assert did_you_mean("cat\x1b[1m", ["cat\x1b[0m"]) == r" (did you mean 'cat\x1b[0m'?)"


def test_what_is_logged(capsys):
    log(f"a {EVIL}")
    assert capsys.readouterr().err == f"a {printable(EVIL)}\n"


@pytest.mark.parametrize(("encoding", "text"), [("utf-8", "é猫\\udcff\n"), ("cp1252", "é\\u732b\\udcff\n")])
def test_what_stdout_has_no_sign_for_is_escaped(monkeypatch, encoding, text):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    write_out("é猫\udcff\n")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == text
