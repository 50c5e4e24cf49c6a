"""What a data set holds, said at once: from names, bytes on disk and the headers of a few images."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, ImageError, join_some, pluralize
from tellapart.core.regular_files import open_regular
from tellapart.core.storage import RemotePath, locate
from tellapart.data.catalog import Catalog
from tellapart.data.image_facts import FACTS
from tellapart.data.opening import open_catalog
from tellapart.data.parquet import open_parquet
from tellapart.data.source_options import SourceOptions

SAMPLE = 200  # images whose headers are read
_HEAD = 1 << 18  # bytes of a file, which nearly always hold the whole header
_SPARE = 1 << 26  # bytes read beyond heads, in all: some TIFFs keep their header at the end
_GROUPS = 8  # row groups of shards that are read, and the bytes of them in all
_GROUP_BYTES = 1 << 27

T = TypeVar("T")


def summary(data: str | Path | Catalog, **options: Unpack[SourceOptions]) -> dict[str, Any]:
    """Count a data set's images, classes and bytes, and measure a few: nothing is decoded.

    Every source that can be catalogued will do. Damaged images and duplicates show only once each image
    has been looked at, see `tellapart.catalog`.

    Args:
        data: any source, or a catalog.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        images, labels (how many different ones), classes (label → images, also of each of several; empty for a reading
        set), task (guessed where not given), bytes (on disk; of the shards where images are embedded), first (ten
        pairs of file and label), sizes (width and height of the smallest, median and largest by area of ``sampled``
        images spread over the set, before any EXIF turn), notes.

    Raises:
        CatalogError: the source cannot be used; the message names the file, row or class.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for n in range(3):
    ...     Image.new("RGB", (10 + n, 8)).save(folder / f"dog_{n}.png")
    >>> result = summary(folder)
    >>> result["images"], result["classes"], result["sizes"]["largest"]
    (3, {'dog': 3}, (12, 8))
    """
    catalog = open_catalog(data, look=_unseen, **options)
    rows = catalog.rows()
    files, labels = catalog.column("file"), catalog.column("label")
    counts = Counter(each for row in rows for each in catalog.labels_in(labels[row]))
    total, gone = _bytes(catalog, rows)
    sides, failed = _sides(catalog, rows)
    notes = list(catalog.notes)
    if gone:
        notes.append(f"{pluralize(len(gone), 'file is', 'files are')} gone: {join_some(gone)}")
    if failed:
        notes.append(
            f"{len(failed)} of {len(sides) + len(failed)} sampled images were not measured: {join_some(failed)}"
        )
    return {
        "images": len(rows),
        "labels": len(counts),
        "classes": dict(sorted(counts.items())) if catalog.task != "read" else {},
        "task": catalog.task,
        "bytes": total,
        "first": [(files[row], labels[row]) for row in rows[:10]],
        "sizes": _summary(sides),
        "notes": notes,
    }


def _unseen(draft: Catalog) -> Mapping[int, tuple[Any, ...]]:
    """In place of looking at images: every row is kept, and nothing else is known of it."""
    return dict.fromkeys(range(len(draft)), tuple(name == "keep" or None for name in FACTS))


def _bytes(catalog: Catalog, rows: Sequence[int]) -> tuple[int, list[str]]:
    """The bytes of all files, each counted once, and the files that are gone."""
    files, shards = catalog.column("file"), catalog.column("shard")
    total, gone = 0, []
    for name in dict.fromkeys(shards[row] or files[row] for row in rows):
        try:
            total += locate(catalog.root, name).stat().st_size
        except OSError:
            gone.append(name)
    return total, gone


# --- sizes in pixels, of a sample ------------------------------------------------------------------


def _summary(sides: Sequence[tuple[int, int]]) -> dict[str, Any]:
    order = sorted(sides, key=lambda side: (side[0] * side[1], side))
    if not order:
        return {"sampled": 0, "smallest": None, "median": None, "largest": None}
    return {"sampled": len(order), "smallest": order[0], "median": order[len(order) // 2], "largest": order[-1]}


def _sides(catalog: Catalog, rows: Sequence[int]) -> tuple[list[tuple[int, int]], list[str]]:
    """Width and height of each image of a sample, and what was not measured and why."""
    files, shards, root = catalog.column("file"), catalog.column("shard"), catalog.root
    sides, failed = [], []
    spare = _SPARE
    for row in _spaced([row for row in rows if shards[row] is None], SAMPLE):
        try:
            head, length = _head(locate(root, files[row]), files[row])
            try:
                sides.append(_size(head, files[row]))
            except ImageError:
                if length <= len(head):  # there is no more of it
                    raise
                if length > spare:
                    raise ImageError(files[row], "its size does not stand in its head") from None
                spare -= length
                sides.append(_size(image_io.read_bytes(locate(root, files[row])), files[row]))
        except ImageError as error:
            failed.append(str(error))
    for row, content in _embedded(catalog, [row for row in rows if shards[row] is not None]):
        try:
            sides.append(_size(content, files[row]))
        except ImageError as error:
            failed.append(str(error))
    return sides, failed


def _head(path: Path, file: str) -> tuple[bytes, int]:
    """The first bytes of a file, and how many it has."""
    try:
        if isinstance(path, RemotePath):
            with path.open_input() as remote:
                return remote.read(_HEAD), remote.size()
        with open_regular(path) as stream:
            return stream.read(_HEAD), os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise ImageError(file, f"the file cannot be read: {error.strerror}") from error


def _size(content: bytes, file: str) -> tuple[int, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a head is not a whole file
        return image_io.size(content, file)


def _embedded(catalog: Catalog, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Rows and bytes from a few row groups: a shard is read by the group, and not by the row."""
    shards, numbers = catalog.column("shard"), catalog.column("row")
    known = {(shards[row], numbers[row]): row for row in rows}
    groups: list[tuple[str, list[int], int]] = []
    for shard in dict.fromkeys(shards[row] for row in rows):
        try:
            with open_parquet(locate(catalog.root, shard)) as file:
                meta = file.metadata
        except CatalogError:  # among those that are gone
            continue
        start = 0
        for group in map(meta.row_group, range(meta.num_row_groups)):
            inside = [number for number in range(start, start + group.num_rows) if (shard, number) in known]
            if inside:
                groups.append((shard, inside, group.total_byte_size))
            start += group.num_rows
    most = max(1, min(_GROUPS, _GROUP_BYTES // max([1, *(size for *_, size in groups)])))
    chosen = _spaced(groups, most)
    for shard, inside, _ in chosen:
        for number, content in catalog.read_shard(shard, inside[: SAMPLE // len(chosen)]):
            yield known[shard, number], content


def _spaced(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly spaced, the first and the last among them."""
    n = min(len(items), most)
    return [items[place * (len(items) - 1) // max(n - 1, 1)] for place in range(n)]
