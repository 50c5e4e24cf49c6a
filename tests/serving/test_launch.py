"""A server that cannot start says why."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys

import pytest

import tellapart
from tellapart.core.errors import BundleError, ConfigError, ServerError
from tellapart.serving.model_registry import ModelRegistry


def test_start_is_refused_in_words(tmp_path, shape_bundle, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    state = tmp_path / "state"
    for words, options, wanted in [
        ([shape_bundle], {"host": "0.0.0.0"}, "token"),
        ([shape_bundle], {"port": 0}, "port"),
        ([shape_bundle], {"sample": 2.0}, "sample"),
        ([f"a={shape_bundle}", f"a={shape_bundle}"], {}, "two models"),
        ([f"../a={shape_bundle}"], {}, "no name"),
        ([], {}, "nothing to serve"),
    ]:
        with pytest.raises(ConfigError, match=wanted):
            tellapart.serve(list(map(str, words)), state=state, check=True, **options)
    with pytest.raises(BundleError):
        tellapart.serve([str(tmp_path)], state=state, check=True)
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(ConfigError, match="16"):
        tellapart.serve([str(shape_bundle)], state=state, token_file=tmp_path / "token", check=True)
    (tmp_path / "token").write_text("a-long-random-token\n")
    settings = tellapart.serve(
        [str(shape_bundle)], state=state, host="0.0.0.0", token_file=tmp_path / "token", check=True
    )
    assert settings is not None
    assert settings.token == "a-long-random-token"
    with pytest.raises(ConfigError, match="no folder of a server"):
        ModelRegistry(tmp_path / "nix").read()


def test_a_port_in_use_is_one_sentence(tmp_path, shape_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = ["serve", f"shapes={shape_bundle}", "--state", str(tmp_path / "state"), "--port", str(port)]
        line = [sys.executable, "-m", "tellapart", *words]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    text = f"tellapart: port {port}: something listens on 127.0.0.1 there already; give another --port, or stop it\n"
    assert ended.stderr == text
    assert not (tmp_path / "state").exists()


def test_origins_and_certificates_that_cannot_be_used(tmp_path, shape_bundle, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    for options, wanted in [
        ({"cors": ["*"]}, "callers must send a token"),
        ({"cors": ["https://ok.example", "shop.example"]}, "--cors shop.example: no origin"),
        ({"certfile": tmp_path / "nix.pem"}, "there is no such file"),
        ({"keyfile": tmp_path / "nix.key"}, "give its certificate too"),
    ]:
        with pytest.raises(ConfigError, match=wanted):
            tellapart.serve([str(shape_bundle)], state=tmp_path / "state", check=True, **options)
    with pytest.raises(TypeError, match="no option 'worker'"):
        tellapart.serve([str(shape_bundle)], check=True, worker=2)
    settings = tellapart.serve([str(shape_bundle)], cors=["https://Shop.example/"], check=True)
    assert settings.cors == ("https://shop.example",)


def test_tls(process, certify, tmp_path, shape_bundle, pictures, expected, monkeypatch):
    certificate, key = certify(tmp_path)
    trusted = ssl.create_default_context(cafile=certificate)
    words = [f"shapes={shape_bundle}", "--state", tmp_path / "state", "--workers", "1", "--certfile", certificate,
             "--keyfile", key]  # fmt: skip
    with process(tmp_path, "serve", *words, scheme="https", verify=trusted) as (url, _):
        with tellapart.Client(url, cafile=certificate) as client:
            assert client.predict(pictures[0])[0].answer == expected[0]["label"]
        with pytest.raises(ServerError, match=r"certificate|CERTIFICATE"):
            tellapart.Client(url, retries=0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with tellapart.Client(url) as client:
            assert client.task == "classify"
        with pytest.raises(ConfigError, match="no certificates in it"):
            tellapart.Client(url, cafile=key)
        with pytest.raises(ServerError):
            tellapart.Client(url.replace("https", "http"), retries=0)
