"""What a catalog says of one image. Quick to import: processes that only look at images start with this."""

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
    """What a catalog says of one image (`FACTS`), the picture, and its thumbnail; none where it is unreadable."""
    if isinstance(data, ImageError):
        return (None, None, None, None, None, False, f"unreadable: {data.reason}"), None, None
    digest = hashlib.sha256(data).hexdigest()
    try:
        picture = image_io.picture(data, file)
    except ImageError as error:
        return (digest, None, None, None, None, False, f"unreadable: {error.reason}"), None, None
    width, height = picture.size
    same = hashlib.blake2b(picture.tobytes(), digest_size=16, salt=f"{width}x{height}".encode()[:16]).hexdigest()
    thumb = thumbnail(picture)
    return (digest, same, width, height, picture_hash(thumb), True, None), picture, thumb
