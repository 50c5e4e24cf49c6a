"""A set that does not fit: memory and speed of Parquet shards, and of as many files, with a small cache.

    python -m benchmarks stream [--rows 1000000] [--files 100000] [--cache-gb 0.5] [--steps 2000]

Draws 2,000 texts, makes each copy another picture by writing its number into its first row of pixels, and writes so
many rows as Parquet shards, and so many files with a table. Each is then catalogued, split and read as training does,
in a process of its own. Printed: size, seconds and images a second of either, and the largest memory of the process.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tellapart.synthesis import Scheme, render

ROOT = Path(__file__).parents[2]
DRAWN, SHARD = 2000, 50_000
LINE = (
    "catalog {catalog_seconds:.0f} s ({catalog_rate:.0f}/s), split {split_seconds:.0f} s, "
    "cache {cache_seconds:.0f} s, batches {batch_rate:.0f} images/s, at most {peak_gb:.2f} GB"
)
SCHEME = Scheme("stream", width=96, height=32, alphabet="0123456789", min_length=5, max_length=5, font_size=(20, 24))


def images(n: int) -> list[tuple[np.ndarray, str]]:
    """The drawn ones."""
    return [
        (render(SCHEME, 0, index)[0].mean(axis=2).astype(np.uint8), render(SCHEME, 0, index)[1]) for index in range(n)
    ]


def numbered(pixels: np.ndarray, number: int) -> bytes:
    """A PNG that no other number has."""
    own = pixels.copy()
    own[0, :24] = [255 * (number >> bit & 1) for bit in range(24)]
    buffer = io.BytesIO()
    Image.fromarray(own).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def write(folder: Path, rows: int, files: int) -> None:
    """Both sets."""
    drawn = images(DRAWN)
    (folder / "shards").mkdir()
    for start in range(0, rows, SHARD):
        part = range(start, min(start + SHARD, rows))
        cells = [{"bytes": numbered(drawn[number % DRAWN][0], number), "path": None} for number in part]
        texts = [drawn[number % DRAWN][1] for number in part]
        table = pa.table({"image": cells, "text": texts})
        pq.write_table(table, folder / "shards" / f"{start:08}.parquet", row_group_size=1000, compression=None)
    (folder / "files").mkdir()
    with (folder / "files" / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "label"])
        for number in range(files):
            (folder / "files" / f"{number // 1000:04}").mkdir(exist_ok=True)
            name = f"{number // 1000:04}/{number % 1000:03}.png"
            (folder / "files" / name).write_bytes(numbered(drawn[number % DRAWN][0], number))
            writer.writerow([name, drawn[number % DRAWN][1]])


def read(data: Path, cache_gb: float, steps: int) -> dict[str, float]:
    """Catalogue, split, and batches as a training has them; the figures of `LINE`."""
    from tellapart.data.opening import open_catalog
    from tellapart.data.split import split
    from tellapart.inference.preprocess import Preprocess
    from tellapart.training.dataset import CachedImages, PixelCache, WidthBatches

    began = time.perf_counter()
    catalog = open_catalog(data, task="read")
    looked = time.perf_counter()
    catalog = split(catalog)
    parted = time.perf_counter()
    rows = catalog.rows("train")
    cache = PixelCache(catalog, rows, Preprocess(32, None, 1), limit_gb=cache_gb)
    cached = time.perf_counter()
    seen = 0
    for number, batch in enumerate(WidthBatches(rows, cache.widths, 64, shuffle=True)):
        seen += len(CachedImages(cache)[batch][1])
        if number == steps:
            break
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "catalog_seconds": looked - began,
        "catalog_rate": len(catalog) / (looked - began),
        "split_seconds": parted - looked,
        "cache_seconds": cached - parted,
        "batch_rate": seen / (ended - cached),
        "peak_gb": peak,
    }


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--cache-gb", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        print(json.dumps(read(given.read, given.cache_gb, given.steps)))
        return {}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write(folder, given.rows, given.files)
        for name, n in (("shards", given.rows), ("files", given.files)):
            size = sum(file.stat().st_size for file in (folder / name).rglob("*") if file.is_file()) / 1e9
            command = [sys.executable, "-m", "benchmarks", "stream", "--read", str(folder / name),
                       "--cache-gb", str(given.cache_gb), "--steps", str(given.steps)]  # fmt: skip
            ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            figures[name] = {"rows": n, "gb": size, **json.loads(ran.stdout)}
            print(f"{n:,} {name}, {size:.1f} GB: " + LINE.format(**figures[name]), flush=True)
    return figures
