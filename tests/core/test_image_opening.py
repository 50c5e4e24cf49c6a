"""What is refused from the header alone, by its right name, and that decoders stay quiet."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from tellapart.core.errors import ImageError
from tellapart.core.image_io import MAX_SIDE, decode, size
from tellapart.core.image_opening import open_image

KNOWN = "(known: JPEG, PNG, BMP, TIFF, WEBP, GIF)"


def png(width, height, depth, colour):
    """The header of a PNG, and pixels that nobody should want."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(64_000_000, 1), (1, 64_000_000), (MAX_SIDE + 1, 9), (9, MAX_SIDE + 1)])
def test_a_side_has_a_limit(width, height):
    for function in (decode, size):
        with pytest.raises(ImageError, match=rf"^a: {width} x {height} has a side longer than 65,535 pixels$"):
            function(png(width, height, 8, 0), "a")


@pytest.mark.parametrize(("depth", "colour", "bits"), [(16, 2, 48), (16, 6, 64)])
def test_bits_and_channels_count(depth, colour, bits):
    with pytest.raises(ImageError) as caught:
        decode(png(5000, 5000, depth, colour), "a")
    assert caught.value.reason == (
        f"5000 x 5000 of {bits} bits a pixel takes {25_000_000 * bits // 8:,} bytes, more than 128,000,000"
    )
    assert size(png(8000, 8000, 8, 6)) == (8000, 8000)
    assert size(png(8000, 8000, 16, 0)) == (8000, 8000)


def test_bits_of_a_tiff_count(encode):
    for image in (Image.new("RGB", (8, 8)), Image.new("RGBA", (8, 8)), Image.new("I;16", (8, 8))):
        open_image(encode(image, "TIFF"), "a", 64)[0].close()
    floats = encode(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF")
    open_image(floats, "a", 128)[0].close()
    for data, bits, most in ((floats, 32, 127), (deep_colour(), 48, 191)):
        with pytest.raises(
            ImageError, match=f"8 x 8 of {bits} bits a pixel takes {bits * 8} bytes, more than {most * 2}"
        ):
            open_image(data, "a", most)


def deep_colour():
    """The header of a TIFF of 8 x 8 pixels of three times 16 bits."""
    tags = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 3, 200), (262, 3, 1, 2), (273, 4, 1, 300), (277, 3, 1, 3),
            (278, 3, 1, 8), (279, 4, 1, 384)]  # fmt: skip
    out = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    for tag, kind, count, value in tags:
        out += struct.pack("<HHII", tag, kind, count, value)
    return (out + bytes(4)).ljust(200, b"\0") + struct.pack("<HHH", 16, 16, 16) + bytes(500)


def test_scans_of_a_jpeg_count(encode):
    whole = encode(Image.new("RGB", (640, 480)), "JPEG", progressive=True)
    scans = whole.count(b"\xff\xda")
    last = whole[whole.rfind(b"\xff\xda") : -2]
    assert decode(whole, max_pixels=640 * 480).shape == (480, 640, 3)
    many = whole[:-2] + last * (33 - scans) + b"\xff\xd9"
    with pytest.raises(ImageError) as caught:
        decode(many, max_pixels=640 * 480)
    assert caught.value.reason == "640 x 480 in 33 scans takes too long to decode"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF"), (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC"), (b"\xff\x0a\xfa\x7f", "a JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"), (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"8BPS\0\1", "a Photoshop"), (b"v/1\x01\2\0\0\0", "an OpenEXR"),
    ],
)  # fmt: skip
def test_other_kinds_are_refused_by_name(refuses, data, name):
    for function in (decode, size):
        with refuses(ImageError, f"a: {name} file, which is not read {KNOWN}; convert it"):
            function(data + bytes(99), "a")


def test_a_real_avif_is_refused_by_name(encode, draw):
    with pytest.raises(ImageError, match="an AVIF file, which is not read"):
        decode(encode(draw(0), "AVIF"), "a.jpg")


SHOUT = """
import io, sys
import numpy as np
from PIL import Image
from tellapart.core.errors import ImageError
from tellapart.core.image_io import decode
rng = np.random.default_rng(0)
refused = 0
for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits", "group4", "tiff_adobe_deflate"):
    buffer = io.BytesIO()
    image = Image.fromarray(rng.integers(0, 256, (40, 50), dtype=np.uint8))
    (image.convert("1") if compression == "group4" else image).save(buffer, "TIFF", compression=compression)
    for _ in range(60):
        data = bytearray(buffer.getvalue())
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(256)
        try:
            decode(bytes(data))
        except ImageError:
            refused += 1
exif = Image.Exif(); exif[0x0112] = 6
buffer = io.BytesIO(); image.save(buffer, "JPEG", exif=exif)
decode(buffer.getvalue().replace(b"MM\\0*", b"MM\\0\\0"))
print(refused)
"""


def test_decoders_print_nothing():
    done = subprocess.run([sys.executable, "-c", SHOUT], capture_output=True, check=True)
    assert done.stderr == b""
    assert int(done.stdout) > 50


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_xmp_never_turns_a_picture(encode, draw, kind):
    """Browsers go by EXIF alone; editors leave the turn of an earlier state in the XMP."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    options = {"xmp": xmp}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": info}
    elif kind == "TIFF":
        options = {"tiffinfo": {700: xmp}}
    data = encode(draw(0), kind, **options)
    assert decode(data).shape == (48, 64, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind not in ("GIF", "TIFF"):
        assert decode(encode(draw(0), kind, **options, exif=exif)).shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
            "a Git LFS pointer and not the image",
        ),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page and not the image"),
        (b"\n <HTML>\n<head>", "a web page and not the image"),
        (b"<!-- proxy --> <html lang=en>", "a web page and not the image"),
        (b"<svg><html/></svg>", "an SVG file, which is not read"),
    ],
)
def test_what_lies_in_the_place_of_an_image_is_named(data, reason):
    with pytest.raises(ImageError, match=reason):
        open_image(data, "a.jpg", 1_000)
