"""Training steps of the default network with and without kept memory. Prints milliseconds an image and their ratio.

    python -m benchmarks memory [--rounds 3]

Each measurement is a process of its own, for malloc can be told only once; the two kinds take turns.
"""

from __future__ import annotations

import argparse
import functools
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import Spread, measure_in_turn, ratios

ROOT = Path(__file__).parents[2]
SIZE, SIDE, STEPS = 32, 256, 3


def measure(kept: bool) -> float:
    """Milliseconds an image of a forward and a backward pass, the fastest of a few steps."""
    import torch

    from tellapart.core.malloc import keep_freed_memory
    from tellapart.training.models.backbones import DEFAULT_BACKBONE
    from tellapart.training.models.classifier import Classifier

    if kept and not keep_freed_memory():
        sys.exit("this system's malloc cannot be told")
    model = Classifier(48, DEFAULT_BACKBONE, pretrained=False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.rand(SIZE, SIDE, SIDE, 3).permute(0, 3, 1, 2)
    times = []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        model(pixels).sum().backward()
        times.append(time.perf_counter() - began)
    return min(times[1:]) / SIZE * 1000


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["kept", "returned"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(measure(options.one == "kept"))
        return {}

    def fresh(kind: str) -> float:
        command = [sys.executable, "-m", "benchmarks", "memory", "--one", kind]
        return float(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)

    times = measure_in_turn({kind: functools.partial(fresh, kind) for kind in ("kept", "returned")}, options.rounds)
    gain = ratios(times["returned"], times["kept"])
    for kind, values in times.items():
        print(f"memory {kind:<9} {Spread.of(values)} ms an image (median of {options.rounds})")
    print(f"returned / kept  {gain}")
    return {f"{kind}, ms an image": Spread.of(values).to_json() for kind, values in times.items()} | {
        "returned / kept": gain.to_json()
    }
