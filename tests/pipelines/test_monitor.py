"""A server's samples, window after window: what is compared, what is kept of it, and what is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError
from tellapart.evaluation.drift_history import read_windows
from tellapart.inference.bundle import Bundle
from tellapart.serving.feedback_store import FeedbackStore
from tellapart.serving.model_registry import ModelRegistry


@pytest.fixture
def monitor_module():
    assert tellapart.monitor  # which loads it
    return sys.modules["tellapart.pipelines.monitor"]


@pytest.fixture
def state(tmp_path):
    """The folder of a server of the shipped reader, which needs no training; what it is asked does not matter here."""
    ModelRegistry(tmp_path / "state").start(["shapes=base"])
    return tmp_path / "state"


@pytest.fixture
def sampled(state, shape, encode, monkeypatch):
    """Let the server keep samples; a second passes between two of them."""
    clock = iter(range(1000, 9000))
    told = SimpleNamespace(time=lambda: float(next(clock)), time_ns=time.time_ns)
    monkeypatch.setattr("tellapart.serving.feedback_store.time", told)
    store = FeedbackStore(state / "samples" / "shapes", "text")
    pictures = [encode(shape(kind, number)) for number, kind in enumerate(["disc", "ring", "bar"])]

    def keep(count):
        for number in range(count):
            store.put(pictures[number % 3], "a.png", "disc")

    return keep


@pytest.fixture
def compared(monkeypatch, monitor_module):
    """What is compared, in place of the tests themselves, which `tests/evaluation/test_drift.py` tests."""
    calls = []

    def drift(bundle, window, *, alpha, report, seed):
        images = list(Path(window).iterdir())
        calls.append(len(images))
        report.write_text("the newest", encoding="utf-8")
        changed = len(calls) > 1
        checks = [
            {"check": "light", "distance": 0.5 * changed, "p": 0.001, "adjusted": 0.002, "found": changed},
            {"check": "answers", "distance": 0.1, "p": 0.5, "adjusted": 1.0, "found": False},
        ]
        return {"window": window, "n": len(images), "n_reference": 40, "alpha": alpha, "drift": changed,
                "checks": checks}  # fmt: skip

    monkeypatch.setattr(monitor_module, "drift", drift)
    return calls


def figures(text):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_window_is_what_is_new_and_its_history_grows(state, sampled, compared, capsys):
    sampled(19)
    assert main(["monitor", str(state), "--images", "20"]) == 0
    assert capsys.readouterr().out == "shapes: no window yet; 19 samples wait for more\n"
    assert not (state / "drift" / "shapes").exists()
    sampled(4)
    first = tellapart.monitor(state, "shapes", images=20)["models"][0]
    assert (first["windows"], first["drift"], first["waiting"]) == (1, False, 0)
    sampled(21)
    assert main(["monitor", str(state), "--images", "20"]) == 1
    assert capsys.readouterr().out == "shapes: changed: light (2 windows, 0 samples wait)\n"
    sampled(3)
    assert main(["monitor", str(state), "--images", "20", "--json"]) == 1  # still the newest window's
    result = json.loads(capsys.readouterr().out)
    assert result["drift"] is True
    assert result["models"][0]["waiting"] == 3
    assert compared == [23, 21]
    windows = read_windows(state / "drift" / "shapes")
    assert [(each["n"], each["first"], each["last"], each["in_a_row"]) for each in windows] == [
        (23, 1000.0, 1022.0, 0),
        (21, 1023.0, 1043.0, 1),
    ]
    assert windows[0]["version"] == Bundle.open("base").version[:12]
    assert "tmp" not in windows[0]["window"].replace(str(state), "")


def test_what_is_kept_is_for_the_owner_alone_and_the_page_shows_it(state, sampled, compared):
    for _ in range(3):
        sampled(20)
        page = tellapart.monitor(state, images=20)["models"][0]["page"]
    text = Path(page).read_text(encoding="utf-8")
    HTMLParser().feed(text)
    assert "Changed in the last 2 windows." in text
    assert text.count("<circle") == 2  # light, of the two windows that changed
    assert "1970-01-01 00:17" in text
    for path in (state / "drift").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_more_samples_than_a_window_takes_the_newest_count(state, sampled, compared, monkeypatch, monitor_module):
    monkeypatch.setattr(monitor_module, "MOST", 25)
    sampled(70)
    tellapart.monitor(state, images=20)
    (window,) = read_windows(state / "drift" / "shapes")
    assert (window["n"], window["first"], window["last"]) == (25, 1045.0, 1069.0)


def test_the_server_shows_the_figures(state, sampled, compared, here):
    sampled(20)
    tellapart.monitor(state, images=20)
    sampled(20)
    tellapart.monitor(state, images=20)
    with here(state, ["shapes=base"]) as (client, _live):
        found = figures(client.get("/metrics").text)
    assert found["tellapart_drift", "shapes"] == 1
    assert found["tellapart_drift_in_a_row", "shapes"] == 1
    assert found["tellapart_drift_windows", "shapes"] == 2
    assert found["tellapart_drift_images", "shapes"] == 20
    assert found["tellapart_drift_timestamp_seconds", "shapes"] == 1039
    assert found["tellapart_drift_distance", "light", "shapes"] == 0.5
    assert found["tellapart_drift_p", "answers", "shapes"] == 1


def test_what_cannot_be_monitored_is_refused_in_words(state, refuses, tmp_path):
    with refuses(ConfigError, "images 5: give a number from 20 to 1,000"):
        tellapart.monitor(state, images=5)
    with refuses(ConfigError, "every 0: give seconds, such as 3600"):
        tellapart.monitor(state, every=0)
    with refuses(ConfigError, f"{state}: no model 'shape' (did you mean 'shapes'?); there are: shapes"):
        tellapart.monitor(state, "shape")
    with pytest.raises(ConfigError, match="no folder of a server"):
        tellapart.monitor(tmp_path / "nix")


def test_as_a_service_it_looks_again_until_it_is_stopped(state, tmp_path):
    log = tmp_path / "log"
    line = [sys.executable, "-m", "tellapart", "monitor", str(state), "--every", "0.1"]
    with log.open("wb") as output:
        service = subprocess.Popen(line, stdout=output, stderr=output)
        end = time.monotonic() + 120
        while log.read_text().count("shapes: no window yet") < 2:
            assert service.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0, log.read_text()
