"""The verb `shards`: any source as Parquet shards that hold the images, of about one size."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.errors import CatalogError, ConfigError, ImageError
from tellapart.core.storage import as_path, locate
from tellapart.data.source_options import TaskOptions
from tellapart.pipelines.predict import PartsResult, parts_result

if TYPE_CHECKING:
    import pyarrow as pa

    from tellapart.data.catalog import Catalog
    from tellapart.data.parts import Part, Piece

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
GROUP_BYTES = 32 << 20  # of a row group: what a reader of one image has to fetch at most


def shards(
    data: str | Path | Catalog,
    *,
    out: str | Path,
    size: str | int = "512MB",
    on: str | None = None,
    **options: Unpack[TaskOptions],
) -> PartsResult:
    """Write any source as Parquet shards with the bytes of its images; shards are joined, and large ones split.

    The bytes are those of the source. The columns are image (bytes, path), label, split, group and together, so that
    every verb reads the folder. The same call goes on with what is missing.

    Args:
        data: any labelled source or a catalog (whose kept rows are written), local or by URL.
        out: the folder or URL of the shards.
        size: about how large a shard is: bytes, or such as ``512MB``.
        on: ``ray`` or ``ray://HOST:PORT``: on the machines of a cluster; else on this machine's cores.
        options: how to read the data (``task`` is ``tag`` for several labels an image), see
            `tellapart.data.layouts.read_source`.

    Raises:
        ConfigError: a size that is none, a folder of something else, or a cluster out of reach.
        CatalogError: data that cannot be used.
        InputError: a part with a file that is empty or gone; the others are done.
        GateError: a part was lost five times; the others are done.

    Example:
        tellapart.shards("photos", out="photo-shards", size="256MB")
    """
    from tellapart.data.parts import labelled_parts, numbered
    from tellapart.scale.engine import Work, run_parts

    wanted = _bytes(size)
    source = str(data) if isinstance(data, str | Path) else data.source
    work = Work("shards", f"{__name__}:shards_part", {"size": wanted}, str(out), [source])
    report = run_parts(work, numbered(_joined(labelled_parts(data, options), wanted)), on=on)
    report.check()
    return parts_result(report)


def _bytes(size: str | int) -> int:
    """A size in bytes.

    >>> _bytes("1.5 GB"), _bytes(1000)
    (1500000000, 1000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)i?b?\s*", str(size).lower())
    value = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if value < 1000:
        raise ConfigError(f"size {size!r}: give bytes of 1,000 and more, such as 512MB")
    return value


def _joined(parts: Iterable[Part], size: int) -> Iterator[Piece]:
    """Pieces of about one size, of neighbours in the source."""
    waiting: list[tuple[Mapping[str, Any], str, int]] = []
    for inputs, stamp, length in itertools.chain.from_iterable(_split(part, size) for part in parts):
        if waiting and sum(each[2] for each in waiting) + length > 1.1 * size:
            yield _piece(waiting)
            waiting = []
        waiting.append((inputs, stamp, length))
    if waiting:
        yield _piece(waiting)


def _piece(waiting: list[tuple[Mapping[str, Any], str, int]]) -> Piece:
    first = waiting[0][0]
    title = first.get("shard") or first["files"][0][0]
    return {"of": [inputs for inputs, *_ in waiting]}, " ".join(stamp for _, stamp, _ in waiting), f"from {title} on"


def _split(part: Part, size: int) -> Iterator[tuple[Mapping[str, Any], str, int]]:
    """A part in pieces that are no larger: inputs, stamp and bytes of each."""
    lengths = [max(0, int(length)) for length in part.stamp.split()[::2]]
    if "files" in part.inputs:
        start, total = 0, 0
        stamps = part.stamp.split()
        for row, length in enumerate(lengths):
            if row > start and total + length > size:
                yield _files(part.inputs, start, row), " ".join(stamps[2 * start : 2 * row]), total
                start, total = row, 0
            total += length
        yield _files(part.inputs, start, len(lengths)), " ".join(stamps[2 * start :]), total
        return
    count = math.ceil(lengths[0] / (1.1 * size))
    if count < 2:
        yield part.inputs, part.stamp, lengths[0]
        return
    from tellapart.data.parquet import open_parquet

    with open_parquet(locate(as_path(part.inputs["root"]), part.inputs["shard"])) as file:
        rows = len(part.inputs["rows"]) if "rows" in part.inputs else file.metadata.num_rows
    for number in range(count):
        between = [number * rows // count, (number + 1) * rows // count]
        yield {**part.inputs, "between": between}, part.stamp, lengths[0] // count


def _files(inputs: Mapping[str, Any], start: int, stop: int) -> Mapping[str, Any]:
    return {**inputs, "files": inputs["files"][start:stop]}


def shards_part(inputs: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[pa.Table]:  # noqa: ARG001
    """The images of a part as rows of a shard, a few MB at a time."""
    import pyarrow as pa

    from tellapart.data.parts import read_part

    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    texts = {name: pa.string() for name in ("label", "split", "group", "together")}
    schema = pa.schema({"image": image, **texts})
    rows: list[dict[str, Any]] = []
    total = 0
    for each in itertools.chain.from_iterable(map(read_part, inputs["of"])):
        if isinstance(each.data, ImageError) or not each.data:
            why = each.data.reason if isinstance(each.data, ImageError) else "the file is empty"
            raise CatalogError(f"{each.name}: {why}; catalog the data first, and give the catalog: it leaves such out")
        rows.append({"image": {"bytes": each.data, "path": each.name}, **{name: getattr(each, name) for name in texts}})
        total += len(each.data)
        if total > GROUP_BYTES:
            yield pa.Table.from_pylist(rows, schema=schema)
            rows, total = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, schema=schema)
