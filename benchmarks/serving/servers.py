"""Servers of one bundle under load from this machine. Prints ratios of one run.

    python -m benchmarks servers [--seconds 20] [--clients 16] [--rounds 3]

The same graph (EfficientNet-Lite0, 224 px), the same JPEGs of 320 x 240, the same cores. "bare" is a loop over decoding
and ONNX Runtime without any server or client, one image a time, in as many processes as there are cores. The servers
are asked by as many clients as given, each a bare socket (they run on the same cores) that stays open, one image a
request, for the same seconds: `tellapart serve`; LitServe with batches of 16; and FastAPI as one writes it by hand.
Rounds in turn; medians.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image

from benchmarks.serving.predict import make_bundle
from benchmarks.timing import Spread, ratios
from tellapart.inference.bundle import GRAPH

CORES = os.cpu_count() or 1


def photos(n: int) -> list[bytes]:
    """JPEGs with the detail of a photo."""
    rng = np.random.default_rng(0)
    result = []
    for _ in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)).resize((320, 240))
        pixels = np.clip(np.asarray(coarse).astype(np.int16) + rng.integers(-12, 13, (240, 320, 3)), 0, 255)
        stream = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(stream, "JPEG", quality=90)
        result.append(stream.getvalue())
    return result


def pixels_of(data: bytes) -> np.ndarray:
    """What one writes by hand: decode and fit on a square."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((224, 224))
    square = Image.new("RGB", (224, 224), (128, 128, 128))
    square.paste(image, ((224 - image.width) // 2, (224 - image.height) // 2))
    return np.asarray(square)[None]


def _bare(graph: str, data: list[bytes], seconds: float, out: multiprocessing.Queue[float]) -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: pixels_of(data[0])})
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        session.run(["probabilities"], {name: pixels_of(data[done % len(data)])})
        done += 1
    out.put(done / seconds)


def bare(graph: Path, data: list[bytes], seconds: float) -> float:
    """Images a second of a loop without a server."""
    out: multiprocessing.Queue[float] = multiprocessing.Queue()
    loops = [multiprocessing.Process(target=_bare, args=(str(graph), data, seconds, out)) for _ in range(CORES)]
    for each in loops:
        each.start()
    total = sum(out.get() for _ in loops)
    for each in loops:
        each.join()
    return total


LITSERVE = """
import base64, io, os, sys
import numpy as np, onnxruntime as ort, litserve as ls
sys.path.insert(0, {here!r})
from benchmarks.serving.servers import pixels_of

class Api(ls.LitAPI):
    def setup(self, device):
        options = ort.SessionOptions(); options.intra_op_num_threads = 1
        self.session = ort.InferenceSession({graph!r}, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
    def decode_request(self, request):
        return pixels_of(request["image"].file.read())
    def batch(self, inputs):
        return np.concatenate(inputs)
    def predict(self, pixels):
        return self.session.run(["probabilities"], {{self.name: pixels}})[0]
    def unbatch(self, output):
        return list(output)
    def encode_response(self, row):
        return {{"label": int(row.argmax()), "confidence": float(row.max())}}

if __name__ == "__main__":
    api = Api(max_batch_size=16, batch_timeout=0.005, api_path="/predict")
    ls.LitServer(api, accelerator="cpu", workers_per_device={cores}, timeout=60).run(
        port={port}, host="127.0.0.1", generate_client_file=False, num_api_servers=1, log_level="error")
"""

