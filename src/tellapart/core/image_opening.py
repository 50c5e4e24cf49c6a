"""Opening an encoded image: what kind it is, whether it is small enough to be decoded, and what its header says.

Everything here looks at headers alone. A small file may claim, or really hold, a picture that takes gigabytes and
minutes to decode, so its size is bounded by pixels, by sides, by bytes once decoded and by scans.
"""

from __future__ import annotations

import ctypes
import io
import logging
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress

from PIL import (  # noqa: F401  (Pillow's lazy plugin loading is not safe among threads: load them here)
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _imaging,
)

from tellapart.core.errors import ImageError
from tellapart.core.foreign_content import message, other_kind, stand_in
from tellapart.core.image_conversion import Source
from tellapart.core.jpeg_segments import SCAN, marks
from tellapart.core.tiff_header import BITS, FORMAT, PHOTOMETRIC, SAMPLES, black_is_zero, unread_kind

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")  # a phone's MPO opens as JPEG
MAX_PIXELS = 64_000_000  # an 8,000 x 8,000 picture; more is refused before it is decoded
MAX_SIDE = 65_535  # px; the longest that a JPEG can have
BYTES_A_PIXEL = 4  # once decoded, of as many pixels as are allowed
DEEP_BYTES_A_PIXEL = 2  # where samples have more than 8 bits, which takes several times as long to decode
MOST_SCANS = 32  # of a progressive JPEG of as many pixels as are allowed; encoders write about ten

# What Pillow's decoders raise on damaged files, found by feeding them mutated ones.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError,
          OverflowError, AttributeError, struct.error, zlib.error)  # fmt: skip

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"GIF8")
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # bytes a pixel in memory, else 4
_OTHER_BYTE = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
_OTHER_BYTE |= {f"{kind};16N": f"{kind};16{'B' if sys.byteorder == 'little' else 'L'}" for kind in ("RGB", "RGBA")}


def looks_like_image(data: bytes) -> bool:
    r"""Whether bytes begin like an image of a known format.

    >>> looks_like_image(b"GIF89a"), looks_like_image(b"a.png"), looks_like_image(b"RIFF\0\0\0\0WAVE")
    (True, False, False)
    """
    return data.startswith(_MAGIC) and not (data.startswith(b"RIFF") and data[8:12] not in (b"", b"WEBP"))


def open_image(data: bytes, file: str, max_pixels: int) -> tuple[Image.Image, Source]:
    """Open an encoded image without decoding it.

    Args:
        data: the encoded bytes.
        file: its name, for messages.
        max_pixels: see `tellapart.core.image_io.decode`.

    Returns:
        The image, which the caller closes, and what its file says beside.

    Raises:
        ImageError: it is empty, of no known kind, or too large.
    """
    if not data:
        raise ImageError(file, "the file is empty")
    inverted = False
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # the warning, where it is made an error
        raise ImageError(file, f"larger than {max_pixels:,} pixels") from None
    except DAMAGE as error:
        if (positive := black_is_zero(data)) is None:
            raise ImageError(file, _unknown(data)) from error
        inverted, (image, _) = True, open_image(positive, file, max_pixels)
    if (reason := _too_large(image, data, max_pixels)) is not None:
        image.close()
        raise ImageError(file, reason)
    return image, _source(image, data, inverted)


def _unknown(data: bytes) -> str:
    """Why nothing was opened."""
    known = f"(known: {', '.join(FORMATS)})"
    if (instead := stand_in(data, "image")) is not None:
        return instead
    if (kind := unread_kind(data)) is not None:
        return f"{kind}, which is not read; save it as PNG"
    if looks_like_image(data):
        return f"the image is damaged {known}"
    if (other := other_kind(data)) is not None:
        return f"{other} file, which is not read {known}; convert it"
    return message(data) or f"not an image of a known kind {known}"


