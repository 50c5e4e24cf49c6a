"""The header of a TIFF where Pillow gives up: kinds that it does not know, and kinds whose large numbers are dark."""

from __future__ import annotations

import io
import struct

from PIL import TiffImagePlugin

from tellapart.core.errors import pluralize

PHOTOMETRIC, SAMPLES = 262, 277  # tags
BITS, FORMAT = 258, 339
_SHORT = 3  # the type of a tag
_KINDS = {1: "whole numbers", 2: "whole numbers with a sign", 3: "floats"}


def is_tiff(data: bytes) -> bool:
    """Whether bytes begin like a TIFF.

    >>> is_tiff(b"II*" + bytes(9)), is_tiff(b"GIF89a")
    (True, False)
    """
    return data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def black_is_zero(data: bytes) -> bytes | None:
    """The same file, claiming that 0 is black where it says that 0 is white; None where it does not say so.

    Pillow reads few kinds of grey in which 0 is white. The caller turns the grey about.

    Args:
        data: an encoded image.
    """
    place = _place_of(data, PHOTOMETRIC)
    if place is None:
        return None
    at, order = place
    if struct.unpack_from(f"{order}H", data, at) != (0,):
        return None
    return b"".join([data[:at], struct.pack(f"{order}H", 1), data[at + 2 :]])


def _place_of(data: bytes, tag: int) -> tuple[int, str] | None:
    """Where the value of a tag lies that is one short number, in the first picture's tags, and the order of bytes."""
    if not is_tiff(data):
        return None
    order, big = "<" if data[:2] == b"II" else ">", b"+" in data[2:4]
    head, number, entry = (f"{order}Q", f"{order}Q", 20) if big else (f"{order}I", f"{order}H", 12)
    try:
        (start,) = struct.unpack_from(head, data, 8 if big else 4)
        (count,) = struct.unpack_from(number, data, start)
        first = start + struct.calcsize(number)
        for at in range(first, min(first + count * entry, len(data) - entry + 1), entry):
            if struct.unpack_from(f"{order}HH", data, at) == (tag, _SHORT):
                return at + entry - (8 if big else 4), order
    except (struct.error, OverflowError):  # it is cut off, or points outside of itself
        return None
    return None


def unread_kind(data: bytes) -> str | None:
    """What kind of TIFF it is, in words, where it is a kind that is not read; None where that is not its trouble.

    Args:
        data: an encoded image.
    """
    if not is_tiff(data):
        return None
    try:
        TiffImagePlugin.TiffImageFile(io.BytesIO(data)).close()
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            return None
    except Exception:  # damage, of any kind
        return None
    else:
        return None
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:3] == b"+" or data[3:4] == b"+" else 8])
        stream = io.BytesIO(data)
        stream.seek(tags.next)
        tags.load(stream)
        samples, bits = int(tags.get(SAMPLES, 1)), tags.get(BITS, (1,))
        kind = _KINDS.get(tags.get(FORMAT, (1,))[0], "numbers of an unknown kind")
        what = f"{pluralize(samples, 'sample')} a pixel, {kind} of {pluralize(int(bits[0]), 'bit')}"
        return f"a TIFF of {what} (photometric {tags.get(PHOTOMETRIC)})"
    except Exception:  # damage, of any kind
        return None