FASTAPI = """
import sys
import onnxruntime as ort, uvicorn
from fastapi import FastAPI, UploadFile
sys.path.insert(0, {here!r})
from benchmarks.serving.servers import pixels_of

app = FastAPI()
session = ort.InferenceSession({graph!r}, providers=["CPUExecutionProvider"])

@app.post("/predict")
def predict(image: UploadFile):
    row = session.run(["probabilities"], {{session.get_inputs()[0].name: pixels_of(image.file.read())}})[0][0]
    return {{"label": int(row.argmax()), "confidence": float(row.max())}}

@app.get("/health")
def health():
    return "ok"

uvicorn.run(app, host="127.0.0.1", port={port}, log_level="error")
"""


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A server in a process group of its own, once it answers."""

    def __init__(self, line: list[str], port: int, ready: str, log: Path) -> None:
        self.port = port
        with log.open("wb") as output:
            self.process = subprocess.Popen(line, stdout=output, stderr=output, start_new_session=True)
        end = time.monotonic() + 120
        while not self._ready(ready):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.2)

    def _ready(self, path: str) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """It and what it started."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def multipart(data: bytes) -> tuple[bytes, dict[str, str]]:
    """A body with one file."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head + data + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


class Caller:
    """One connection, over which a request is bytes: what a client does must not take much from the servers' cores."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(each[15:]) for each in lines if each.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        if b"connection: close" in lines:
            self.socket.close()
            self.socket = None
        return int(head[9:12]), body

    def _more(self) -> bytes:
        assert self.socket is not None
        part = self.socket.recv(65536)
        if not part:
            raise SystemExit("a server ended a connection in the middle of an answer")
        return part


def load(port: int, path: str, data: list[bytes], clients: int, seconds: float) -> tuple[float, list[float]]:
    """Answers a second, and the seconds of each."""
    requests = []
    for image in data:
        body, headers = multipart(image)
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Type: {headers['Content-Type']}",
                 f"Content-Length: {len(body)}", "", ""]  # fmt: skip
        requests.append("\r\n".join(lines).encode() + body)
    times: list[float] = []
    end = time.perf_counter() + seconds

    def ask(place: int) -> None:
        caller = Caller(port)
        while (start := time.perf_counter()) < end:
            status, told = caller.ask(requests[place % len(requests)])
            times.append(time.perf_counter() - start)
            if status != 200 or (place < 10 * clients and not json.loads(told)):
                raise SystemExit(f"status {status}: {told[:300]!r}")
            place += clients

    askers = [threading.Thread(target=ask, args=(place,)) for place in range(clients)]
    for each in askers:
        each.start()
    for each in askers:
        each.join()
    return len(times) / seconds, sorted(times)


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    data = photos(64)
    here = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder) / "lite0")
        graph = str(bundle.path / GRAPH)

        def start(name: str) -> Server:
            port, log = free_port(), Path(folder) / f"{name}.log"
            if name == "tellapart":
                line = [sys.executable, "-m", "tellapart", "serve", str(bundle.path), "--port", str(port),
                        "--state", f"{folder}/state"]  # fmt: skip
                return Server(line, port, "/readyz", log)
            script = Path(folder) / f"with_{name}.py"  # not its own name: it would import itself
            text = {"litserve": LITSERVE, "fastapi": FASTAPI}[name]
            script.write_text(text.format(here=here, graph=graph, port=port, cores=CORES))
            return Server([sys.executable, str(script)], port, "/health", log)

        paths = {"tellapart": "/v1/models/lite0/predict", "litserve": "/predict", "fastapi": "/predict"}
        seen: dict[str, list[float]] = {name: [] for name in ("bare", *paths)}
        tails: dict[str, list[float]] = {}
        for _ in range(given.rounds):
            seen["bare"].append(bare(Path(graph), data, given.seconds))
            for name, path in paths.items():
                try:
                    server = start(name)
                except SystemExit as error:
                    print(f"{name}: skipped, {str(error)[-300:]}")
                    continue
                try:
                    load(server.port, path, data, given.clients, 3)  # warm
                    rate, times = load(server.port, path, data, given.clients, given.seconds)
                finally:
                    server.stop()
                seen[name].append(rate)
                tails[name] = [times[int(len(times) * part)] for part in (0.5, 0.99)]
        figures: dict[str, Any] = {}
        print(f"{given.clients} clients, {CORES} cores, {given.rounds} rounds of {given.seconds:g} s; images a second")
        for name, rates in seen.items():
            if rates:
                tail = (
                    "  p50 {:.0f} ms, p99 {:.0f} ms".format(*(1000 * each for each in tails[name]))
                    if name in tails
                    else ""
                )
                share = ratios(rates, seen["bare"]) if len(rates) == len(seen["bare"]) else None
                spread = Spread.of(rates)
                print(f"{name:<10} {spread.median:7.1f}   {share} of bare{tail}")
                figures[name] = {
                    "images_per_second": spread.to_json(),
                    "of_bare": share and share.to_json(),
                    "p50_p99_seconds": tails.get(name),
                }
    return figures
