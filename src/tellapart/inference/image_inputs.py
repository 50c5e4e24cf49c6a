"""What may be given as an image: a path, a folder, encoded bytes, an open file, an array, or a Pillow image."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from tellapart.core.errors import ConfigError, ImageError
from tellapart.core.image_files import image_files
from tellapart.core.image_io import Pixels

Item = str | Path | bytes | Pixels  # an image: its path, its encoded bytes, or its RGB array
Read = Item | ImageError  # or why it could not be read
Given = Item | bytearray | memoryview | Image.Image | BinaryIO  # what people have; a path may be a folder

_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")  # Pillow's modes that PNG holds as they are


def is_one(items: object) -> bool:
    """Whether this is one image (or one folder), and no collection of them.

    >>> is_one("a.png"), is_one(b"..."), is_one(["a.png"])
    (True, True, False)
    """
    single = str | Path | bytes | bytearray | memoryview | Image.Image | np.ndarray
    return isinstance(items, single) or hasattr(items, "read")


def several(items: Any) -> Iterable[Any]:
    """One image as a list, or several as they are.

    Raises:
        ConfigError: it is neither an image nor a collection.
    """
    if is_one(items):
        return [items]
    if not isinstance(items, Iterable):
        raise _no_image(items)
    return items


def named_images(items: Given | Iterable[Given]) -> Iterator[tuple[str, Read]]:
    """Images with what their answers call them: a path its own words, an open file its name, anything else its number.

    A folder gives its images, at any depth and sorted.

    Args:
        items: one of what the module's first line names, or several.

    Raises:
        ConfigError: something else, or a file that is open as text.

    >>> [name for name, _ in named_images(["a.png", b"", Path("b/c.png")])]
    ['a.png', 'image 1', 'b/c.png']
    """
    for number, item in enumerate(several(items)):
        yield from named_image(item, f"image {number}")


def named_image(item: Any, name: str) -> Iterator[tuple[str, Read]]:
    """One of what `named_images` takes; ``name`` is for what has none itself. A folder gives several images.

    Raises:
        ConfigError: it is no image.
    """
    if isinstance(item, str | Path):
        if not Path(item).is_dir():
            yield str(item), item
            return
        found = image_files(Path(item))
        yield from ((str(path), path) for path in found)
        if not found:
            yield str(item), ImageError(str(item), "no image in this folder")
    elif isinstance(item, np.ndarray):
        yield name, item
    elif isinstance(item, bytes | bytearray | memoryview):
        yield name, bytes(item)
    elif isinstance(item, Image.Image):
        yield str(getattr(item, "filename", "") or name), as_png(item)
    elif hasattr(item, "read"):
        data, called = item.read(), getattr(item, "name", name)
        if not isinstance(data, bytes):
            raise ConfigError(f"{called}: open it as bytes, as by open({str(called)!r}, 'rb')")
        yield called if isinstance(called, str) else name, data
    else:
        raise _no_image(item)


def checked_array(array: Pixels, name: str) -> Pixels:
    """An array that is a picture.

    Raises:
        ImageError: it is none.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        reason = f"an array must be RGB uint8 (height, width, 3), not {array.dtype} {array.shape}"
        raise ImageError(name, reason)
    return array


def as_png(picture: Image.Image) -> bytes:
    """A Pillow image as a file, so that it is decoded as every other: its turn, its transparency, its depth."""
    buffer = io.BytesIO()
    kept = picture if picture.mode in _IN_PNG else picture.convert("RGB")
    kept.save(buffer, "PNG", exif=picture.getexif(), compress_level=1)
    return buffer.getvalue()


def _no_image(item: object) -> ConfigError:
    return ConfigError(
        f"{type(item).__name__}: no image; give a path, a folder, bytes, a file opened as bytes, an RGB array or a "
        "Pillow image, one or a list of them"
    )
