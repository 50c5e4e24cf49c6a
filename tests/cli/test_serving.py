"""The verbs of a running server, up to where one would run."""

from __future__ import annotations

import json

import pytest

import tellapart


def test_serve_makes_sure_that_it_could_start(answered, said, shape_bundle, tmp_path):
    words = (
        "serve",
        f"shapes={shape_bundle}",
        "--state",
        tmp_path / "state",
        "--port",
        3999,
        "--workers",
        2,
        "--check",
    )
    result = answered(*words)
    assert result == {"state": str(tmp_path / "state"), "host": "127.0.0.1", "port": 3999, "workers": 2}
    assert said(*words)[:2] == (0, f"ready to serve on 127.0.0.1:3999 from {tmp_path / 'state'}\n")


def test_switch(said, shape_bundle, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(tellapart, "switch", lambda *words, force: calls.append(words) or "v2")
    assert said("switch", "state", "shapes", shape_bundle) == (0, "shapes answers with v2\n", "")
    status, out, _ = said("switch", "state", "shapes", "--rollback", "--json")
    assert (status, json.loads(out)) == (0, {"name": "shapes", "bundle": "v2"})
    assert calls == [("state", "shapes", str(shape_bundle)), ("state", "shapes", None)]


@pytest.mark.parametrize("words", [[], ["bundle", "--rollback"]])
def test_a_switch_goes_one_way(words, said):
    text = "tellapart: give a bundle to switch to, or --rollback, not both\n"
    assert said("switch", "state", "shapes", *words) == (2, "", text)


def test_a_switch_of_nothing(said, tmp_path):
    status, out, err = said("switch", tmp_path, "shapes", "--rollback")
    assert (status, out) == (2, "")
    assert err.startswith("tellapart: ")


def test_web_says_where_it_is(said, monkeypatch):
    calls = []
    monkeypatch.setattr(tellapart, "web", lambda model, **options: calls.append((model, options)))
    assert said("web", "model", "--port", 3998) == (0, "http://127.0.0.1:3998 (Ctrl-C ends it)\nstopped\n", "")
    assert said("web", "model", "--check") == (0, "ready\n", "")
    assert calls[0][0] == "model"
    assert (calls[0][1]["port"], calls[1][1]["check"]) == (3998, True)
