"""A server under load for minutes: answers, switches, a killed worker, memory. Prints what was seen.

    python -m benchmarks soak [--minutes 5] [--clients 64] [--bundle base]

Every client asks over a connection of its own, good images and bad ones mixed, and compares each answer with the
bundle's own. In the middle the model is switched twenty times to a copy of it and back, and a worker is killed. A
request whose connection the killed worker took with it is asked again, as `tellapart.Client` does, and counted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.serving.servers import Server, free_port, multipart
from tellapart import Bundle, load, switch
from tellapart.synthesis import draw, encode, scheme


def resident(process: int) -> int:
    """Bytes of a process in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Load:
    """Clients that ask and compare until stopped."""

    def __init__(self, port: int, path: str, asked: list[tuple[bytes, dict[str, object]]]) -> None:
        self.port, self.path, self.asked = port, path, asked
        self.stop = threading.Event()
        self.times: list[tuple[float, float]] = []  # when, how long
        self.wrong: list[object] = []
        self.failed: list[object] = []
        self.again: list[float] = []

    def run(self, seed: int) -> None:
        """One client."""
        dice = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stop.is_set():
            data, expected = dice.choice(self.asked)
            body, headers = multipart(data)
            start = time.monotonic()
            for _ in range(20):
                try:
                    connection.request("POST", self.path, body, headers)
                    answer = connection.getresponse()
                    told = json.loads(answer.read())
                except (OSError, http.client.HTTPException):
                    connection.close()
                    self.again.append(time.monotonic())
                    time.sleep(0.05)
                    continue
                if answer.status == 503:
                    time.sleep(float(answer.headers["Retry-After"]) * dice.random())
                    continue
                break
            else:
                self.failed.append("no answer in twenty tries")
                continue
            self.times.append((start, time.monotonic() - start))
            if answer.status not in (200, 422):
                self.failed.append((answer.status, told))
            elif {**told["predictions"][0], "file": ""} != expected:
                self.wrong.append((told, expected))


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--bundle", default="small")
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    drawn = scheme("classic")
    good = [encode(drawn, pixels) for pixels, _ in draw(drawn, 0, range(200))]
    bad = [good[0][:200], b"no image", b"", good[1][:30]]
    images = good + bad * 5
    rows = [row.to_json() | {"file": ""} for row in load(bundle.path, threads=1).predict(images)]
    asked = list(zip(images, rows, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        shutil.copytree(bundle.path, first)
        shutil.copytree(bundle.path, second)
        state, port, log = Path(folder) / "state", free_port(), Path(folder) / "serve.log"
        line = [sys.executable, "-m", "tellapart", "serve", f"model={first}", "--port", str(port)]
        server = Server([*line, "--state", str(state), "--workers", "2"], port, "/readyz", log)

        def workers() -> list[int]:
            return sorted(int(file.stem) for file in (state / "workers").glob("*.json"))

        under = Load(port, "/v1/models/model/predict", asked)
        askers = [threading.Thread(target=under.run, args=(seed,)) for seed in range(given.clients)]
        begin = time.monotonic()
        for each in askers:
            each.start()
        memory: list[tuple[float, int]] = []

        def rest(until: float) -> None:
            while time.monotonic() < begin + until:
                memory.append((time.monotonic() - begin, sum(resident(each) for each in workers())))
                time.sleep(1)

        def size_at(moment: float) -> int:
            return max(size for when, size in memory if abs(when - min(moment, memory[-1][0])) < 3)

        whole = 60 * given.minutes
        rest(whole * 0.5)
        start = time.monotonic()
        for turn in range(20):
            switch(state, "model", (second, first)[turn % 2])
        switching = time.monotonic() - start
        lost_by_switching = len(under.again)
        rest(whole * 0.5 + switching + 2)
        before = workers()
        os.kill(before[0], signal.SIGKILL)
        start = time.monotonic()
        while len([each for each in workers() if each != before[0]]) < 2:
            time.sleep(0.05)
        back = time.monotonic() - start
        rest(whole)
        under.stop.set()
        for each in askers:
            each.join()
        server.stop()
        times = sorted(each for _, each in under.times)
        p50, p99 = (times[int(len(times) * part)] for part in (0.5, 0.99))
        rate = len(times) / whole
        print(f"{given.clients} clients, {given.minutes:g} min, {len(times):,} answers ({rate:.0f} a second)")
        print(f"wrong or another's answers {len(under.wrong)}, failed requests {len(under.failed)}")
        print(f"p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms: {p99 / p50:.1f} times")
        print(f"20 switches in {switching:.1f} s, connections lost by them {lost_by_switching}")
        lost_by_death = len(under.again) - lost_by_switching
        print(f"worker killed: two again after {back:.1f} s, connections lost with it {lost_by_death}")
        marks = {"after a tenth": 0.1, "before the switches": 0.48, "after switches and death": 0.65, "at the end": 1.0}
        line_ = ", ".join(f"{size_at(part * whole) / 2**20:.0f} MB {when}" for when, part in marks.items())
        print(f"memory of the workers: {line_}")
        for bad_one in (*under.wrong[:3], *under.failed[:3]):
            print(bad_one)
        if "Traceback" in log.read_text():
            print(log.read_text()[-2000:])
    return {
        "answers": len(times),
        "answers_per_second": rate,
        "wrong": len(under.wrong),
        "failed": len(under.failed),
        "p50_seconds": p50,
        "p99_seconds": p99,
        "lost_by_switching": lost_by_switching,
        "lost_by_death": lost_by_death,
        "memory": {when: size_at(part * whole) for when, part in marks.items()},
    }
