"""A large set audited end to end: killed once in the middle, resumed, and compared with an undisturbed audit.

    python -m benchmarks audit_resume [--n 100000]

Draws n pictures, every hundredth an exact copy and every hundredth a smaller copy of its neighbour. Prints seconds,
peak memory, what was found of the planted copies, and whether both audits found the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

CLASSES = 20
AUDIT = (
    "import json, resource, sys; from tellapart.curation.audit import run_audit;"
    "f = run_audit(sys.argv[1], out=sys.argv[2]);"
    "print(json.dumps([f.summary()['findings'], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))"
)


def picture(number: int) -> Image.Image:
    """Eight flat shapes, different for each number."""
    dice = np.random.default_rng(number)
    image = Image.new("RGB", (96, 72), tuple(dice.integers(120, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        x, y, w, h = (int(dice.integers(low, high)) for low, high in ((0, 96), (0, 72), (8, 50), (8, 40)))
        shape = pen.ellipse if dice.random() < 0.5 else pen.rectangle
        shape((x, y, x + w, y + h), fill=tuple(dice.integers(0, 256, 3).tolist()))
    return image


def save(job: tuple[str, int]) -> None:
    """One picture of the set; numbers that end in 00 or 50 are copies of the next one."""
    folder, number = job
    image = picture(number + 1 if number % 50 == 0 else number)
    if number % 100 == 50:
        image = image.resize((60, 45))
    image.save(Path(folder) / f"class {number % CLASSES:02}" / f"{number:07}.png", compress_level=1)


def start(data: Path, out: Path) -> subprocess.Popen[str]:
    """An audit in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", AUDIT, str(data), str(out)], stdout=subprocess.PIPE, text=True)


def main() -> dict[str, Any]:
    """Draw, audit twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    n = parser.parse_args().n
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "set"
        for number in range(CLASSES):
            (data / f"class {number:02}").mkdir(parents=True)
        with multiprocessing.get_context("spawn").Pool() as pool:
            pool.map(save, ((str(data), number) for number in range(n)), chunksize=500)

        began = time.perf_counter()
        whole, peak = json.loads(start(data, Path(name) / "whole").communicate()[0])
        seconds = time.perf_counter() - began
        print(f"undisturbed: {n:,} images in {seconds:.0f} s ({n / seconds:.0f} a second), peak {peak:.2f} GB")
        for check in ("exact_duplicates", "near_duplicates"):
            print(f"{check}: {whole[check]['count']:,} of {n // 100:,} planted")

        process = start(data, Path(name) / "stopped")
        parts = Path(name) / "stopped" / "survey"
        while len(list(parts.glob("*/part-*"))) < n // 1024 // 3:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed with {len(list(parts.glob('*/part-*')))} parts on disk")
        began = time.perf_counter()
        again, _ = json.loads(start(data, Path(name) / "stopped").communicate()[0])
        resumed = time.perf_counter() - began
        print(f"resumed: {resumed:.0f} s; the same findings: {again == whole}")
    return {
        "n": n,
        "seconds": seconds,
        "peak_gb": peak,
        "found": {check: whole[check]["count"] for check in ("exact_duplicates", "near_duplicates")},
        "planted": n // 100,
        "resumed_seconds": resumed,
        "same_findings": again == whole,
    }
