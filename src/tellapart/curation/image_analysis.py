"""Facts, measures and thumbnails of images, each image decoded once."""

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
# Facts, measures (float32 M), thumbnail (uint8 SIDE, SIDE, 3), and the picture for a network (uint8 size, size, 3).
Analysis = tuple[Facts, npt.NDArray[Any], Pixels, Pixels | None]


def analyse_images(catalog: Catalog, rows: Sequence[int], size: int | None) -> Iterator[Analysis]:
    """Analyse rows of a catalog on all cores; yield the results in the order of the rows.

    Args:
        catalog: the images.
        rows: which of them.
        size: side in px of the picture for a network; None for no such picture.
    """
    from tellapart.data.catalog import encoded  # here, as worker processes start faster without it

    files = catalog.column("file")
    items = ((data, files[row]) for row, data in encoded(catalog, rows))
    if len(rows) < WORTH_PROCESSES:
        yield from map_threads(partial(analyse_image, size=size), items)
        return
    for some in map_processes(partial(_analyse_chunk, size=size), _chunks(items)):
        yield from some


def analyse_image(item: Item, size: int | None) -> Analysis:
    """Analyse one image. An unreadable one has nan measures, a black thumbnail and no picture for a network."""
    fact, picture, thumb = image_facts(*item)
    if picture is None or thumb is None:
        return fact, np.full(len(NAMES), np.nan, np.float32), np.zeros((SIDE, SIDE, 3), np.uint8), None
    small = None
    if size is not None:
        small = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return fact, image_statistics(picture), thumb, small


def _analyse_chunk(items: list[Item], size: int | None) -> list[Analysis]:
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
