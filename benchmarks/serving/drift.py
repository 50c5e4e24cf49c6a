"""Drift: how often 100 windows without a change are called changed, and 100 of each change are found.

    python -m benchmarks drift [--windows 100] [--n 200]

A classifier of drawn characters (the scheme ``characters``, in grey levels), then windows of 200 images: drawn alike;
blurred by a pixel; a fifth darker; a tenth, or three tenths, of them of classes that were never there; in a font that
was never there.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

import tellapart
from tellapart.synthesis import SCHEMES, Scheme, render

BASE = SCHEMES["characters"]
assert isinstance(BASE, Scheme)
KNOWN = dataclasses.replace(BASE, name="known", black_and_white=False, noise=10, alphabet="234678ACDEFH")
STRANGE = dataclasses.replace(KNOWN, name="strange", alphabet="WXYZ")
FONT = dataclasses.replace(KNOWN, name="font", fonts=("roboto",))

Change = Callable[[Image.Image], Image.Image]


def window(
    folder: Path, seed: int, n: int, scheme: Scheme = KNOWN, share: float = 1.0, change: Change | None = None
) -> Path:
    """A folder of images, a share of them drawn by another scheme, or all changed."""
    folder.mkdir()
    dice = np.random.default_rng(seed)
    for index in range(n):
        of = scheme if dice.random() < share else KNOWN
        image = Image.fromarray(render(of, seed, index)[0])
        (change(image) if change else image).save(folder / f"{index:03}.png")
    return folder


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--n", type=int, default=200, help="images of a window")
    given = parser.parse_args()
    kinds: dict[str, dict[str, object]] = {
        "no change": {},
        "blur": {"change": lambda image: image.filter(ImageFilter.GaussianBlur(1))},
        "darker": {"change": lambda image: image.point(lambda value: int(value * 0.8))},
        "new class, a tenth": {"scheme": STRANGE, "share": 0.1},
        "new class, three tenths": {"scheme": STRANGE, "share": 0.3},
        "other font": {"scheme": FONT},
    }
    figures: dict[str, Any] = {"windows": given.windows}
    with tempfile.TemporaryDirectory() as root:
        data = Path(root) / "data"
        tellapart.generate(KNOWN, 4000, data, seed=0)
        bundle = tellapart.train(data, task="classify", backbone="small", epochs=6, out=Path(root) / "run")["bundle"]
        for kind, how in kinds.items():
            alarms = 0
            for number in range(given.windows):
                with tempfile.TemporaryDirectory() as folder:
                    at = window(Path(folder) / "window", 1000 + number, given.n, **how)  # type: ignore[arg-type]
                    alarms += tellapart.drift(bundle, at)["drift"]
            print(f"{kind:<24} called changed {alarms} of {given.windows}", flush=True)
            figures[kind] = alarms
    return figures
