"""A reader of ours beside ddddocr, captcha-whisperer and Tesseract: zero-shot, same images, one core, one run.

    TELLAPART_DATA=DATA python -m benchmarks readers MODEL [--drawn FOLDER] [--passes 5]

Sets: the four real ones in DATA/captcha (folders with labels.csv; the test part of the split of seed 0), and what
benchmarks/reading/foreign.py drew into FOLDER with the generators of others. Printed: texts read exactly, case ignored,
with the milliseconds an image takes on one core, decoding included: the mean of a set, of several passes the median
one. A reader that is not there is named and left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.metrics.text import reading_scores

REAL = ("keras1040", "blue6", "digits5", "digits4")
Reader = Callable[[bytes], str]
Images = list[tuple[bytes, str]]


def readers(model: str) -> Iterator[tuple[str, Reader]]:
    """Every reader that can be had here; the others are named on stderr."""
    ours, careful = tellapart.load(model, threads=1), tellapart.load(model, threads=1, tta=True)
    yield "ours", lambda data: ours.predict(data)[0].answer
    yield "ours, careful", lambda data: careful.predict(data)[0].answer
    makers: dict[str, Callable[[], Reader]] = {
        "ddddocr": _ddddocr,
        "captcha-whisperer": _whisperer,
        "tesseract": _tesseract,
    }
    for name, make in makers.items():
        try:
            yield name, make()
        except (ImportError, OSError) as error:
            print(f"{name}: left out ({error})", file=sys.stderr)


def _ddddocr() -> Reader:
    import ddddocr

    reader = ddddocr.DdddOcr(show_ad=False)
    return lambda data: str(reader.classification(data))


def _whisperer() -> Reader:
    from captcha_whisperer import CaptchaRecognizer

    reader = CaptchaRecognizer(threads=1)
    return lambda data: str(reader.recognize_bytes(data)["text"])


def _tesseract() -> Reader:
    subprocess.run(["tesseract", "--version"], capture_output=True, check=True)

    def read(data: bytes) -> str:
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            file.write(data)
            file.flush()
            command = ["tesseract", file.name, "-", "--psm", "7"]
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "".join(said.split())

    return read


def images(folder: Path, part: str | None) -> Images:
    """Images and texts of a folder, or of one part of its split of seed 0."""
    catalog = open_catalog(folder, task="read")
    catalog = tellapart.split(catalog) if part else catalog
    label = catalog.column("label")
    return [(data, label[row]) for row, data in catalog.read(catalog.rows(part))]


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a run or a bundle")
    parser.add_argument("--drawn", type=Path)
    parser.add_argument("--passes", type=int, default=1, help="how often each reads each set")
    given = parser.parse_args()
    # One core for all: libraries count processors when they start.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data = Path(os.environ.get("TELLAPART_DATA", "nowhere")) / "captcha"
    drawn = sorted(path.parent for path in given.drawn.glob("*/labels.csv")) if given.drawn else []
    sets = {name: images(data / name, "test") for name in REAL if (data / name).is_dir()}
    sets |= {folder.name: images(folder, None) for folder in drawn}
    if not sets:
        print("no set: set TELLAPART_DATA to the folder of the sets, or give --drawn (nothing was measured)")
        return {}
    everyone = list(readers(given.model))
    print(f"{'exact, case ignored':<22}" + "".join(f"{name:>20}" for name, _ in everyone))
    share: dict[str, list[float]] = {name: [] for name, _ in everyone}
    took: dict[str, list[float]] = {name: [] for name, _ in everyone}
    for name, pairs in sets.items():
        seconds: dict[str, list[float]] = {reader: [] for reader, _ in everyone}
        for _ in range(given.passes):  # in turn, so that a slow minute of the machine is nobody's
            for reader, read in everyone:
                read(pairs[0][0])  # to warm up
                began = time.perf_counter()
                answers = [read(data) for data, _ in pairs]
                seconds[reader].append(time.perf_counter() - began)
                if len(seconds[reader]) == 1:
                    scores = reading_scores([text for _, text in pairs], answers)
                    share[reader].append(scores["exact_match_folded"]["value"])
        line = f"{name:<22}"
        for reader, _ in everyone:
            took[reader].append(1000 * statistics.median(seconds[reader]) / len(pairs))
            line += f"{share[reader][-1]:>10.3f} {took[reader][-1]:>6.2f} ms"
        print(line, flush=True)
    figures: dict[str, Any] = {}
    for kind in ("real", "drawn by others"):
        rows = [number for number, name in enumerate(sets) if (name in REAL) == (kind == "real")]
        if rows:
            line = "".join(
                f"{statistics.mean(share[reader][row] for row in rows):>10.3f} "
                f"{statistics.mean(took[reader][row] for row in rows):>6.2f} ms"
                for reader, _ in everyone
            )
            print(f"{'mean, ' + kind:<22}{line}")
    for reader, _ in everyone:
        figures[reader] = {
            name: {"exact_match_folded": share[reader][row], "ms_per_image": took[reader][row]}
            for row, name in enumerate(sets)
        }
    return figures
