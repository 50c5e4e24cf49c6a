"""The server's log is JSON lines, and nothing in it is obeyed by a terminal."""

from __future__ import annotations

import json
import logging
import sys

from tellapart.serving.json_log import JsonHandler, log_event


def test_an_event_is_a_line(capsys):
    log_event("switch", model="a\x1b[2J\n\u202e", before=None, level="warning")
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.isascii()
    assert "\x1b" not in err
    line = json.loads(err)
    assert (line["event"], line["level"], line["model"]) == ("switch", "warning", "a\x1b[2J\n\u202e")
    assert "before" not in line
    assert line["time"].endswith("Z")


def test_a_record_of_pythons_logging_keeps_its_traceback(capsys):
    log = logging.Logger("theirs")
    log.addHandler(JsonHandler())
    try:
        raise ValueError("why\nso")
    except ValueError:
        log.exception("it %s", "broke")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"]) == ("error", "theirs", "it broke")
    assert line["traceback"].endswith("ValueError: why\nso\n")


def test_a_log_that_nobody_reads_ends_nothing(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    log_event("ready")
