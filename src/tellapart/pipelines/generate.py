"""The verb `generate`: drawn CAPTCHAs, here in one piece or as shards on a cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.errors import ConfigError
from tellapart.core.storage import is_url
from tellapart.data.source_options import LabelOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from tellapart.data.parts import Part
    from tellapart.synthesis import RandomScheme, Scheme

SHARD = 10_000  # images: some tens of MB
BATCH = 500  # of them at a time


class DrawOptions(LabelOptions, total=False):
    """How images are drawn, see `generate`."""

    like: str | Path | None
    grid: str | Path | None
    workers: int | None
    progress: bool


def generate(
    scheme: str | Scheme | RandomScheme | None,
    n: int,
    out: str | Path,
    *,
    seed: int = 0,
    on: str | None = None,
    **options: Unpack[DrawOptions],
) -> dict[str, object]:
    """Draw ``n`` labelled images into a folder, or into one Parquet file, whole or not at all.

    A folder gets ``images/00000.png`` and so on, ``labels.csv`` (file, label) and ``scheme.yaml``. A Parquet file is
    laid out as Hugging Face does, and an older one of its name is replaced. On a cluster, or to a URL, Parquet shards
    of 10,000 images are drawn, and the same call goes on with what is missing. An image depends on scheme, seed and
    number alone, wherever it is drawn.

    Args:
        scheme: a named scheme, a ``.yaml`` file, or a scheme; None with ``like``.
        n: number of images.
        out: a new or empty folder, a name that ends in ``.parquet``, or a folder or URL for shards.
        seed: other seeds draw other images; 0 to 2**32 - 1.
        on: ``ray`` or ``ray://HOST:PORT``: on the machines of a cluster.
        options: ``like`` (labelled CAPTCHAs that a scheme is to look like), ``grid`` (a PNG of samples),
            ``workers``, ``progress``, and how ``like`` is read, such as ``label_from``; see
            `tellapart.synthesis.generate.generate`.

    Returns:
        out, n, scheme (its name), seed, seconds, images_per_second; of shards also parts and done_before.

    Raises:
        ConfigError: an option cannot be used, the folder is not empty, a font is missing, or a cluster out of reach.
        CatalogError: what ``like`` names holds no usable images with texts.
        GateError: a part was lost five times; the others are done.

    Example:
        tellapart.generate("digits", 20, "drawn", grid="samples.png")
    """
    from tellapart.synthesis.generate import generate as draw_here

    if not isinstance(n, Integral):
        order = "the order is scheme, n, out: generate('digits', 20, 'drawn')"
        raise ConfigError(f"n is {n!r}: give a whole number; {order}")
    if on is None and not is_url(out):
        return draw_here(scheme, n, out, seed=seed, **options)
    from tellapart.scale.engine import Work, run_parts
    from tellapart.synthesis import RandomScheme, draw
    from tellapart.synthesis import scheme as find_scheme

    if scheme is None or options.get("like") is not None or options.get("grid") is not None:
        raise ConfigError("like, grid: look for the scheme and draw its samples first, here; then draw by that scheme")
    if not 1 <= n <= 2**32:
        raise ConfigError(f"n is {n}; ask for at least 1 image, and at most {2**32}")
    start = time.perf_counter()
    chosen = find_scheme(scheme) if isinstance(scheme, str) else scheme
    draw(chosen, seed, [0])  # a bad seed or a missing font is found before anything is written
    how = {"scheme": chosen.to_dict(), "many": isinstance(chosen, RandomScheme), "seed": seed}
    work = Work("generate", f"{__name__}:draw_part", {**how, "digits": max(5, len(str(n - 1)))}, str(out))
    report = run_parts(work, _parts(n), on=on, total=-(-n // SHARD))
    report.check()
    seconds = time.perf_counter() - start
    return {
        "out": str(out), "n": n, "scheme": chosen.name, "seed": seed, "seconds": round(seconds, 3),
        "images_per_second": round(report.rows / seconds, 1), "parts": report.parts, "done_before": report.done_before,
    }  # fmt: skip


def _parts(n: int) -> Iterator[Part]:
    from tellapart.data.parts import numbered

    bounds = ((start, min(start + SHARD, n)) for start in range(0, n, SHARD))
    return numbered(({"start": a, "stop": b}, "", f"images {a} to {b - 1}") for a, b in bounds)


def draw_part(inputs: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The images of some numbers, as rows of a shard."""
    import pyarrow as pa

    from tellapart.synthesis import RandomScheme, Scheme, draw, encode

    kind = RandomScheme if options["many"] else Scheme
    scheme = kind.from_dict(options["scheme"])
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema({"image": image, "label": pa.string()})
    for first in range(inputs["start"], inputs["stop"], BATCH):
        numbers = range(first, min(first + BATCH, inputs["stop"]))
        drawn = zip(numbers, draw(scheme, options["seed"], numbers), strict=True)
        rows = [
            {"image": {"bytes": encode(scheme, pixels), "path": f"{number:0{options['digits']}}.png"}, "label": text}
            for number, (pixels, text) in drawn
        ]
        yield pa.Table.from_pylist(rows, schema=schema)
