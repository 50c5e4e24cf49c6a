"""A reader on looks that are hard to see rather than to read, and on pictures without any text.

    TELLAPART_DATA=DATA python -m benchmarks looks base [--n 1000] [--tta]

Drawn: letters and paper of one lightness, which only their hue tells apart; text of a third of the picture's height
with margins on all sides. Printed: texts read exactly, case ignored, each picture alone. Without text: pictures of one
colour, of noise, and photos (DATA/photos, left out where it is not there). Printed: the share that is answered with a
confidence of .5 or more.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.sets import find_set
from tellapart.core.image_files import image_files
from tellapart.core.image_io import Pixels
from tellapart.inference.predictor import Predictor
from tellapart.synthesis.random_scheme import RandomScheme
from tellapart.synthesis.render import render

LETTERS = ("ACDEFGHJKLMNPQRTUVWXY3479",)  # no two of which a font may draw alike, whatever its case
LOOKS = {
    "equal lightness": RandomScheme(
        "hues", LETTERS, 4, 6, height=(30, 80), plain=1.0, rotation=10, warp=0.0, overlap=0.0, hues=1.0
    ),
    "a third of the height": RandomScheme(
        "third", LETTERS, 4, 6, height=(45, 100), plain=1.0, size=(0.33, 0.33), room=(1.6, 2.4), contrast=(0.6, 0.9),
        rotation=10, warp=0.0, overlap=0.0,
    ),
}  # fmt: skip


def drawn(scheme: RandomScheme, n: int) -> Iterator[tuple[Pixels, str]]:
    """``n`` pictures of a scheme with their texts."""
    return (render(scheme, 5, index) for index in range(n))


def plain(n: int) -> Iterator[Pixels]:
    """``n`` pictures of one colour."""
    random = np.random.RandomState(0)
    for _ in range(n):
        height, width = random.randint(24, 100), random.randint(60, 300)
        yield np.full((height, width, 3), random.randint(0, 256, 3), np.uint8)


def noise(n: int) -> Iterator[Pixels]:
    """``n`` pictures of noise: uniform, normal about a grey, and of black and white pixels, fine or coarse."""
    random = np.random.RandomState(1)
    for index in range(n):
        grain = random.randint(1, 5)
        size = (random.randint(24, 100) // grain + 1, random.randint(60, 300) // grain + 1, random.choice((1, 3)))
        if index % 3 == 0:
            pixels = random.randint(0, 256, size)
        elif index % 3 == 1:
            pixels = (random.randint(40, 216) + random.randint(10, 60) * random.standard_normal(size)).clip(0, 255)
        else:
            pixels = 255 * (random.random_sample(size) < random.random_sample())
        coarse = pixels.astype(np.uint8).repeat(grain, 0).repeat(grain, 1)
        yield np.broadcast_to(coarse, (*coarse.shape[:2], 3)).copy()


def photos(n: int) -> list[Path]:
    """``n`` photos, evenly spread; none where there are none."""
    folder = find_set("photos")
    files = image_files(folder) if folder else []
    return files[:: max(1, len(files) // n)][:n]


def main() -> dict[str, float]:
    """Read all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--tta", action="store_true")
    options = parser.parse_args()
    reader = Predictor(options.model, tta=options.tta)
    figures: dict[str, float] = {}
    for name, scheme in LOOKS.items():
        pairs = list(drawn(scheme, options.n))
        answers = reader.predict([pixels for pixels, _ in pairs])
        right = [each.answer.lower() == text.lower() for each, (_, text) in zip(answers, pairs, strict=True)]
        figures[name] = sum(right) / len(right)
        print(f"{name}: {figures[name]:.3f} of {len(right):,} read", flush=True)
    for name, pictures in (("one colour", plain), ("noise", noise), ("photos", photos)):
        answers = reader.predict(list(pictures(options.n // 3)))
        sure = [each.confidence >= 0.5 for each in answers if not each.error]
        if sure:
            figures[name] = sum(sure) / len(sure)
            print(f"{name}: {figures[name]:.4f} of {len(sure):,} answered with .5 or more", flush=True)
    return figures


if __name__ == "__main__":
    main()
