"""What lies in the place of an image or a table is named, with what to do."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from tellapart.core.errors import ImageError
from tellapart.core.foreign_content import message, other_kind, stand_in
from tellapart.core.image_io import decode, size


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n%abc", "a PDF file, which is not read"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x">', "an SVG file, which is not read"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a film file, which is not read"),
        (b"RIFF\0\0\0\0AVI LIST", "a film file, which is not read"),
        (b"\0" * 128 + b"DICM", "a DICOM file, which is not read"),
        (zipped(), "a ZIP archive and not the image; unpack it"),
        (gzip.compress(b"a" * 99), "a gzip archive and not the image; unpack it"),
        (b'{"error": "not found"}', "a JSON text and not the image, as a failed download leaves it; fetch the image"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied', "an XML text and not the image, as a failed download"),
        (b"data:image/png;base64,iVBORw0KGgo=", "an image as text (base64) and not as bytes; decode it into a file"),
        (b"/9j/4AAQSkZJRgABAQAAAQABAAD", "an image as text (base64) and not as bytes; decode it into a file"),
    ],
)
def test_what_lies_in_the_place_of_an_image(data, said):
    for function in (decode, size):
        with pytest.raises(ImageError) as caught:
            function(data, "a.jpg")
        assert caught.value.reason.startswith(said)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
def test_an_image_is_nothing_else(encode, draw, kind):
    data = encode(draw(0), kind)
    assert [stand_in(data, "image"), message(data), other_kind(data)] == [None] * 3


def test_a_text_is_nothing_else():
    for data in (b"file,label\na.png,cat\n", "이름,라벨".encode(), b"[1, 2]", b""):
        assert [stand_in(data, "table"), message(data), other_kind(data)] == [None] * 3
