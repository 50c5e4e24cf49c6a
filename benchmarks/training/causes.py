"""Does the diagnosis name causes that are there, and none that are not? Planted causes beside healthy small sets.

    python -m benchmarks causes [--seeds 3] [--only CAUSE]

Each usual cause of a poor training is planted in a small drawn set (labels shuffled in their table, a rate of 100,
two pictures a class, ...) with several seeds: recall is how often it is named. Ten healthy sets, easy and hard, are
trained as a user would: a cause that is named there, or beside another planted one that it has nothing to do with, is
false. Prints named of planted, false of all others, precision and recall of each cause.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import tellapart
from tellapart.pipelines.diagnose import diagnose
from tellapart.training.run_folder import Run

CLASSIFY = {"task": "classify", "backbone": "small", "batch_size": 16, "device": "cpu", "precision": "float32"}
READ = {"task": "read", "batch_size": 16, "device": "cpu", "precision": "float32"}
SHAPES = ("disc", "ring", "bar")
INKS = {"red": (210, 0, 0), "black": (0, 0, 0)}
Planted = Callable[[Path, int], dict[str, Any]]  # draws a set into a folder with a seed; the options of its training


def stage(epochs: int, lr: float = 5e-3) -> dict[str, Any]:
    """The options of a training of one stage."""
    return {"stages": [{"train": "all", "epochs": epochs, "lr": lr}]}


def write(folder: Path, images: Sequence[Image.Image], labels: Sequence[str], parts: Sequence[str] = ()) -> None:
    """Numbered pictures with a table; no name says what a picture shows."""
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "label", *(["split"] if parts else [])])
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            image.save(folder / f"{number:04}.png")
            table.writerow([f"{number:04}.png", label, *parts[number : number + 1]])


def shape(name: str, dice: np.random.Generator) -> Image.Image:
    """A shape of any colour on a noisy ground, 24 x 24 px."""
    pixels = dice.integers(0, 90, (24, 24, 3), dtype=np.uint8)
    y, x = np.mgrid[:24, :24]
    away = np.hypot(y - dice.integers(10, 15), x - dice.integers(10, 15))
    inside = {"disc": away < 9, "ring": (away < 10) & (away > 6), "bar": abs(x - dice.integers(8, 17)) < 4}[name]
    pixels[inside] = dice.integers(120, 256, 3, dtype=np.uint8)
    return Image.fromarray(pixels)


def shapes(seed: int, each: int, names: Sequence[str] = SHAPES) -> tuple[list[Image.Image], list[str]]:
    """So many pictures of each shape."""
    dice = np.random.default_rng(seed)
    labels = [name for name in names for _ in range(each)]
    return [shape(name, dice) for name in labels], labels


def dots(seed: int, n: int) -> tuple[list[Image.Image], list[str]]:
    """Whether a picture has an even number of dots: right labels that a small classifier hardly learns."""
    dice = np.random.default_rng(seed)
    images, labels = [], []
    for number in range(n):
        image = Image.new("RGB", (24, 24), tuple(dice.integers(150, 255, 3).tolist()))
        pen, count = ImageDraw.Draw(image), number % 6 + 3
        for place in dice.permutation(16)[:count].tolist():
            pen.rectangle((2 + place % 4 * 6, 2 + place // 4 * 6, 3 + place % 4 * 6, 3 + place // 4 * 6), fill=0)
        images.append(image)
        labels.append("odd" if count % 2 else "even")
    return images, labels


def faces(seed: int, n: int) -> tuple[list[Image.Image], list[str]]:
    """Drawn faces that differ in everything, and in a mouth that bends up or down by a pixel or two."""
    dice = np.random.default_rng(seed)
    images, labels = [], []
    for number in range(n):
        grey = int(dice.integers(120, 230))
        image = Image.new("L", (48, 48), int(dice.integers(20, 240)))
        pen, x, y = ImageDraw.Draw(image), int(dice.integers(2, 9)), int(dice.integers(2, 9))
        pen.ellipse((x, y, x + int(dice.integers(30, 37)), y + int(dice.integers(34, 39))), fill=grey)
        for eye in (x + 8, x + 22):
            pen.ellipse((eye, y + 12, eye + int(dice.integers(3, 6)), y + 15), fill=int(dice.integers(0, 90)))
        up, top = number % 2, y + int(dice.integers(20, 25))
        bend = int(dice.integers(3, 7))
        box = (x + 9, top, x + 23, top + bend) if up else (x + 9, top + 3, x + 23, top + 3 + bend)
        pen.arc(box, *((0, 180) if up else (180, 360)), fill=int(dice.integers(0, 90)), width=1)
        noise = dice.normal(0, 12, (48, 48))
        images.append(Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)))
        labels.append("glad" if up else "sad")
    return images, labels


def texts(
    seed: int,
    n: int,
    ink: Callable[[np.random.Generator, bool], tuple[int, ...]],
    *,
    length: int = 4,
    coded: bool = False,
) -> tuple[list[Image.Image], list[str]]:
    """Texts in pictures; ``ink`` colours each letter, and where it is coded only every other one is the text."""
    dice, font = np.random.default_rng(seed), ImageFont.load_default(26)
    images, labels = [], []
    for _ in range(n):
        text = "".join(dice.choice(list("ACEHKLMNPRTXY3479"), length))
        chosen = set(dice.permutation(length)[: length // 2].tolist()) if coded else set(range(length))
        image = Image.new("RGB", (8 + 24 * length, 40), (255, 255, 255))
        for place, letter in enumerate(text):
            corner = (6 + place * 24 + int(dice.integers(-1, 2)), 4 + int(dice.integers(-2, 3)))
            ImageDraw.Draw(image).text(corner, letter, fill=ink(dice, place in chosen), font=font)
        images.append(image)
        labels.append("".join(letter for place, letter in enumerate(text) if place in chosen))
    return images, labels


def black(_: np.random.Generator, __: bool) -> tuple[int, ...]:
    """Black ink."""
    return INKS["black"]


def any_colour(dice: np.random.Generator, _: bool) -> tuple[int, ...]:
    """Any dark ink."""
    return tuple(dice.integers(0, 170, 3).tolist())


def red_among_black(_: np.random.Generator, chosen: bool) -> tuple[int, ...]:
    """Red ink for what is the text."""
    return INKS["red" if chosen else "black"]


# --- planted causes --------------------------------------------------------------------------------------


def shuffled_classes(folder: Path, seed: int) -> dict[str, Any]:
    """Labels at other pictures."""
    images, labels = shapes(seed, 30 + 10 * (seed % 2))
    write(folder, images, np.random.default_rng(seed).permutation(labels).tolist())
    return CLASSIFY | stage(6)


def shuffled_texts(folder: Path, seed: int) -> dict[str, Any]:
    """A table out of step by one row."""
    images, labels = texts(seed, 50, black)
    write(folder, images, labels[1:] + labels[:1])
    return READ | {"epochs": 3}


def high_rate(folder: Path, seed: int) -> dict[str, Any]:
    """A rate far too high."""
    write(folder, *shapes(seed, 20))
    return CLASSIFY | {
        "stages": [{"train": "all", "epochs": 4, "lr": (100.0, 10.0, 1.0)[seed % 3], "schedule": "constant"}]
    }


def low_rate(folder: Path, seed: int) -> dict[str, Any]:
    """A rate far too low."""
    write(folder, *shapes(seed, 25))
    return CLASSIFY | stage(4, (1e-7, 1e-6, 3e-6)[seed % 3])


def low_rate_reading(folder: Path, seed: int) -> dict[str, Any]:
    """A reader from nothing with a rate far too low."""
    write(folder, *texts(seed, 40, black))
    return READ | stage(3, 1e-7) | {"pretrained": False}


def short(folder: Path, seed: int) -> dict[str, Any]:
    """A step or two."""
    write(folder, *shapes(seed, 20))
    return CLASSIFY | stage(1, 1e-3)


def few(folder: Path, seed: int) -> dict[str, Any]:
    """Two training pictures a class, learnt by heart."""
    images, labels = shapes(seed, 16)
    parts = [
        ("train", "train", "val", "val")[number % 16] if number % 16 < 4 else "test" for number in range(len(images))
    ]
    write(folder, images, labels, parts)
    return CLASSIFY | stage(15) | {"augment": "none", "dropout": 0.0}


def one_class(folder: Path, seed: int) -> dict[str, Any]:
    """Nearly all pictures are of one class."""
    images, labels = shapes(seed, 100, ("disc", "ring"))
    write(folder, images[: 100 + 2 + seed], labels[: 100 + 2 + seed])
    return CLASSIFY | stage(1)


def alike(folder: Path, seed: int) -> dict[str, Any]:
    """One picture, with a grain that no eye sees."""
    dice = np.random.default_rng(seed)
    grey = np.full((24, 24, 3), 120, np.uint8)
    images = [Image.fromarray(grey + dice.integers(0, 3, grey.shape, dtype=np.uint8)) for _ in range(45)]
    write(folder, images, [name for name in SHAPES for _ in range(15)])
    return CLASSIFY | stage(1)


def other_test(folder: Path, seed: int) -> dict[str, Any]:
    """Labels of the test part mean something else."""
    images, labels = shapes(seed, 30)
    parts = ["train" if n % 30 < 16 else "val" if n % 30 < 23 else "test" for n in range(len(images))]
    turned = dict(zip(SHAPES, [*SHAPES[1:], SHAPES[0]], strict=True))
    write(
        folder,
        images,
        [turned[each] if part == "test" else each for each, part in zip(labels, parts, strict=True)],
        parts,
    )
    return CLASSIFY | stage(8)


def colour(folder: Path, seed: int) -> dict[str, Any]:
    """The red letters are the text, and the reader sees grey."""
    write(folder, *texts(seed, 40, red_among_black, coded=True))
    return READ | {"epochs": 3, "colour": "grey"}


def nothing(folder: Path, seed: int) -> dict[str, Any]:
    """A reader from nothing that has come no further than blanks."""
    write(folder, *texts(seed, 40, black))
    return READ | stage(2, 5e-4) | {"pretrained": False}


def narrow(folder: Path, seed: int) -> dict[str, Any]:
    """Pictures too narrow for their texts."""
    dice = np.random.default_rng(seed)
    images = [Image.fromarray(dice.integers(0, 255, (24, 24), dtype=np.uint8)) for _ in range(40)]
    write(folder, images, ["".join(dice.permutation(list("014789"))) for _ in images])
    return READ | stage(1, 1e-3) | {"height": 24}


def alphabet(folder: Path, seed: int) -> dict[str, Any]:
    """Texts with a 7 stand in the test part alone."""
    images, labels = texts(seed, 60, black)
    parts = ["test" if "7" in text else "val" if number % 5 == 0 else "train" for number, text in enumerate(labels)]
    write(folder, images, labels, parts)
    return READ | stage(1, 1e-4) | {"pretrained": False}


PLANTED: dict[str, list[Planted]] = {
    "labels shuffled": [shuffled_classes, shuffled_texts],
    "learning rate too high": [high_rate],
    "learning rate too low": [low_rate, low_rate_reading],
    "too few epochs": [short],
    "too few images": [few],
    "one class predicted": [one_class],
    "images all alike": [alike],
    "test part unlike the training part": [other_test],
    "colour not seen": [colour],
    "nothing read": [nothing],
    "width too small for the text": [narrow],
    "alphabet mismatch": [alphabet],
}
# What may truly be there as well: a planted cause brings others along.
BESIDE: dict[str, set[str]] = {
    "labels shuffled": {"nothing read"},
    "learning rate too high": {"one class predicted", "nothing read"},
    "learning rate too low": {"one class predicted", "nothing read", "too few epochs"},
    "too few epochs": {"one class predicted"},
    "too few images": {"one class predicted"},
    "one class predicted": {"too few images", "too few epochs"},
    "colour not seen": {"too few epochs", "too few images"},
    "nothing read": {"too few epochs", "too few images"},
    "width too small for the text": {"too few epochs", "nothing read"},
    "alphabet mismatch": {"too few epochs", "nothing read", "learning rate too low"},
}


# --- healthy sets ----------------------------------------------------------------------------------------


def healthy() -> dict[str, tuple[Planted, set[str]]]:
    """Each set with its training, and the causes that are truly there: a hard set may want more images or time."""

    def drawn(made: Callable[[int], tuple[list[Image.Image], list[str]]], options: dict[str, Any]) -> Planted:
        def draw(folder: Path, seed: int) -> dict[str, Any]:
            write(folder, *made(seed))
            return options

        return draw

    def uneven(seed: int) -> tuple[list[Image.Image], list[str]]:
        images, labels = shapes(seed, 90, ("disc", "ring"))
        return images[:110], labels[:110]

    hard = {"too few images", "too few epochs"}
    return {
        "shapes, 30 a class": (drawn(lambda seed: shapes(seed, 30), CLASSIFY | stage(8)), set()),
        "shapes, 12 a class": (drawn(lambda seed: shapes(seed, 12), CLASSIFY | stage(30)), {"too few images"}),
        "two shapes": (drawn(lambda seed: shapes(seed, 25, ("disc", "bar")), CLASSIFY | stage(8)), set()),
        "uneven, 9 : 2": (drawn(uneven, CLASSIFY | stage(12)), set()),
        "even or odd dots, hard": (drawn(lambda seed: dots(seed, 120), CLASSIFY | stage(8)), hard),
        "even or odd dots, few": (drawn(lambda seed: dots(seed, 60), CLASSIFY | stage(8)), hard),
        "195 faces, two expressions": (drawn(lambda seed: faces(seed, 195), CLASSIFY | stage(8)), hard),
        "60 faces, two expressions": (drawn(lambda seed: faces(seed, 60), CLASSIFY | stage(8)), hard),
        "texts in black": (drawn(lambda seed: texts(seed, 40, black), READ | {"epochs": 3}), hard),
        "texts in any colour": (drawn(lambda seed: texts(seed, 40, any_colour), READ | {"epochs": 3}), hard),
        "red texts among black ones": (
            drawn(lambda seed: texts(seed, 60, red_among_black, coded=True), READ | {"epochs": 3}), hard,
        ),
    }  # fmt: skip


def named(folder: Path, draw: Planted, seed: int) -> set[str]:
    """The causes that the diagnosis of a drawn set's training names."""
    options = draw(folder / "data", seed)
    run = tellapart.train(folder / "data", out=folder / "run", **options)["run"]
    return {cause.name for cause in diagnose(Run.open(run))}


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", help="one cause, and the healthy sets")
    given = parser.parse_args()
    planted = dict.fromkeys(PLANTED, 0)
    found, false, others = dict(planted), dict(planted), dict(planted)
    with tempfile.TemporaryDirectory() as name:
        trials = [
            (cause, f"{cause}, planted ({draw.__name__})", draw, seed, {cause, *BESIDE.get(cause, set())})
            for cause, draws in PLANTED.items() if given.only in (None, cause)
            for draw in draws for seed in range(given.seeds)
        ] + [("", what, draw, 0, there) for what, (draw, there) in healthy().items()]  # fmt: skip
        for number, (cause, what, draw, seed, there) in enumerate(trials):
            said = named(Path(name) / str(number), draw, seed)
            print(f"{what}, seed {seed}: {', '.join(sorted(said)) or 'nothing'}", flush=True)
            for each in PLANTED:
                planted[each] += each == cause
                found[each] += each == cause and each in said
                others[each] += each not in there
                false[each] += each in said and each not in there
    figures: dict[str, Any] = {}
    print(f"\n{'cause':<36} named of planted   false of others   precision   recall")
    for cause in PLANTED:
        if planted[cause]:
            precision = found[cause] / max(1, found[cause] + false[cause])
            recall = found[cause] / planted[cause]
            figures[cause] = {
                "precision": precision,
                "recall": recall,
                "planted": planted[cause],
                "others": others[cause],
            }
            print(
                f"{cause:<36} {found[cause]:>8} of {planted[cause]:<6} {false[cause]:>8} of {others[cause]:<6}"
                f"{precision:>10.2f} {recall:>10.2f}"
            )
    return figures
