"""Draw a labelled data set.

An image depends on scheme, seed and index alone, wherever it is drawn. So scheme, seed and size define a data set.
"""

from __future__ import annotations

import csv
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, atomic_folder, contents
from tellapart.core.folder_lock import hold_target
from tellapart.core.parallel import cpu_count, map_processes
from tellapart.core.progress import track
from tellapart.data.source_options import LabelOptions
from tellapart.synthesis import RandomScheme, Scheme, draw, encode
from tellapart.synthesis import scheme as find_scheme
from tellapart.synthesis.fonts import font_file
from tellapart.synthesis.scheme_search import search_scheme as scheme_like

_BATCH = 500  # images drawn by one task, and rows in one Parquet row group: a few MB
_WORTH_A_POOL = 2000  # images; below it starting processes costs more than they save
_GRID = (8, 5)  # samples across and down
_SCHEMA = pa.schema({
    "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    "label": pa.string(),  # text, so that 0042 stays 0042
})  # fmt: skip
_FEATURES = {"image": {"_type": "Image"}, "label": {"dtype": "string", "_type": "Value"}}

_Encoded = list[tuple[bytes, str]]  # PNG and text


def generate(
    scheme: str | Scheme | RandomScheme | None,
    n: int,
    out: str | Path,
    *,
    like: str | Path | None = None,
    seed: int = 0,
    grid: str | Path | None = None,
    workers: int | None = None,
    progress: bool = False,
    **reading: Unpack[LabelOptions],
) -> dict[str, object]:
    """Draw ``n`` labelled images into a folder, or into one Parquet file, whole or not at all.

    A folder gets ``images/00000.png`` and so on, ``labels.csv`` (file, label) and ``scheme.yaml``. A
    Parquet file is laid out as Hugging Face does, and an older one of its name is replaced.

    Args:
        scheme: a named scheme, a ``.yaml`` file, or a scheme; None with ``like``.
        n: number of images.
        out: a new or empty folder, or a name that ends in ``.parquet``.
        like: labelled CAPTCHAs. A scheme that looks like them is searched for (see
            `tellapart.synthesis.scheme_search`) and drawn.
        seed: other seeds draw other images; 0 to 2**32 - 1.
        grid: also write up to 40 samples, each above its text, as one PNG.
        workers: processes; the images do not depend on it. Up to 4, one a processor, if not given.
        progress: draw a bar on a terminal's stderr.
        reading: how to read what ``like`` names, such as ``label_from``.

    Returns:
        out, n, scheme (its name), seed, seconds, images_per_second.

    Raises:
        ConfigError: an option cannot be used, the folder is not empty, a font is missing, or another command draws
            into ``out``.
        CatalogError: what ``like`` names holds no usable images with texts.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "digits"
    >>> generate("digits", 2, folder)["n"]
    2
    >>> (folder / "labels.csv").read_text().splitlines()
    ['file,label', 'images/00000.png,11027', 'images/00001.png,40683']
    """
    start = time.perf_counter()
    out, grid = Path(out), None if grid is None else Path(grid)
    if (scheme is None) == (like is None):
        raise ConfigError("what to draw: give a scheme, or examples that it should look like, one of the two")
    if reading and like is None:
        raise ConfigError(f"{', '.join(sorted(reading))}: for labelled images (like); a scheme's images are drawn")
    if workers is None:
        workers = min(cpu_count(), 4)
    _check(n, out, grid, workers)
    if like is not None:
        scheme = scheme_like(like, seed=seed, progress=progress, **reading)
    elif isinstance(scheme, str):
        scheme = find_scheme(scheme)
    assert scheme is not None
    draw(scheme, seed, [0])  # a bad seed or a missing font is found before anything is written

    with hold_target(out):
        _check(n, out, grid, workers)  # once more: another command may have drawn it just now
        batches = _batches(scheme, seed, n, workers)
        batches = track(batches, f"drawing {scheme.name}", -(-n // _BATCH), show=progress)
        if grid is not None:
            batches = _then_grid(batches, grid, _sheet(scheme, seed, n))
        if out.suffix == ".parquet":
            _write_parquet(out, scheme, seed, batches, _names(n))
        else:
            _write_folder(out, scheme, batches, _names(n))
    seconds = time.perf_counter() - start
    return {
        "out": str(out),
        "n": n,
        "scheme": scheme.name,
        "seed": seed,
        "seconds": round(seconds, 3),
        "images_per_second": round(n / seconds, 1),
    }


def _check(n: int, out: Path, grid: Path | None, workers: int) -> None:
    if not 1 <= n <= 2**32:
        raise ConfigError(f"n is {n}; ask for at least 1 image, and at most {2**32}")
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it takes at least 1")
    if grid is not None and grid.suffix.lower() != ".png":
        raise ConfigError(f"{grid}: the grid is a PNG; let its name end in .png")
    if out.suffix == ".parquet":
        if out.is_dir():
            raise ConfigError(f"{out} is a folder; name a file, or a folder that does not end in .parquet")
    elif out.is_dir():
        if contents(out):
            raise ConfigError(f"{out} is not empty: name another folder, or remove this one first")
    elif out.exists():
        raise ConfigError(f"{out} is a file; name a folder, or a file that ends in .parquet")


def _names(n: int) -> Iterator[str]:
    """Return file names of one width, so that their order is that of the indices."""
    digits = max(5, len(str(n - 1)))
    return (f"{index:0{digits}}.png" for index in range(n))


def _batches(scheme: Scheme | RandomScheme, seed: int, n: int, workers: int) -> Iterator[_Encoded]:
    """Yield the images in their order, batch by batch, drawn by this process or by a pool."""
    tasks = ((scheme, seed, start, min(start + _BATCH, n)) for start in range(0, n, _BATCH))
    if workers == 1 or n < _WORTH_A_POOL:
        yield from map(_drawn, tasks)
        return
    yield from map_processes(_drawn, tasks, workers=workers)


def _then_grid(batches: Iterator[_Encoded], grid: Path, sheet: Image.Image) -> Iterator[_Encoded]:
    """The batches; after the last one the grid is written, so that where the images are, all is done."""
    yield from batches
    with atomic_file(grid) as temporary:
        sheet.save(temporary, "PNG")


def _drawn(task: tuple[Scheme | RandomScheme, int, int, int]) -> _Encoded:
    scheme, seed, start, stop = task
    return [(encode(scheme, pixels), text) for pixels, text in draw(scheme, seed, range(start, stop))]


def _write_folder(out: Path, scheme: Scheme | RandomScheme, batches: Iterator[_Encoded], names: Iterator[str]) -> None:
    with atomic_folder(out) as folder:
        (folder / "images").mkdir()
        (folder / "scheme.yaml").write_text(f"{scheme}\n", encoding="utf-8")
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["file", "label"])
            for png, text in itertools.chain.from_iterable(batches):
                name = f"images/{next(names)}"
                (folder / name).write_bytes(png)
                table.writerow([name, text])


def _write_parquet(
    out: Path, scheme: Scheme | RandomScheme, seed: int, batches: Iterator[_Encoded], names: Iterator[str]
) -> None:
    schema = _SCHEMA.with_metadata({
        "huggingface": json.dumps({"info": {"features": _FEATURES}}),
        "tellapart.generated": json.dumps({"scheme": scheme.to_dict(), "seed": seed}),
    })  # fmt: skip
    with atomic_file(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for batch in batches:
            rows = [
                {"image": {"bytes": png, "path": next(names)}, "label": text} for png, text in batch
            ]  # fmt: skip
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _sheet(scheme: Scheme | RandomScheme, seed: int, n: int) -> Image.Image:
    """Return the first samples, each above its text; small ones are enlarged."""
    columns, rows = min(n, _GRID[0]), min(-(-n // _GRID[0]), _GRID[1])
    samples = draw(scheme, seed, range(min(n, columns * rows)))
    largest = max(pixels.shape[1] for pixels, _ in samples), max(pixels.shape[0] for pixels, _ in samples)
    zoom = max(1, 120 // largest[0])
    width, height, caption, gap = largest[0] * zoom, largest[1] * zoom, 20, 8
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + caption + gap) + gap), "#d8d8d8")
    pen = ImageDraw.Draw(sheet)
    face = ImageFont.truetype(font_file(scheme.fonts[0]), 14, layout_engine=ImageFont.Layout.BASIC)
    for place, (pixels, text) in enumerate(samples):
        x = gap + place % columns * (width + gap)
        y = gap + place // columns * (height + caption + gap)
        size = pixels.shape[1] * zoom, pixels.shape[0] * zoom
        large = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
        sheet.paste(large, (x + (width - size[0]) // 2, y + (height - size[1]) // 2))
        pen.text((x + width // 2, y + height + 3), text, fill="#000000", font=face, anchor="ma")
    return sheet
