"""Greys in which large numbers are dark, and kinds of TIFF that are refused by name."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from tellapart.core.errors import ImageError
from tellapart.core.image_io import decode
from tellapart.core.tiff_header import black_is_zero, is_tiff, unread_kind

RAMP = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (8, 1))


def tiff(array, photometric=1, kind=1, order="<", samples=1):
    """An uncompressed TIFF, written by hand."""
    height, width = array.shape[:2]
    data = array.astype(array.dtype.newbyteorder(order)).tobytes()
    bits = array.dtype.itemsize * 8
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 134),
        (277, 3, samples), (278, 4, height), (279, 4, len(data)), (339, 3, kind),
    ]  # fmt: skip
    out = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(tags))
    for tag, short, value in tags:
        number = struct.pack(f"{order}I", value) if short == 4 else struct.pack(f"{order}HH", value, 0)
        out += struct.pack(f"{order}HHI", tag, short, 1) + number
    return out + struct.pack(f"{order}I", 0) + data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "array"),
    [
        (1, RAMP), (1, RAMP.astype(np.uint16) * 257), (2, RAMP.astype(np.int32)), (1, RAMP.astype(np.uint16) * 16),
        (3, (RAMP / 255).astype(np.float32)),
    ],
)  # fmt: skip
def test_a_tiff_in_which_zero_is_white_is_no_negative(order, kind, array):
    positive = decode(tiff(array, 1, kind, order))[..., 0].astype(int)
    assert np.abs(positive - RAMP).max() <= 8
    negative = decode(tiff(array.max() - array, 0, kind, order))[..., 0].astype(int)
    assert np.abs(negative - RAMP).max() <= 8


def test_numbers_without_a_sign_beyond_the_half_are_large():
    top = np.array([[0, 2**31, 2**32 - 1]], np.uint32)
    assert decode(tiff(top))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("array", "kind", "words"),
    [
        (RAMP.astype(np.float64), 3, "a TIFF of 1 sample a pixel, floats of 64 bits (photometric 1)"),
        (RAMP.astype(np.int64), 2, "a TIFF of 1 sample a pixel, whole numbers with a sign of 64 bits (photometric 1)"),
        (RAMP.astype(np.float16), 3, "a TIFF of 1 sample a pixel, floats of 16 bits (photometric 1)"),
    ],
)
def test_a_kind_that_is_not_read_is_named(array, kind, words):
    data = tiff(array, kind=kind)
    assert unread_kind(data) == words
    with pytest.raises(ImageError) as caught:
        decode(data, "a.tif")
    assert caught.value.reason == f"{words}, which is not read; save it as PNG"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_what_is_read_or_damaged_is_no_unread_kind(encode):
    whole = encode(Image.fromarray(RAMP), "TIFF")
    for data in (whole, b"", b"II*\0", whole[:30], b"GIF89a", encode(Image.fromarray(RAMP))):
        assert unread_kind(data) is None


def test_only_a_tiff_that_says_so_is_turned_about(encode):
    assert black_is_zero(tiff(RAMP)) is None
    assert black_is_zero(encode(Image.fromarray(RAMP))) is None
    assert black_is_zero(b"MM\0*") is None
    assert black_is_zero(b"II*\0" + struct.pack("<I", 2**32 - 1)) is None
    data = tiff(RAMP, 0)
    turned = black_is_zero(data)
    assert turned == tiff(RAMP, 1)
    assert is_tiff(turned)


def test_a_tiff_of_64_bit_places_is_read_alike():
    data = (255 - RAMP.astype("<i4")).tobytes()
    tags = [(256, 3, 32), (257, 3, 8), (258, 3, 32), (259, 3, 1), (262, 3, 0), (273, 4, 400), (277, 3, 1), (278, 3, 8),
            (279, 4, len(data)), (339, 3, 2)]  # fmt: skip
    out = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(tags))
    for tag, kind, value in tags:
        out += struct.pack("<HHQQ", tag, kind, 1, value)
    out = (out + bytes(8)).ljust(400, b"\0") + data
    assert black_is_zero(out) is not None
    assert np.abs(decode(out)[..., 0].astype(int) - RAMP).max() <= 8
