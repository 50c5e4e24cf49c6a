"""Whether images hold colour."""

from __future__ import annotations

import numpy as np

from tellapart.core import image_io as images
from tellapart.core.errors import ImageError
from tellapart.data.catalog import Catalog

SAMPLE = 64  # images looked at to tell grey from colour
NOISE = 12  # of 255; JPEG's own colour error stays well below it on a grey picture


def is_grey(catalog: Catalog) -> bool:
    """Whether a sample of the images, spread over the set, holds no colour.

    An image holds colour where the channels of more than one pixel in a hundred lie more than ``NOISE`` apart. Images
    that cannot be decoded say nothing.
    """
    rows = catalog.rows()
    sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    for _, data in catalog.read(sample):
        try:
            pixels = images.decode(data, at_least=64).astype(np.int16)
        except ImageError:
            continue
        if np.percentile(pixels.max(axis=2) - pixels.min(axis=2), 99) > NOISE:
            return False
    return True
