"""Decoding images: bytes become RGB pixels, or an `ImageError` with a reason a person can use."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import (  # noqa: F401  (Pillow's lazy plugin loading is not safe among threads: load them here)
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from tellapart.core.errors import ImageError
from tellapart.core.regular_files import read_regular
from tellapart.core.storage import RemotePath

Pixels = npt.NDArray[np.uint8]  # height, width, 3

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")  # a phone's MPO opens as JPEG
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
MAX_PIXELS = 64_000_000  # an 8,000 x 8,000 picture; more is refused before it is decoded

# What Pillow's decoders raise on damaged files, found by feeding them mutated ones.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError,
           OverflowError, AttributeError, struct.error, zlib.error)  # fmt: skip


def decode(data: bytes, file: str = "image", *, max_pixels: int = MAX_PIXELS, at_least: int = 0) -> Pixels:
    """Decode an encoded image to RGB: ``uint8`` of shape (height, width, 3).

    JPEG, PNG, BMP, TIFF, WebP and GIF (first frame), by content and not by name. The EXIF turn is
    applied, transparency is laid on white, 16 bits become 8 by scaling, CMYK and palettes become RGB.

    Args:
        data: encoded bytes.
        file: its name, for messages.
        max_pixels: larger pictures are refused before they are decoded.
        at_least: px; a JPEG may decode at a half, quarter or eighth of its size while both sides stay at least that
            long. That is several times faster where the picture is scaled down next anyway.

    Raises:
        ImageError: the bytes are empty, truncated, no image, or more than ``max_pixels``.

    >>> from PIL import Image
    >>> buffer = io.BytesIO(); Image.new("1", (4, 2), 1).save(buffer, "PNG")
    >>> decode(buffer.getvalue()).shape
    (2, 4, 3)
    """
    return np.array(picture(data, file, max_pixels=max_pixels, at_least=at_least))


def picture(data: bytes, file: str = "image", *, max_pixels: int = MAX_PIXELS, at_least: int = 0) -> Image.Image:
    """Decode like `decode`, to a Pillow image of mode RGB: without a copy where Pillow scales or converts it next.

    Raises:
        ImageError: as in `decode`.

    >>> buffer = io.BytesIO(); Image.new("L", (4, 2)).save(buffer, "PNG")
    >>> picture(buffer.getvalue()).mode
    'RGB'
    """
    with _open(data, file, max_pixels) as image:
        try:
            if at_least and image.format in ("JPEG", "MPO"):
                image.draft(None, (at_least, at_least))
            image.load()
            return _rgb(_upright(image))
        except Image.DecompressionBombError as error:
            raise ImageError(file, str(error)) from error
        except _DAMAGE as error:
            raise ImageError(file, _why(error, data)) from error


def size(data: bytes, file: str = "image", *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in pixels as the header states them, before the EXIF turn.

    Raises:
        ImageError: as in `decode`, but for damage behind the header.
    """
    with _open(data, file, max_pixels) as image:
        return image.size


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        ImageError: the file is missing, cannot be read, or is none: a folder, a device, a pipe.
    """
    try:
        return path.read_bytes() if isinstance(path, RemotePath) else read_regular(path)
    except FileNotFoundError:
        raise ImageError(str(path), "there is no such file") from None
    except OSError as error:
        raise ImageError(str(path), f"the file cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise ImageError(repr(str(path)), f"not a file name: {error}") from error


def is_image_name(name: str | Path) -> bool:
    """Whether a file's name ends like an image's; what it holds is `decode`'s business.

    >>> is_image_name("Cat.JPG"), is_image_name("notes.txt"), is_image_name("._cat.jpg")
    (True, False, False)
    """
    text = os.fspath(name)
    if text.endswith(("/", "\\", ".")):  # a Path knows what stands before these; for every name it is too slow to make
        text = str(Path(text))
    return text.lower().endswith(SUFFIXES) and not os.path.basename(text).startswith(".")  # noqa: PTH119


def image_files(folder: Path) -> list[Path]:
    """The files of a folder, at any depth and sorted, whose names are images'."""
    return sorted(item for item in folder.rglob("*") if is_image_name(item) and item.is_file())


def looks_like_image(data: bytes) -> bool:
    """Whether bytes begin like an image of a known format.

    >>> looks_like_image(b"GIF89a"), looks_like_image(b"a.png")
    (True, False)
    """
    return data.startswith(_MAGIC)


def _open(data: bytes, file: str, max_pixels: int) -> Image.Image:
    if not data:
        raise ImageError(file, "the file is empty")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # the warning, where it is made an error
        raise ImageError(file, f"larger than {max_pixels:,} pixels") from None
    except _DAMAGE as error:
        reason = "the image is damaged" if looks_like_image(data) else "not an image of a known kind"
        raise ImageError(file, f"{reason} (known: {', '.join(FORMATS)})") from error
    width, height = image.size
    if width * height > max_pixels:
        image.close()
        raise ImageError(file, f"{width} x {height} is larger than {max_pixels:,} pixels")
    if not width or not height:
        image.close()
        raise ImageError(file, "the image has no pixels")
    return image


_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"GIF8")


def _why(error: BaseException, data: bytes) -> str:
    text = str(error)
    if any(word in text.lower() for word in ("truncated", "unexpected end", "eof", "more data")):
        return f"the image is truncated after {len(data):,} bytes"
    return f"the image is damaged: {text or type(error).__name__}"


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says. Not by ImageOps, which writes the EXIF anew and fails on an odd one."""
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except _DAMAGE:  # of the metadata, not of the picture
        return image
    return image if turn is None else image.transpose(turn)


_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_deep(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        colour = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("RGB")
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey to 8 bits by the range of the kind, never by clipping."""
    with np.errstate(invalid="ignore"):  # a damaged float may be a signalling NaN
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode == "F":  # by convention 0..1; scans that hold 0..255 or 0..65535 are seen by their peak
        peak = values.max()
        top = 1.0 if peak <= 1 else 255.0 if peak <= 255 else max(65535.0, peak)
    else:
        top = 65535.0 if image.mode != "I" or values.max() <= 65535 else float(2**31 - 1)
    return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))
