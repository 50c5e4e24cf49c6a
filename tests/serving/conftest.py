"""What the tests of this folder share."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tellapart


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _family(process):
    """A process and all that it has started."""
    found, new = {process}, [process]
    while new:
        children = Path(f"/proc/{new[-1]}/task/{new[-1]}/children").read_text().split()
        new.pop()
        new += [int(each) for each in children]
        found |= set(map(int, children))
    return found


def _sockets(processes):
    """The inodes of their sockets."""
    found = set()
    for each in processes:
        for file in Path(f"/proc/{each}/fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(file.readlink())
                if link.startswith("socket:["):
                    found.add(link[8:-1])
    return found


def _listening(process):
    """TCP ports that a process and those below it listen on, and paths of their socket files."""
    inodes, ports, paths = _sockets(_family(process)), set(), set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                ports.add(int(words[1].rpartition(":")[2], 16))
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[6] in inodes and int(words[3], 16) & 0x10000:
            paths.add(words[7])
    return ports, paths


def _certify(folder, name="cert", *words):
    """A certificate of this machine that it signs itself, and its key."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", certificate, "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]  # fmt: skip
    try:
        subprocess.run([*line, *(words or ["-nodes"])], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl on this machine")
    return certificate, key


@pytest.fixture(scope="session")
def certify():
    return _certify


@pytest.fixture(scope="session")
def listening():
    return _listening


@pytest.fixture(scope="session")
def pictures(shape):
    return [_png(np.asarray(shape(each, seed))) for seed, each in enumerate(["disc", "ring", "bar"] * 4)]


@pytest.fixture(scope="session")
def expected(shape_bundle, pictures):
    return [row.to_json() for row in tellapart.load(shape_bundle, threads=1).predict(pictures)]


@pytest.fixture(scope="session")
def shapes_here(tmp_path_factory, shape_bundle, here):
    with here(tmp_path_factory.mktemp("here") / "state", [f"shapes={shape_bundle}"], images=16, request_bytes=200_000,
              image_pixels=1_000_000) as (client, live):  # fmt: skip
        yield client, live
