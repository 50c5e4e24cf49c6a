"""Thousands of hostile uploads to a server. Prints what it answered, and how much memory it took.

    python -m benchmarks attack [--n 5000] [--seed 0]

Images that are truncated, mutated, of another type, or bombs; multipart bodies of every kind of wrongness; hostile
names; JSON as deep as it goes; some bodies of 200 MB. Every answer must be JSON with a code, no status 500, no
traceback in the log, and a good image between them must be answered as ever.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import http.client
import io
import json
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.serving.servers import Server, free_port, multipart
from benchmarks.serving.soak import resident
from tellapart.synthesis import draw, encode, scheme

PATH = "/v1/models/base/predict"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
NAMES = ("../../etc/passwd", "a\x00.png", "C:\\con", '"; rm -rf', "<script>", "\u202egnp.exe", "a" * 5000, "%2e%2e%2f",
         "\ud83d\ude00.png", "", "http://127.0.0.1/x.png")  # fmt: skip

Sent = tuple[bytes, dict[str, str]]


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG that says it is so large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def bombs() -> list[bytes]:
    """Small files that would be large pictures."""
    many = [
        png(30_000, 30_000, bytes(100_000)),
        png(2**31 - 1, 2**31 - 1, b""),
        png(4800, 4900, bytes(3 * 4800 * 4900)),
    ]
    for kind in ("GIF", "TIFF", "WEBP", "BMP"):
        stream = io.BytesIO()
        Image.new("1" if kind == "TIFF" else "L", (4000, 4000)).save(stream, kind)
        many.append(stream.getvalue())
    return many


def mutants(dice: random.Random, seeds: list[bytes]) -> dict[str, Callable[[], Sent]]:
    """Kind → one more of it."""
    heavy = bombs()

    def mutated() -> bytes:
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 30)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(data)

    def odd() -> Sent:
        body, _ = multipart(dice.choice(seeds))
        at = dice.randrange(len(body))
        body = dice.choice([body[:at], body[at:], body.replace(b"--x", b"--y"), body.replace(b"\r\n", b"\n"), body * 3,
                            body.replace(b"form-data", b"\xff\xfe"), b"--x\r\n" * 200, b""])  # fmt: skip
        boundary = dice.choice(["x", "x", "y", "", '"', "x" * 300, "x; charset=utf-16"])
        return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}

    def named() -> Sent:
        body, headers = multipart(dice.choice(seeds))
        name = dice.choice(NAMES).encode("utf-8", "surrogatepass")
        return body.replace(b"a.jpg", name), headers

    def deep() -> Sent:
        depth = dice.randint(10, 100_000)
        text = dice.choice(['{"images":' + "[" * depth, "[" * depth, '{"images": [' + "1" * depth + "]}",
                            '{"images": [{"data": 1}]}', '{"images": "file:///etc/passwd"}', '{"images": {"name": 1}}',
                            json.dumps({"images": [base64.b64encode(mutated()).decode()]}), "null", '"'])  # fmt: skip
        return text.encode(), {"Content-Type": "application/json"}

    def kind() -> Sent:
        return dice.choice(seeds), {
            "Content-Type": dice.choice(["text/html", "image/../x", "a" * 3000, "\t", "multipart/mixed"])
        }

    return {
        "truncated": lambda: multipart(dice.choice(seeds)[: dice.randint(0, 300)]),
        "mutated": lambda: multipart(mutated()),
        "other type": lambda: multipart(dice.choice([b"%PDF-1.7", b"PK\x03\x04", b"GIF89a", b"<svg/>", bytes(1000)])),
        "bomb": lambda: multipart(dice.choice(heavy)),
        "odd multipart": odd,
        "hostile name": named,
        "JSON": deep,
        "content type": kind,
        "many": lambda: (multipart(b"x")[0].replace(b"--x--", b"") * 200 + b"--x--\r\n", FORM),
    }


def peak(process: int) -> int:
    """The most bytes that a process ever had in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    drawn = scheme("classic")
    seeds = [encode(drawn, pixels) for pixels, _ in draw(drawn, 0, range(20))]
    for kind in ("JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        stream = io.BytesIO()
        Image.open(io.BytesIO(seeds[0])).save(stream, kind)
        seeds.append(stream.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        port, log, state = free_port(), Path(folder) / "serve.log", Path(folder) / "state"
        line = [sys.executable, "-m", "tellapart", "serve", "base", "--port", str(port), "--state", str(state)]
        server = Server(line, port, "/readyz", log)
        workers = [int(file.stem) for file in (state / "workers").glob("*.json")]

        def send(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                # If it refuses before all was sent, its answer is there still.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request("POST", PATH, body, headers)
                answer = connection.getresponse()
                told = json.loads(answer.read())
                return answer.status, told["error"]["code"] if "error" in told else "answered"
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
                return 0, "cut off"
            finally:
                connection.close()

        good = send(*multipart(seeds[0]))
        before = max(resident(each) for each in workers)
        count, broken = collections.Counter[tuple[str, int, str]](), []
        makers = mutants(dice, seeds)
        for number in range(given.n):
            name = dice.choice(list(makers))
            status, code = send(*makers[name]())
            count[name, status, code] += 1
            if status >= 500 or status == 0:
                broken.append((name, status, code))
            if number % 50 == 0:
                assert send(*multipart(seeds[0])) == good, "a good image was not answered as before"
        for _ in range(4):
            count["200 MB", *send(bytes(200 * 2**20), {"Content-Type": "image/png"})] += 1
        most = max(peak(each) for each in workers)
        alive = [int(file.stem) for file in (state / "workers").glob("*.json")]  # the server's end removes these files
        server.stop()
        for (name, status, code), times in sorted(count.items()):
            print(f"{name:<14} {status} {code:<14} {times}")
        print(f"{sum(count.values()):,} requests, {len(broken)} of status 500 or above or cut off {broken[:3]}")
        log_text = log.read_text()
        print(f"tracebacks in the log: {log_text.count('Traceback')}")
        print(f"memory of a worker {before / 2**20:.0f} MB before, {most / 2**20:.0f} MB at most")
        print(f"workers that ended meanwhile: {len(set(workers) - set(alive))}")
    return {
        "requests": sum(count.values()),
        "broken": len(broken),
        "tracebacks": log_text.count("Traceback"),
        "memory_before": before,
        "memory_peak": most,
        "workers_ended": len(set(workers) - set(alive)),
    }
