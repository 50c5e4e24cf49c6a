"""All that is wanted of one image, from one decoding of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.errors import ImageError
from tellapart.core.image_io import Pixels
from tellapart.core.parallel import map_processes, map_threads
from tellapart.data.duplicates.hashing import SIDE
from tellapart.data.image_facts import Facts, image_facts
from tellapart.data.image_statistics import NAMES, image_statistics

if TYPE_CHECKING:
    from tellapart.data.catalog import Catalog

WORTH_PROCESSES = 256  # images; for fewer, starting processes costs more than it saves
CHUNK = 32  # images that travel to a process together, or
CHUNK_BYTES = 8_000_000  # so many bytes of them

Item = tuple[bytes | ImageError, str]  # an encoded image and its name
# Facts, measures (float32), thumbnail, and the picture as a network wants it.
Glance = tuple[Facts, npt.NDArray[Any], Pixels, Pixels | None]


def analyse_images(catalog: Catalog, rows: Sequence[int], size: int | None) -> Iterator[Glance]:
    """What is seen of each of the rows, in their order, worked out on all cores.

    Args:
        size: px of the square that a network wants, or None.
    """
    from tellapart.data.catalog import encoded  # here, for processes that only look start quicker without it

    files = catalog.column("file")
    items = ((data, files[row]) for row, data in encoded(catalog, rows))
    if len(rows) < WORTH_PROCESSES:
        yield from map_threads(partial(analyse_image, size=size), items)
        return
    for some in map_processes(partial(_glances, size=size), _chunks(items)):
        yield from some


def analyse_image(item: Item, size: int | None) -> Glance:
    """What is seen of one image; numbers of an unreadable one are missing and its pictures black or None."""
    fact, picture, thumb = image_facts(*item)
    if picture is None or thumb is None:
        return fact, np.full(len(NAMES), np.nan, np.float32), np.zeros((SIDE, SIDE, 3), np.uint8), None
    small = None
    if size is not None:
        small = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return fact, image_statistics(picture), thumb, small


def _glances(items: list[Item], size: int | None) -> list[Glance]:
    return [analyse_image(item, size) for item in items]


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK or sum(len(data) for data, _ in chunk if isinstance(data, bytes)) >= CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
