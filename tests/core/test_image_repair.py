"""Files that hold a whole picture but stop a strict decoder: read with a note; those that lack pixels stay refused."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from tellapart.core.errors import ImageError
from tellapart.core.image_io import decode, size
from tellapart.core.image_repair import mend

JPEGS = [
    {}, {"progressive": True}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 1}, {"optimize": True},
    {"subsampling": 0, "quality": 95},
]  # fmt: skip
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)


def read(data):
    notes = []
    return decode(data, "a", notes=notes), notes


def chunk(name, content, wrong=0):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content) ^ wrong)


def with_chunk(data, extra, before=b"IDAT"):
    at = data.index(before) - 4
    return data[:at] + extra + data[at:]


# --- PNG

LARGE = zlib.compress(b"x" * 2_000_000)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + LARGE),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
        chunk(b"iCCP", b"icc\0\0" + LARGE),
        chunk(b"tEXt", b"Comment\0all is well", wrong=1),
        chunk(b"zTXt", b"Comment\0\7nothing packed"),
        chunk(b"iCCP", b"icc\0\7" + LARGE[:9]),
        chunk(b"gAMA", b""),
        chunk(b"pHYs", b"\0"),
        chunk(b"prVt", b"anything", wrong=9),
        b"".join(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000))) for _ in range(70)),
        chunk(b"tEXt", b"a\0b")[:6],
        b"\0\xff\xff\xfftEXtComment\0cut off",
    ],
)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_side_data_never_costs_the_picture(encode, extra, before):
    data = with_chunk(encode(PIXELS), extra, before)
    pixels, _ = read(data)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert size(data) == (9, 8)


def test_side_data_that_is_left_out_is_named(encode):
    _, notes = read(with_chunk(encode(PIXELS), chunk(b"zTXt", b"Comment\0\0" + LARGE)))
    assert notes == ["damaged or large side data is left out (zTXt)"]
    assert read(encode(PIXELS))[1] == []


def test_what_belongs_to_the_picture_stays_when_side_data_is_left_out(encode):
    grey = Image.new("L", (2, 1), 7)
    grey.putpixel((1, 0), 9)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = with_chunk(encode(grey, transparency=7, exif=exif), chunk(b"tEXt", b"a\0b", wrong=1))
    np.testing.assert_array_equal(read(data)[0], [[[255] * 3], [[9] * 3]])


def test_a_transparent_colour_of_a_wrong_checksum_counts_for_nothing(encode):
    grey = Image.new("L", (2, 1), 7)
    grey.putpixel((1, 0), 9)
    pixels, notes = read(with_chunk(encode(grey), chunk(b"tRNS", b"\0\7", wrong=1)))
    assert pixels[0, :, 0].tolist() == [7, 9]
    assert notes == ["damaged or large side data is left out (tRNS)"]


def test_a_png_without_its_end_is_read(encode):
    whole = encode(PIXELS)
    for cut in (4, 8, 12):
        np.testing.assert_array_equal(read(whole[:-cut])[0], PIXELS)


@pytest.mark.parametrize("piece", [b"IDAT", b"\0\0\xff\xffIDAT", b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0\1\1\1\1"])
def test_a_png_of_nothing_but_names_of_chunks_is_given_up(piece):
    """Looking for the next whole chunk has a bound; without one, this takes hours."""
    data = b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xfftEXt" + piece * (1_000_000 // len(piece))
    with pytest.raises(ImageError):
        decode(data)


@pytest.mark.parametrize("at", [17, 24, 25, 60])
def test_damage_of_the_picture_itself_stays_damage(encode, at):
    data = bytearray(with_chunk(encode(PIXELS), chunk(b"tEXt", b"a\0b", wrong=1)))
    data[at if at < 60 else data.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(ImageError, match=r"damaged|truncated|larger"):
        decode(bytes(data))


# The passes of an interlaced PNG: first column and row, and the steps to the next.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def packed(pixels, interlaced, share, depth=8):
    """A PNG of grey whose packed rows end early, well formed otherwise."""
    parts = [pixels[top::down, left::right] for left, top, right, down in (PASSES if interlaced else ((0, 0, 1, 1),))]
    raw = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    raw = raw[: round(len(raw) * share)]
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, 0, 0, 0, interlaced)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("shape", [(24, 32), (1, 9), (9, 1), (7, 5), (2, 2)])
def test_a_png_whose_rows_end_early_is_refused_and_a_black_one_is_not(interlaced, shape):
    grey = np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)
    for pixels in (grey, np.zeros(shape, np.uint8)):
        whole = packed(pixels, interlaced, 1)
        np.testing.assert_array_equal(decode(whole)[..., 0], pixels)
        for share in (0.3, 0.6, 0.9):
            with pytest.raises(ImageError, match=r"the image is (truncated|damaged)"):
                decode(packed(pixels, interlaced, share))


def test_transparency_of_a_wrong_length_counts_for_nothing():
    data = with_chunk(packed(np.array([[7, 9]], np.uint8), 0, 1), chunk(b"tRNS", b"\7"))
    pixels, notes = read(data)
    assert pixels[0, :, 0].tolist() == [7, 9]
    assert notes == ["damaged or large side data is left out (tRNS)"]


# --- JPEG


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_read(encode, draw, options, mode):
    whole = encode(Image.fromarray(draw(1)).convert(mode), "JPEG", **options)
    for data in (whole[:-2], whole[:-1], whole[:-2] + bytes(512)):
        pixels, notes = read(data)
        np.testing.assert_array_equal(pixels, decode(whole))
        assert notes == ["no end mark, though the picture is whole"]
    assert read(whole)[1] == []


@pytest.mark.parametrize("options", JPEGS)
def test_a_jpeg_that_lacks_pixels_is_refused_or_has_them_all(encode, options):
    """A cut that takes no pixel is none; a cut that takes one is never filled up with grey."""
    rng = np.random.default_rng(3)
    for side in (9, 24, 40):
        picture = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((side + 5, side), 3)
        whole = encode(picture, "JPEG", **options)
        for cut in [*range(3, 60), *range(60, len(whole) - 650, 41)]:
            with suppress(ImageError):
                np.testing.assert_array_equal(decode(whole[:-cut]), decode(whole))
        with pytest.raises(ImageError, match="the image is truncated"):
            decode(whole[:-30])


@pytest.mark.parametrize("options", JPEGS)
def test_a_tall_jpeg_that_lacks_many_rows_is_refused(encode, draw, options):
    """Below the rows where the file ends a decoder fills with one grey, whatever follows: those rows tell nothing."""
    whole = encode(draw(1, 300, 400), "JPEG", **options)
    for share in (0.3, 0.5, 0.7, 0.9):
        with pytest.raises(ImageError, match="the image is truncated"):
            decode(whole[: int(len(whole) * share)])


def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(encode, draw):
    whole = encode(draw(0), "JPEG", progressive=True)
    at, cuts = whole.find(b"\xff\xda"), 0
    while (at := whole.find(b"\xff\xda", at + 2)) > 0:
        start = max(whole.rfind(b"\xff\xc4", 0, at), whole.rfind(b"\xff\xda", 0, at))
        for cut in (at, start if whole[start + 1] == 0xC4 else at):
            with pytest.raises(ImageError):
                decode(whole[:cut])
            cuts += 1
    assert cuts >= 8


@pytest.mark.parametrize("options", JPEGS)
def test_what_a_phone_appends_is_no_lack(encode, draw, options):
    whole = encode(draw(0), "JPEG", **options)
    for appended in (b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 9, b"\xff\xd9\xff\xda\0", b"\xff\xd8\xff\xda\0\2"):
        pixels, notes = read(whole + appended)
        np.testing.assert_array_equal(pixels, decode(whole))
        assert notes == []
    with pytest.raises(ImageError, match="truncated"):
        decode(whole[:-40] + b"\xff\xda\0\2")


def test_a_smaller_decode_mends_the_same(encode, draw):
    whole = encode(draw(0, 640, 480), "JPEG")
    assert decode(whole[:-2], at_least=100).shape == (120, 160, 3)


def test_a_jpeg_with_damaged_side_data_is_read_and_keeps_its_turn(encode, draw):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encode(draw(0), "JPEG", exif=exif)
    bad = b"\xff\xe2" + struct.pack(">H", 2 + 14) + b"ICC_PROFILE\0\1"
    np.testing.assert_array_equal(decode(whole[:2] + bad + whole[2:]), decode(whole))


def test_other_files_are_left_alone(encode):
    for kind in ("GIF", "BMP", "TIFF", "WEBP"):
        assert mend(encode(PIXELS, kind)[:-20], 10**6) is None
    for data in (b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\4ab", b"\x89PNG\r\n\x1a\n"):
        mend(data, 10**6)


def test_a_picture_beyond_the_limit_is_not_mended(encode, draw):
    assert mend(encode(draw(0), "JPEG")[:-2], 64 * 48) is not None
    assert mend(encode(draw(0), "JPEG")[:-2], 64 * 48 - 1) is None
