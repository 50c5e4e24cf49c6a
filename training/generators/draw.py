"""Labelled CAPTCHAs by generators of others, to teach a reader: their own drawing, near their defaults, in open faces.

    python training/generators/draw.py GENERATOR --n N --seed S --out FOLDER [--packages FOLDER]

Writes FOLDER/labels.csv and FOLDER/images. Run it from the root of the repository; training/README.md says what to
install. It chooses text, face and options; the generator draws: one of Python here, another in its own language, told
by a line of JSON a picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from foreign_options import FOREIGN
from PIL import Image, ImageFont
from python_generators import PYTHON

Drawn = Iterator[tuple[str, str]]  # files and their texts
HERE = Path(__file__).parent
DIGITS, LOWER, UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FREE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without the signs that faces draw alike
ALPHABETS = [DIGITS, LOWER, UPPER, LOWER + DIGITS, UPPER + DIGITS, LOWER + UPPER, LOWER + UPPER + DIGITS, FREE]
LENGTHS = {3: 1, 4: 5, 5: 5, 6: 5, 7: 2, 8: 2}  # and how often
COMMANDS = {
    ".mjs": ["node"],
    ".php": ["php"],
    ".pl": ["perl"],
    ".rb": ["ruby"],
    ".sh": ["bash"],
}


def faces(dice: random.Random) -> Iterator[Path]:
    """Font files without end, of those that the two schemes name: of the plainer scheme thrice as often."""
    files = []
    for scheme, weight in (("world", 3), ("wider", 1)):
        lines = (HERE.parent / f"{scheme}.yaml").read_text(encoding="utf-8").splitlines()
        named = [Path(line[2:]) for line in lines if line.startswith("- ") and line.endswith((".ttf", ".otf"))]
        files += [path.absolute() for path in named if path.exists() and " " not in str(path)] * weight
    if not files:
        sys.exit("No face of training/world.yaml is installed. Install the fonts that training/README.md names.")
    while True:
        face = dice.choice(files)
        if not unfit(face):  # what it draws would not be the label
            yield face


@cache
def unfit(face: Path) -> bool:
    """Whether the face draws small letters as capitals, of whatever size, or all letters in one place."""
    font, same = ImageFont.truetype(str(face), 40), 0
    if not font.getlength("a"):
        return True
    for letter in "aeghrt":
        small, large = (font.getmask(sign, "L") for sign in (letter, letter.upper()))
        if 0 in (*small.size, *large.size):
            return True
        size = (16, 16)
        masks = [Image.frombytes("L", mask.size, bytes(mask)).resize(size).tobytes() for mask in (small, large)]
        same += sum(abs(a - b) for a, b in zip(*masks, strict=True)) < 30 * 16 * 16
    return same >= 3


def texts(dice: random.Random, alphabets: list[str], lengths: dict[int, int]) -> Iterator[str]:
    """Texts without end: each of one alphabet."""
    while True:
        alphabet = dice.choice(alphabets)
        length = dice.choices(list(lengths), list(lengths.values()))[0]
        yield "".join(dice.choice(alphabet) for _ in range(length))


def draw_in_python(name: str, n: int, dice: random.Random, folder: Path) -> Drawn:
    """Draw with a package of Python."""
    generator, fonts = PYTHON[name], faces(dice)
    wanted = texts(dice, generator.alphabets or ALPHABETS, generator.lengths or LENGTHS)
    for number in range(n):
        image, text = generator.draw(dice, next(wanted), str(next(fonts)))
        file = f"images/{number:05}.png"
        image.convert("RGB").save(folder / file)
        yield file, text


def draw_elsewhere(name: str, n: int, dice: random.Random, folder: Path, packages: Path) -> Drawn:
    """Draw with a program of another language, which says what it drew, a line a picture."""
    generator, fonts = FOREIGN[name], faces(dice)
    wanted = texts(dice, generator.alphabets or ALPHABETS, generator.lengths or LENGTHS)
    jobs = []
    for number in range(n):
        text, face = next(wanted), str(next(fonts))
        file = str(folder.absolute() / f"images/{number:05}.{generator.suffix}")
        jobs.append({"file": file, "text": text, "face": face, "seed": dice.randrange(1 << 31)})
        jobs[-1].update(generator.options(dice, text))
    script = HERE / generator.script
    command = [*COMMANDS[script.suffix], str(script), name, str(packages.absolute())]
    with tempfile.TemporaryFile("w+") as told:
        told.writelines(json.dumps(job) + "\n" for job in jobs)
        told.seek(0)
        with subprocess.Popen(command, stdin=told, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            for job, line in zip(jobs, program.stdout, strict=False):
                yield f"images/{as_png(Path(job['file'])).name}", line.rstrip("\n")
    if program.returncode:
        sys.exit(f"{' '.join(command)} ended with {program.returncode}.")


def as_png(file: Path) -> Path:
    """Rewrite a picture as an opaque PNG: one that can be seen through lies on white paper."""
    with Image.open(file) as image:
        drawn = image.convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)
    opaque.convert("RGB").save(file.with_suffix(".png"))
    if file.suffix != ".png":
        file.unlink()
    return file.with_suffix(".png")


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", choices=[*PYTHON, *FOREIGN])
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, default=Path("runs/generators"), help="where npm and dpkg-deb wrote")
    given = parser.parse_args()
    (given.out / "images").mkdir(parents=True, exist_ok=True)
    random.seed(given.seed)  # most packages of Python draw from its own dice
    dice = random.Random(given.seed)
    if given.generator in PYTHON:
        rows = draw_in_python(given.generator, given.n, dice, given.out)
    else:
        rows = draw_elsewhere(given.generator, given.n, dice, given.out, given.packages)
    with (given.out / "labels.csv").open("w", newline="", encoding="utf-8", buffering=1) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label"])
        for row in rows:
            table.writerow(row)


if __name__ == "__main__":
    main()
