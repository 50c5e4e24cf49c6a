"""Images a second, ours beside the PyPI package `captcha`: one process, the same machine, the same run.

    python -m benchmarks generate [images a round] [rounds]

Both draw 160 x 60 pictures of five characters and encode them as PNG. The peer is timed twice: as shipped,
and with our encoder, so that its slower PNG setting is not counted as our speed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from tellapart.synthesis import draw, encode, scheme


def main(images: int = 300, rounds: int = 5) -> int:
    """Interleave the rounds, so that a busy moment of the machine falls on all alike; print medians."""
    try:
        from captcha.image import ImageCaptcha
    except ImportError:
        print('skip: the peer is not installed (pip install "captcha>=0.7.1")')
        return 0
    plain = scheme("plain").of(0, 0)
    peer = ImageCaptcha(plain.width, plain.height)
    texts = [text for _, text in draw(plain, 0, range(images))]

    def ours() -> None:
        for pixels, _ in draw(plain, 0, range(images)):
            encode(plain, pixels)

    def shipped() -> None:
        for text in texts:
            peer.generate(text, format="png")

    def same_encoder() -> None:
        for text in texts:
            encode(plain, np.asarray(peer.generate_image(text)))

    runs: dict[str, Callable[[], None]] = {
        "tellapart plain": ours,
        "captcha as shipped": shipped,
        "captcha, our encoder": same_encoder,
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if round_number:  # the first fills the caches of both
                rates[name].append(images / (time.perf_counter() - began))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first = medians["tellapart plain"]
    print(f"median of {rounds} rounds of {images} images, one process")
    for name, rate in medians.items():
        print(f"{name:<21}{rate:8.0f} images/s   ours/this {first / rate:5.2f}")
    return 0
