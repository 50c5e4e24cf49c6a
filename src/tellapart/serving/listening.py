"""The socket that all processes of a server take connections from, and how it stops without losing one."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import ssl
import struct
import sys
from contextlib import suppress
from pathlib import Path

from tellapart.core.errors import ConfigError

_BACKLOG = 2048  # connections that may wait to be taken
_ATTACH_FILTER = 26  # of Linux's setsockopt, which Python does not name
# Classic BPF over a TCP header: load the flags, drop what begins a connection (SYN), let everything else pass.
_DROP_NEW = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x02), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        ConfigError: something else listens there, or this machine has no such address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"host {host}: no address of this machine; give --host 127.0.0.1") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # where it would let two listen on one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(f"port {port}: something listens on {host} there already; give another --port, or stop it")
    if error.errno == errno.EACCES:
        return ConfigError(f"port {port}: this user may not listen there; give a --port of 1024 or more")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(f"host {host}: no address of this machine; give --host 127.0.0.1")
    return ConfigError(f"{host}:{port}: nothing can listen there ({os.strerror(error.errno or 0)})")


def refuse_new_connections(listener: socket.socket) -> None:
    """Let nobody begin a connection any more; those that were begun can still be taken.

    Who closes a listening socket resets the connections that wait in it. On Linux a filter drops what would begin one,
    so that the rest can be taken first; whoever was dropped asks again and finds nobody. Elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    code = b"".join(struct.pack("HBBI", *each) for each in _DROP_NEW)
    buffer = ctypes.create_string_buffer(code, len(code))
    with suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(_DROP_NEW), ctypes.addressof(buffer))
        )


def take_waiting(listener: socket.socket) -> list[socket.socket]:
    """The connections that were begun and that no process has taken yet."""
    listener.setblocking(False)
    taken = []
    with suppress(OSError):  # at the end: there is none
        while True:
            taken.append(listener.accept()[0])
    return taken


def check_certificate(certfile: str | Path | None, keyfile: str | Path | None) -> None:
    """Make sure that a certificate and its key can be used for TLS.

    Args:
        certfile: PEM, the certificate first, then those that signed it.
        keyfile: PEM, the private key without a password; may lie in ``certfile`` too.

    Raises:
        ConfigError: they cannot.
    """
    if certfile is None:
        if keyfile is not None:
            raise ConfigError(f"--keyfile {keyfile}: give its certificate too, as --certfile")
        return

    def locked() -> str:
        raise ConfigError(f"{keyfile or certfile}: the key has a password; write it without one (openssl rsa -in ...)")

    for each in (certfile, keyfile):
        if each is not None and not Path(each).is_file():
            raise ConfigError(f"{each}: there is no such file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile, keyfile, locked)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{certfile}: no PEM certificate with the key of {keyfile or certfile} ({reason}); give --certfile and "
            "--keyfile"
        ) from error
