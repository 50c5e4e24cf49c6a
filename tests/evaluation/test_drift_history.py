"""The history of drift windows: kept whole, read back, bounded."""

from __future__ import annotations

import pytest

from tellapart.core.errors import ConfigError
from tellapart.evaluation import drift_history
from tellapart.evaluation.drift_history import HISTORY, add_window, read_windows


def window(last, found=False):
    checks = [{"check": "light", "distance": 0.1, "p": 0.5, "adjusted": 0.5, "found": found}]
    return {"n": 20, "alpha": 0.01, "drift": found, "checks": checks, "version": "abc", "first": last - 1, "last": last}


def test_windows_are_read_back_in_order(tmp_path):
    assert read_windows(tmp_path) == []
    for last, found in ((10, False), (20, True), (30, True)):
        windows = add_window(tmp_path, "shapes", window(last, found))
    assert read_windows(tmp_path) == windows
    assert [(each["last"], each["in_a_row"]) for each in windows] == [(10, 0), (20, 1), (30, 2)]


def test_only_so_many_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(drift_history, "MOST", 2)
    for last in (10, 20, 30):
        add_window(tmp_path, "shapes", window(last))
    assert [each["last"] for each in read_windows(tmp_path)] == [20, 30]


def test_a_name_cannot_become_markup(tmp_path):
    add_window(tmp_path, "<b>", window(10))
    text = (tmp_path / "history.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in text
    assert "<b>" not in text.replace("<b>Nothing", "")
    assert "Nothing has changed in the newest window" in text


def test_a_damaged_history_is_named(tmp_path, refuses):
    (tmp_path / HISTORY).write_text("{", encoding="utf-8")
    with refuses(ConfigError, f"{tmp_path / HISTORY}: damaged; move it away, and a new history begins"):
        read_windows(tmp_path)


def test_without_a_window_there_is_no_page(tmp_path):
    read_windows(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("found", [True, False])
def test_a_window_is_called_what_it_is(tmp_path, found):
    add_window(tmp_path, "shapes", window(10, found))
    text = (tmp_path / "history.html").read_text(encoding="utf-8")
    assert ("Changed in the newest window." in text) is found
