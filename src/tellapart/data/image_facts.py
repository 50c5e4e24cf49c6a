"""The facts of one image that a catalog holds. Quick to import: worker processes start with this module."""

from __future__ import annotations

import hashlib
from typing import Any

from PIL.Image import Image

from tellapart.core import image_io
from tellapart.core.errors import ImageError
from tellapart.data.duplicates.hashing import picture_hash, thumbnail

FACTS = ("sha256", "pixels", "width", "height", "hash", "keep", "why")  # the columns of a catalog that looking fills
Facts = tuple[Any, ...]  # of one image, in the order of FACTS


def image_facts(data: bytes | ImageError, file: str) -> tuple[Facts, Image | None, image_io.Pixels | None]:
    """Measure one image.

    Args:
        data: encoded bytes, or why there are none.
        file: its name, for messages.

    Returns:
        The values of `FACTS`; the picture (RGB) and its thumbnail, or None for both where it is unreadable. ``why``
        says why it is unreadable, or of a readable one what was guessed to read it; None where nothing was.

    >>> facts, picture, _ = image_facts(b"", "a.png")
    >>> facts[-1], picture
    ('unreadable: the file is empty', None)
    """
    if isinstance(data, ImageError):
        return (None, None, None, None, None, False, f"unreadable: {data.reason}"), None, None
    digest = hashlib.sha256(data).hexdigest()
    notes: list[str] = []
    try:
        picture = image_io.picture(data, file, notes=notes)
    except ImageError as error:
        return (digest, None, None, None, None, False, f"unreadable: {error.reason}"), None, None
    width, height = picture.size
    same = hashlib.blake2b(picture.tobytes(), digest_size=16, salt=f"{width}x{height}".encode()[:16]).hexdigest()
    thumb = thumbnail(picture)
    why = f"read: {'; '.join(notes)}" if notes else None
    return (digest, same, width, height, picture_hash(thumb), True, why), picture, thumb