def _too_large(image: Image.Image, data: bytes, max_pixels: int) -> str | None:
    width, height = image.size
    if not width or not height:
        return "the image has no pixels"
    if width * height > max_pixels:
        return f"{width} x {height} is larger than {max_pixels:,} pixels"
    if max(width, height) > MAX_SIDE:
        return f"{width} x {height} has a side longer than {MAX_SIDE:,} pixels"
    bits = _bits(image, data)
    decoded = width * height * max(bits, 8 * _STORED.get(image.mode, 4)) // 8
    most = max_pixels * (BYTES_A_PIXEL if _sample_bits(image, data) <= 8 else DEEP_BYTES_A_PIXEL)
    if decoded > most:
        return f"{width} x {height} of {bits} bits a pixel takes {decoded:,} bytes, more than {most:,}"
    if image.info.get("progressive") and data.count(b"\xff\xda") * width * height > MOST_SCANS * max_pixels:
        scans = sum(mark == SCAN for mark in marks(data))  # what a phone appends may hold such bytes too
        if scans * width * height <= MOST_SCANS * max_pixels:
            return None
        return f"{width} x {height} in {scans:,} scans takes too long to decode"
    return None


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits a pixel in the file, over all channels."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return _sample_bits(image, data) * len(image.getbands())
    samples, each = int(image.tag_v2.get(SAMPLES, 1)), image.tag_v2.get(BITS, (1,))
    return int(sum(each)) if len(each) == samples else int(each[0]) * samples


def _sample_bits(image: Image.Image, data: bytes) -> int:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2.get(BITS, (1,))[0])
    return data[24] if image.format == "PNG" else 8


def _source(image: Image.Image, data: bytes, inverted: bool) -> Source:
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    bits = _sample_bits(image, data)
    return Source(
        bits=bits,
        deep_colour=_deep_colour(image, data),
        white_is_zero=inverted or tags.get(PHOTOMETRIC) == 0,
        unsigned=bits == 32 and tags.get(FORMAT, (1,))[0] == 1,
        signed=bits == 8 and tags.get(FORMAT, (1,))[0] == 2,
        no_alpha=image.format == "BMP",
    )


def _deep_colour(image: Image.Image, data: bytes) -> Callable[[Image.Image], tuple[Image.Image, Image.Image]] | None:
    """What gives the high and the low bytes of 16-bit colours; None where the samples are none.

    Pillow unpacks the first byte of a sample; a file of the other order of bytes has the second there.
    """
    if image.format not in ("PNG", "TIFF") or image.mode not in ("RGB", "RGBA"):
        return None
    assert isinstance(image, ImageFile.ImageFile)
    modes = {_raw_mode(tile) for tile in image.tile}
    if modes == {"LA;16B"}:
        return lambda _: _grey_with_alpha(data)
    if len(modes) != 1 or (other := _OTHER_BYTE.get(modes.pop())) is None:
        return None

    def reopen(high: Image.Image) -> tuple[Image.Image, Image.Image]:
        with Image.open(io.BytesIO(data), formats=("PNG", "TIFF")) as low:
            low.tile = [
                tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
                for tile in low.tile
            ]
            low.load()
            return high, low

    return reopen


def _raw_mode(tile: ImageFile._Tile) -> str:
    """How the numbers lie in a part of a file."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _grey_with_alpha(data: bytes) -> tuple[Image.Image, Image.Image]:
    """The bytes of a PNG of 16-bit grey with alpha: its pixels are as long as those of 8-bit RGBA, and so read."""
    header = b"IHDR" + data[16:24] + bytes([8, 6]) + data[26:29]
    claimed = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    with Image.open(io.BytesIO(claimed), formats=("PNG",)) as image:
        grey, grey_low, alpha, alpha_low = image.split()
    return Image.merge("RGBA", (grey, grey, grey, alpha)), Image.merge("RGBA", (grey_low,) * 3 + (alpha_low,))


def _be_quiet() -> None:
    """Decoders report damage by errors; what they print beside is for their developers."""
    with suppress(OSError, AttributeError):  # a Pillow without libtiff, or one that hides its names
        library = ctypes.CDLL(_imaging.__file__)
        for name in (
            "TIFFSetErrorHandler",
            "TIFFSetErrorHandlerExt",
            "TIFFSetWarningHandler",
            "TIFFSetWarningHandlerExt",
        ):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, module=r"PIL\.")  # see MAX_PIXELS


_be_quiet()
