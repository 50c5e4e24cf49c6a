"""Images a second, ours beside the PyPI package `captcha`: one process, the same machine, the same run.

    python -m benchmarks generate [--n 300] [--rounds 5]

Both draw 160 x 60 pictures of five characters and encode them as PNG. The peer is timed twice: as shipped,
and with our encoder, so that its slower PNG setting is not counted as our speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.timing import Spread, ratios, time_in_turn
from tellapart.synthesis import draw, encode, scheme


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=300, help="images a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    images, rounds = options.n, options.rounds
    try:
        from captcha.image import ImageCaptcha
    except ImportError:
        print('skip: the peer is not installed (pip install "captcha>=0.7.1")')
        return {}
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
    seconds = time_in_turn(runs, rounds, warmups=1)  # the first round fills the caches of all
    figures: dict[str, Any] = {}
    print(f"median [smallest to largest] of {rounds} rounds of {images} images, one process")
    for name, values in seconds.items():
        rate = Spread.of([images / each for each in values])
        gain = ratios(values, seconds["tellapart plain"])
        print(f"{name:<21}{rate.median:8.0f} images/s   ours/this {gain}")
        figures[name] = {"images_per_second": rate.to_json(), "ours_over_this": gain.to_json()}
    return figures
