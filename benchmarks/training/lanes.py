"""A frozen network over pictures: all threads on one batch at a time, or each thread on a batch of its own.

    python -m benchmarks lanes [--side 256] [--rounds 5]

EfficientNet-Lite0 with its norms folded, in bfloat16 where the processor has it. Milliseconds a picture, the median of
rounds that take turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import Spread, ratios, time_in_turn
from tellapart.core.malloc import keep_freed_memory
from tellapart.training.embedder import fold_norms, map_batches, native_bfloat16
from tellapart.training.models.backbones import DEFAULT_BACKBONE, timm_backbone

PICTURES = 128


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    keep_freed_memory()
    network: Any = timm_backbone(DEFAULT_BACKBONE, 3, pretrained=True).eval()
    fold_norms(network)
    network.to(memory_format=torch.channels_last)
    pictures = torch.rand(PICTURES, 3, given.side, given.side).to(memory_format=torch.channels_last)

    def features(batch: Tensor) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=native_bfloat16("cpu")):
            made: Tensor = network(batch)
            return made

    ways: dict[str, Callable[[Iterable[Tensor]], Iterable[Tensor]]] = {
        "all threads on each": lambda batches: map(features, batches),
        "a thread on each": lambda batches: map_batches(features, batches, "cpu"),
    }

    def work(run: Callable[[Iterable[Tensor]], Iterable[Tensor]], size: int) -> Callable[[], None]:
        def once() -> None:
            for _ in run([pictures[start : start + size] for start in range(0, PICTURES, size)]):
                pass

        return once

    figures: dict[str, Any] = {}
    for size in (8, 32):
        seconds = time_in_turn({how: work(run, size) for how, run in ways.items()}, given.rounds, warmups=1)
        for how, values in seconds.items():
            took = Spread.of([1000 * each / PICTURES for each in values])
            print(f"batches of {size:<2}, {how:<19} {took} ms a picture")
            figures[f"{how}, batches of {size}, ms a picture"] = took.to_json()
        gain = ratios(*seconds.values())
        print(f"batches of {size:<2}, all threads on each / a thread on each {gain}")
        figures[f"ratio, batches of {size}"] = gain.to_json()
    return figures
