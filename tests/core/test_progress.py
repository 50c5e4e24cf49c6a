"""Progress goes to stderr: a bar where a person is looking, lines with the speaker's name."""

from __future__ import annotations

import sys

import pytest

from tellapart.core.progress import drawable, log, speaking, track


def test_items_pass_unchanged_and_nothing_is_drawn_into_a_file(capsys):
    assert list(track(iter([3, 1, 2]), "counting", 3)) == [3, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(track([3, 1, 2], "counting", 3)) == [3, 1, 2]
    assert list(track([3], "hidden", 1, show=False)) == [3]
    out, err = capsys.readouterr()
    assert out == ""
    assert "counting" in err
    assert "hidden" not in err


def test_lines_go_to_stderr(capsys):
    log("one", "two")
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_of_several_speakers_each_line_names_its_own(capsys):
    with speaking("member 1"):
        log("a")
        with speaking("member 2"):
            log("b")
        log("c")
    log("d")
    assert capsys.readouterr().err == "member 1: a\nmember 2: b\nmember 1: c\nd\n"


def test_the_name_is_gone_after_an_error(capsys):
    with pytest.raises(RuntimeError), speaking("member 1"):
        raise RuntimeError
    log("d")
    assert capsys.readouterr().err == "d\n"


def test_a_line_is_drawn_over_only_for_one_speaker_on_a_terminal(capsys, monkeypatch):
    assert not drawable()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert drawable()
    with speaking("member 1"):
        assert not drawable()
