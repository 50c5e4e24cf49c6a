"""Files that hold a whole picture, yet stop a strict decoder: their picture, without what is in the way.

A PNG whose side data (texts, colour profiles, private chunks) is damaged or huge, and a JPEG that lacks only its end
mark or has damaged side data, are shown by every viewer. Nothing is made up here: a picture that lacks pixels stays
refused.
"""

from __future__ import annotations

import hashlib
import io  # noqa: F401  (of the examples)
import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tellapart.core.errors import ImageError, join_some
from tellapart.core.image_opening import DAMAGE, open_image
from tellapart.core.jpeg_segments import marks, split_segments

_PNG = b"\x89PNG\r\n\x1a\n"
_PICTURE_CHUNKS = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")  # side data by name, of which the picture is made
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_NAMES = re.compile(b"PLTE|tRNS|IDAT|IEND")  # of chunks that may follow damaged ones
_MOST_LOST = 16  # times that a wrong length is got over
_PIECE = 2**22  # bytes that are unpacked at a time
_ROWS = 64  # of pixels that are digested at a time
_END_MARK, _SCAN = b"\xff\xd9", b"\xff\xda"  # of a JPEG
# What may follow a whole scan without changing its pixels, and changes those of one that is cut off.
_TAILS = tuple(bytes([first, *b"\x5a\xfe\xa7\x13"]) * 16 for first in (0x00, 0xFE, 0xAA, 0x55))

NO_END = "no end mark, though the picture is whole"
DAMAGED_SIDE = "damaged side data is left out"


def mend(data: bytes, max_pixels: int) -> tuple[bytes, str] | None:
    """Remove what keeps a decoder from a picture that is whole.

    Args:
        data: an encoded image that could not be decoded.
        max_pixels: a larger picture is not mended.

    Returns:
        The image without what is in the way, and what that was, in words; None where that is not all.

    >>> buffer = io.BytesIO(); Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    >>> mend(buffer.getvalue()[:-2], 64)[1]
    'no end mark, though the picture is whole'
    """
    if data.startswith(_PNG):
        return _mend_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _mend_jpeg(data, max_pixels)
    return None


def lacks_end(jpeg: bytes) -> bool:
    """Whether no end mark follows the last scan of a JPEG; a decoder may fill the rest of such a picture with grey.

    >>> buffer = io.BytesIO(); Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    >>> lacks_end(buffer.getvalue()), lacks_end(buffer.getvalue()[:-2] + bytes(99))
    (False, True)
    """
    end = jpeg.rfind(_END_MARK)
    # What phones append, such as a video, may hold the same bytes by chance: then the scans are gone through.
    return (end < 0 or jpeg.find(_SCAN, end) >= 0) and _END not in marks(jpeg)


def lacks_rows(png: bytes, image: Image.Image) -> bool:
    """Whether the pixels of a decoded PNG end before its last row; a decoder leaves the rest of such a picture black.

    Args:
        png: the encoded image.
        image: its first frame, as Pillow decoded it, not turned.

    >>> buffer = io.BytesIO(); Image.new("L", (8, 8)).save(buffer, "PNG")
    >>> lacks_rows(buffer.getvalue(), Image.new("L", (8, 8)))
    False
    """
    last = image.crop((0, max(image.height - 2, 0), *image.size))  # interlaced, either of the two comes last
    if last.height == 2 and all(any(last.crop((0, row, last.width, row + 1)).tobytes()) for row in range(last.height)):
        return False
    expected, decoder = _length(png), zlib.decompressobj()
    for name, chunk in _chunks(png):
        packed = chunk[8:-4] if name == b"IDAT" else b""
        while packed and expected > 0:
            expected -= len(decoder.decompress(packed, _PIECE))
            packed = decoder.unconsumed_tail
    return expected > 0


def _length(png: bytes) -> int:
    """The bytes of all rows of a PNG before they are packed (PNG 1.2, 2.3 and 2.6)."""
    width, height, depth, colour, interlaced = *struct.unpack_from(">IIBB", png, 16), png[28]
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    total = 0
    for left, top, right, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


# --- PNG: a signature, then chunks of length, name, content and checksum; names in small letters are side data


