"""Small requests beside large ones: how long they wait. Prints p50 and p99, and the ratio.

    python -m benchmarks large [--clients 4] [--large 8] [--seconds 15] [--workers 2]

So many clients ask about small drawn CAPTCHAs, one an image a request, over connections that stay open; first by
themselves, then while as many other clients as ``--large`` ask about pictures of 23 million pixels without a pause:
blank PNGs of a few kB, and JPEGs with the detail of a photo. All of it on the same cores as the server.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.serving.servers import Caller, Server, free_port, multipart
from tellapart.synthesis import draw, encode, scheme

PATH = "/v1/models/base/predict"
SIDES = (5750, 4000)  # 23 million pixels


def large_pictures() -> list[bytes]:
    """A blank PNG and a JPEG of a photo's detail."""
    result = []
    for kind, image in (
        ("PNG", Image.new("RGB", SIDES, "white")),
        ("JPEG", Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 58, 3), dtype=np.uint8)).resize(SIDES)),
    ):
        stream = io.BytesIO()
        image.save(stream, kind)
        result.append(stream.getvalue())
    return result


class Clients:
    """Clients that ask until stopped, each over a connection of its own."""

    def __init__(self, port: int, images: list[bytes], n: int) -> None:
        self.port, self.images = port, images
        self.stop = threading.Event()
        self.seconds: list[float] = []
        self.refused = 0
        self.threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(n)]

    def __enter__(self) -> Clients:
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for each in self.threads:
            each.join()

    def _ask(self, place: int) -> None:
        caller = Caller(self.port)
        while not self.stop.is_set():
            body, headers = multipart(self.images[place % len(self.images)])
            place += 1
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {headers['Content-Type']}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            start = time.perf_counter()
            status, told = caller.ask(head.encode() + body)
            if status == 503:
                self.refused += 1
            elif status != 200:
                raise SystemExit(f"status {status}: {told[:300]!r}")
            else:
                self.seconds.append(time.perf_counter() - start)


def at(seconds: list[float], part: float) -> float:
    """That part of them is at most so long."""
    return sorted(seconds)[int(len(seconds) * part)]


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--large", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    drawn = scheme("classic")
    small = [encode(drawn, pixels) for pixels, _ in draw(drawn, 0, range(50))]
    with tempfile.TemporaryDirectory() as folder:
        port, log = free_port(), Path(folder) / "serve.log"
        line = [sys.executable, "-m", "tellapart", "serve", "base", "--port", str(port), "--state", f"{folder}/state",
                "--workers", str(given.workers)]  # fmt: skip
        server = Server(line, port, "/readyz", log)
        try:
            with Clients(port, small, given.clients):  # warm
                time.sleep(2)
            with Clients(port, small, given.clients) as alone:
                time.sleep(given.seconds)
            with Clients(port, large_pictures(), given.large) as heavy:
                time.sleep(1)
                with Clients(port, small, given.clients) as beside:
                    time.sleep(given.seconds)
        finally:
            server.stop()
    ratio = at(beside.seconds, 0.99) / at(alone.seconds, 0.99)
    for name, each in (("alone", alone), (f"beside {given.large} large ones", beside), ("the large ones", heavy)):
        print(
            f"{name:<22} {len(each.seconds):6,} answers, {each.refused} told to come again; "
            f"p50 {1000 * at(each.seconds, 0.5):.0f} ms, p99 {1000 * at(each.seconds, 0.99):.0f} ms"
        )
    print(f"p99 beside large ones: {ratio:.1f} times that without them")
    return {
        "alone_p50_p99_seconds": [at(alone.seconds, part) for part in (0.5, 0.99)],
        "beside_p50_p99_seconds": [at(beside.seconds, part) for part in (0.5, 0.99)],
        "large_answers": len(heavy.seconds),
        "ratio_p99": ratio,
    }
