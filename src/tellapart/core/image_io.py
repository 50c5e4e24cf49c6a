"""Decoding images: bytes become RGB pixels, or an `ImageError` with a reason a person can use."""

from __future__ import annotations

import io  # noqa: F401  (of the examples)
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from tellapart.core.errors import ImageError
from tellapart.core.image_conversion import Decoding, Source, is_blank, to_rgb
from tellapart.core.image_opening import DAMAGE, FORMATS, MAX_PIXELS, MAX_SIDE, looks_like_image, open_image
from tellapart.core.image_repair import lacks_end, lacks_rows, mend
from tellapart.core.regular_files import read_regular
from tellapart.core.storage import RemotePath

__all__ = [
    "DECODING", "FORMATS", "MAX_PIXELS", "MAX_SIDE", "SUFFIXES", "Decoding", "Pixels", "decode",
    "is_image_name", "looks_like_image", "picture", "read_bytes", "size",
]  # fmt: skip

Pixels = npt.NDArray[np.uint8]  # height, width, 3

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif",
            ".jfif", ".jpe", ".jif", ".jfi", ".pjpeg", ".pjp", ".dib")  # fmt: skip
DECODING = Decoding()  # of today
MOST_FRAMES = 256  # of an animation, that are looked at for one that shows anything


def decode(
    data: bytes,
    file: str = "image",
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: int = 0,
    decoding: Decoding = DECODING,
    notes: list[str] | None = None,
) -> Pixels:
    """Decode an encoded image to RGB: ``uint8`` of shape (height, width, 3).

    JPEG, PNG, BMP, TIFF, WebP and GIF, by content and not by name. The EXIF turn is applied, CMYK and palettes become
    RGB. What a file leaves open is settled by ``decoding``: transparency, more than 8 bits, the frame of an animation.
    A PNG with damaged side data and a JPEG that lacks only its end mark are read.

    Args:
        data: encoded bytes.
        file: its name, for messages.
        max_pixels: larger pictures are refused before they are decoded; so are those with a side over ``MAX_SIDE``
            px, and those that would take more than 4 bytes for each pixel of this limit, or 2 where samples have more
            than 8 bits.
        at_least: px; a JPEG may decode at a half, quarter or eighth of its size while both sides stay at least that
            long. That is several times faster where the picture is scaled down next anyway.
        decoding: see `tellapart.core.image_conversion.Decoding`.
        notes: what was guessed or left out is added to it, a line each.

    Raises:
        ImageError: the bytes are empty, truncated, no image, or too large.

    >>> from PIL import Image
    >>> buffer = io.BytesIO(); Image.new("1", (4, 2), 1).save(buffer, "PNG")
    >>> decode(buffer.getvalue()).shape
    (2, 4, 3)
    """
    return np.array(picture(data, file, max_pixels=max_pixels, at_least=at_least, decoding=decoding, notes=notes))


def picture(
    data: bytes,
    file: str = "image",
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: int = 0,
    decoding: Decoding = DECODING,
    notes: list[str] | None = None,
) -> Image.Image:
    """Decode like `decode`, to a Pillow image of mode RGB: without a copy where Pillow scales or converts it next.

    Raises:
        ImageError: as in `decode`.

    >>> buffer = io.BytesIO(); Image.new("L", (4, 2)).save(buffer, "PNG")
    >>> picture(buffer.getvalue()).mode
    'RGB'
    """
    said: list[str] = []
    try:
        result = _decoded(data, file, max_pixels, at_least, decoding, said)
    except ImageError as error:
        if (mended := mend(data, max_pixels)) is None:
            raise
        said = [mended[1]]
        try:
            result = _decoded(mended[0], file, max_pixels, at_least, decoding, said)
        except ImageError:
            raise error from None
    if notes is not None:
        notes += said
    return result


def size(data: bytes, file: str = "image", *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in pixels as the header states them, before the EXIF turn.

    Raises:
        ImageError: as in `decode`, but for damage behind the header.
    """
    try:
        image, _ = open_image(data, file, max_pixels)
    except ImageError:
        if (mended := mend(data, max_pixels)) is None:
            raise
        image, _ = open_image(mended[0], file, max_pixels)
    with image:
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
    except IsADirectoryError:
        raise ImageError(str(path), "a folder; give one image in it") from None
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


def _decoded(
    data: bytes, file: str, max_pixels: int, at_least: int, decoding: Decoding, notes: list[str]
) -> Image.Image:
    image, source = open_image(data, file, max_pixels)
    with image:
        try:
            if image.format in ("JPEG", "MPO"):
                if lacks_end(data):
                    raise EOFError("truncated")
                if at_least:
                    image.draft(None, (at_least, at_least))
            _load(image)
            if image.format == "PNG" and lacks_rows(data, image):
                raise EOFError("truncated")
            result = to_rgb(_upright(image), source, decoding, notes)
            if decoding.frame == "visible" and _may_be_animated(image) and is_blank(result):
                result = _later_frame(image, source, decoding, max_pixels, notes) or result
            return result
        except Image.DecompressionBombError as error:
            raise ImageError(file, f"larger than {max_pixels:,} pixels") from error
        except DAMAGE as error:
            raise ImageError(file, _why(error, data)) from error


def _load(image: Image.Image) -> None:
    """Decode without what XMP says of the turn: browsers go by EXIF alone, and editors leave an old XMP behind."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(name, None)  # Pillow turns a TIFF while it decodes
    image.load()


def _may_be_animated(image: Image.Image) -> bool:
    """Whether further pictures may follow; of a TIFF its pages."""
    several = ("PNG", "WEBP", "TIFF")
    return image.format == "GIF" or (image.format in several and bool(getattr(image, "is_animated", False)))


def _later_frame(
    image: Image.Image, source: Source, decoding: Decoding, max_pixels: int, notes: list[str]
) -> Image.Image | None:
    """The first frame after the first that is not of one colour; None where there is none."""
    most = min(max_pixels // (image.width * image.height), MOST_FRAMES)
    for frame in range(1, most + 1):
        said: list[str] = []
        try:
            image.seek(frame)
            result = to_rgb(image, source, decoding, said)
        except DAMAGE:  # the end, or what cannot be read
            return None
        if not is_blank(result):
            what = "page" if image.format == "TIFF" else "frame"
            notes[:] = [f"blank {what}s first: {what} {frame + 1} is taken", *said]
            return result
    return None


def _why(error: BaseException, data: bytes) -> str:
    text = str(error)
    if any(word in text.lower() for word in ("truncated", "unexpected end", "eof", "more data")):
        return f"the image is truncated after {len(data):,} bytes"
    return f"the image is damaged: {text or type(error).__name__}"


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says. Not by ImageOps, which writes the EXIF anew and fails on an odd one."""
    exif = Image.Exif()  # not the image's own, which also hears XMP; a TIFF was turned by Pillow
    try:
        exif.load(image.info.get("exif") or b"")
        turn = _TURNS.get(exif.get(ExifTags.Base.Orientation))
    except DAMAGE:  # of the metadata, not of the picture
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