def _mend_png(data: bytes) -> tuple[bytes, str] | None:
    parts, left_out = [_PNG], []
    ended = False
    for name, chunk in _chunks(data):
        side = bool(name[0] & 0x20)
        if name == b"IEND":
            ended = True
        if not side or (name in _PICTURE_CHUNKS and _sound(chunk) and _fits(name, chunk, data)):
            parts.append(chunk)
        else:
            left_out.append(name.decode("latin-1") if name.isalpha() else "damaged bytes")
    if not ended:
        parts.append(struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")))
    mended = b"".join(parts)
    if mended == data:
        return None
    names = join_some(dict.fromkeys(left_out))
    what = [f"damaged or large side data is left out ({names})"] if left_out else []
    return mended, "; ".join([*what, *([] if ended else [NO_END])])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG, each with its name; where a length is wrong, from the next chunk that can be made out."""
    at, lost = len(_PNG), 0
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name = data[at + 4 : at + 8]
        end = at + 12 + length
        if not name.isalpha() or (end > len(data) and name[0] & 0x20):
            lost += 1
            found = _next_chunk(data, at + 4) if lost <= _MOST_LOST else len(data)
            yield b"a---", data[at:found]  # nobody's
            at = found
            continue
        yield name, data[at:end]
        if name == b"IEND":
            return
        at = end


def _next_chunk(data: bytes, start: int) -> int:
    """Where the next chunk begins that the picture is made of and whose checksum is right; the end if there is none."""
    budget = 2 * len(data)  # bytes that are checked: a file of nothing but names would take hours
    for match in _NAMES.finditer(data, start):
        place = match.start()
        (length,) = struct.unpack_from(">I", data, place - 4)
        if place + 8 + length <= len(data):
            if _sound(data[place - 4 : place + 8 + length]):
                return place - 4
            budget -= 64 + length
            if budget < 0:
                break
    return len(data)


def _fits(name: bytes, chunk: bytes, data: bytes) -> bool:
    """Whether transparency is as long as the kind of PNG asks; of other chunks, always."""
    length = len(chunk) - 12
    return name != b"tRNS" or {0: length == 2, 2: length == 6, 3: 0 < length <= 256}.get(data[25], False)


def _sound(chunk: bytes) -> bool:
    return len(chunk) >= 12 and struct.unpack_from(">I", chunk, len(chunk) - 4)[0] == zlib.crc32(chunk[4:-4])


# --- JPEG: segments of a mark, a length and content; the scans of the picture follow their segment SOS

_END, _JFIF, _ADOBE, _EXIF = 0xD9, 0xE0, 0xEE, 0xE1
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # of the kinds that are decoded
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SIDE = {*range(0xE0, 0xF0), 0xFE}  # APP0 to APP15, and comments


def _mend_jpeg(data: bytes, max_pixels: int) -> tuple[bytes, str] | None:
    segments = split_segments(data)
    if segments is None:
        return None
    head, scans = segments
    kept = [content for mark, content in head if mark not in _SIDE or mark in (_JFIF, _ADOBE)]
    exif = [content for mark, content in head if mark == _EXIF and content[4:10] == b"Exif\0\0"]
    ended = not lacks_end(data)
    body = scans if ended else _ended(scans)
    missing = [] if ended else [NO_END]
    for side, words in (
        ([content for _, content in head], []),
        ([*exif[:1], *kept], [DAMAGED_SIDE]),
        (kept, [DAMAGED_SIDE]),
    ):
        start = b"".join([b"\xff\xd8", *side])
        if start + body != data and (pixels := _pixels(start + body, max_pixels)) is not None:
            whole = ended or (_all_bits(head, body) and _is_whole(start, body, pixels, max_pixels))
            return (start + body, "; ".join([*words, *missing])) if whole else None
    return None


def _ended(scans: bytes) -> bytes:
    """Scans with an end mark, without the zeros that a camera or a file system filled them up with."""
    scans = scans.rstrip(b"\0")
    return (scans + b"\0" if scans.endswith(b"\xff") else scans) + _END_MARK


def _is_whole(start: bytes, body: bytes, pixels: bytes, max_pixels: int) -> bool:
    """Whether no pixel hangs on what follows the scans, so that nothing but the end mark was missing."""
    parts = _RESTART.findall(body)  # of a scan that is written in parts, the next begins with the mark that follows
    mark = bytes([0xFF, 0xD0 + (parts[-1][1] + 1) % 8]) if parts else b""
    tails = [*_TAILS, mark + _TAILS[0]] if mark else _TAILS
    # One after the other: the first difference tells.
    return all(_pixels(b"".join([start, body[:-2], tail, _END_MARK]), max_pixels) == pixels for tail in tails)


def _pixels(data: bytes, max_pixels: int) -> bytes | None:
    """A digest of all pixels; None where it is no picture, or too large.

    A tail fills the rows where a scan was cut, and a decoder those below with one grey: the last rows tell nothing.
    """
    try:
        image, _ = open_image(data, "", max_pixels)
        with image:
            image.load()
            digest = hashlib.blake2b()
            for top in range(0, image.height, _ROWS):
                digest.update(image.crop((0, top, image.width, min(top + _ROWS, image.height))).tobytes())
            return digest.digest()
    except (ImageError, *DAMAGE):
        return None


def _all_bits(head: list[tuple[int, bytes]], body: bytes) -> bool:
    """Whether the scans give every coefficient of each component down to its last bit (ITU T.81, B.2.3, G.1.1.1)."""
    frames = [content for mark, content in head if mark in _FRAMES]
    if len(frames) != 1 or len(frames[0]) < 10:
        return False
    missing = {(component, k) for component in frames[0][10::3] for k in range(64)}
    at = body.find(_SCAN)
    while 0 <= at < len(body) - 5:
        parts = body[at + 4]
        first, last, bits = (*body[at + 5 + 2 * parts : at + 8 + 2 * parts], 0, 0, 0)[:3]
        if not bits & 0x0F:  # the last bit
            missing -= {(each, k) for each in body[at + 5 : at + 5 + 2 * parts : 2] for k in range(first, last + 1)}
        at = body.find(_SCAN, at + 2)
    return not missing
