"""The settings of a server: from one environment to the next, and secrets that cannot be guessed."""

from __future__ import annotations

import pytest

from tellapart.core.errors import ConfigError
from tellapart.serving.settings import Settings, default_workers, is_loopback, origin, secret_for, token


def test_settings_go_through_the_environment():
    settings = Settings("state", "0.0.0.0", 80, 3, "a-long-random-token", 0.5, images=7)
    environment = settings.to_environment()
    assert all(isinstance(value, str) for value in environment.values())
    assert Settings.from_environment(environment) == settings
    assert Settings.from_environment({}) == Settings()
    assert environment["PROMETHEUS_MULTIPROC_DIR"] == "state/metrics"


@pytest.mark.parametrize("given", ["https://shop.example", "http://127.0.0.1:8080", "HTTPS://Shop.example/"])
def test_an_origin_is_spelt_as_browsers_do(given):
    assert origin(given) == given.lower().rstrip("/")


@pytest.mark.parametrize(
    "given", ["", "null", "shop.example", "https://", "https://a b", "https://a/b", "https://u@a", "ftp://a",
              "https://a:x", "https://a?b", "https://é.example", "https://a#b", "https://[a"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(given, refuses):
    text = f"--cors {given}: no origin; give scheme, host and port alone, as https://shop.example:8443"
    with refuses(ConfigError, text):
        origin(given)


def test_there_are_one_to_four_workers():
    assert 1 <= default_workers() <= 4


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]", "LOCALHOST."])
def test_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "192.168.0.1", "localhost.example", "::"])
def test_another_machine(host):
    assert not is_loopback(host)


def test_a_token_is_the_first_line_of_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLAPART_TOKEN", " of-the-environment \n")
    (tmp_path / "token").write_text("a-long-random-token\nnote\n", "utf-8")
    assert token(tmp_path / "token") == "a-long-random-token"
    assert token(None) == "of-the-environment"
    monkeypatch.delenv("TELLAPART_TOKEN")
    assert token(None) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "its first line is empty; a token has at least 16 characters"),
        (b"short\n", "a token has at least 16 printable ASCII characters; make a random one"),
        ("a-long-random-tökén".encode(), "a token has at least 16 printable ASCII characters; make a random one"),
        (b"\xff" * 20, "the token cannot be read"),
    ],
)
def test_a_token_that_could_be_guessed_is_refused(tmp_path, content, words):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=f"^{tmp_path / 'token'}: {words}"):
        token(tmp_path / "token")


def test_out_in_the_open_a_token_is_needed(tmp_path, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    assert secret_for("127.0.0.1", 3000, None) == ""
    with pytest.raises(ConfigError, match=r"^host 0\.0\.0\.0: others could ask too, so callers must send a token"):
        secret_for("0.0.0.0", 3000, None)
    for port in (0, 65536):
        with pytest.raises(ConfigError, match=rf"^port {port}: give a number from 1 to 65535$"):
            secret_for("127.0.0.1", port, None)
    (tmp_path / "token").write_text("a-long-random-token", "utf-8")
    assert secret_for("0.0.0.0", 3000, tmp_path / "token") == "a-long-random-token"
