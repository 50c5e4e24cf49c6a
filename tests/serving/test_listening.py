"""The socket of a server: where it cannot be, in a sentence, and how it stops taking connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tellapart.core.errors import ConfigError
from tellapart.serving.listening import check_certificate, open_listener, refuse_new_connections, take_waiting


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_listens_where_it_was_told(host):
    try:
        listener = open_listener(host, 0)
    except ConfigError:
        assert host == "::1"
        pytest.skip("no IPv6 on this machine")
    with listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        taken, address = listener.accept()
        taken.close()
        assert address[0] == host


def test_a_port_in_use_is_one_sentence(refuses):
    with open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        text = f"port {port}: something listens on 127.0.0.1 there already; give another --port, or stop it"
        with refuses(ConfigError, text):
            open_listener("127.0.0.1", port)


def test_a_host_of_another_machine_is_one_sentence(refuses):
    for host in ("192.0.2.1", "nowhere.invalid", "a" * 70):
        with refuses(ConfigError, f"host {host}: no address of this machine; give --host 127.0.0.1"):
            open_listener(host, 0)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can be another user for a test")
def test_a_port_of_the_system_is_one_sentence():
    code = (
        "import os, encodings.idna; from tellapart.serving.listening import open_listener\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); open_listener('127.0.0.1', 80)"
    )
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("every user may listen on port 80 here")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "port 80: this user may not listen there; give a --port of 1024 or more" in told.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a filter on a socket is Linux's")
def test_who_was_begun_is_taken_and_nobody_begins():
    with open_listener("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address, timeout=5) as before:
            refuse_new_connections(listener)
            before.sendall(b"hello")  # what is begun goes on
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            (taken,) = take_waiting(listener)
            with taken:
                assert taken.recv(10) == b"hello"
            assert take_waiting(listener) == []


def test_a_certificate_that_cannot_be_used_is_refused(tmp_path, certify):
    certificate, key = certify(tmp_path)
    other, _ = certify(tmp_path, "other")
    _, locked = certify(tmp_path, "locked", "-passout", "pass:secret-word")
    check_certificate(None, None)
    check_certificate(certificate, key)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    check_certificate(both, None)
    (tmp_path / "text.pem").write_text("no certificate")
    for given, words in [
        ((None, key), "give its certificate too"),
        ((tmp_path / "missing.pem", key), "missing.pem: there is no such file"),
        ((certificate, tmp_path / "missing.key"), "missing.key: there is no such file"),
        ((certificate, None), "no PEM certificate with the key"),
        ((other, key), "no PEM certificate with the key"),
        ((tmp_path / "text.pem", key), "no PEM certificate with the key"),
        ((certificate, locked), "the key has a password"),
    ]:
        with pytest.raises(ConfigError, match=words):
            check_certificate(*given)
