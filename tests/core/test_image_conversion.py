"""Transparency, deep grey and blank first frames: the content stays visible, and what was guessed is said."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tellapart.core.image_conversion import EARLIER, Decoding, group_notes
from tellapart.core.image_io import decode

LAID_ON_BLACK = "light on a transparent ground: laid on black"
RAMP = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (8, 1))


def read(data, **options):
    notes = []
    return decode(data, "a", notes=notes, **options), notes


def letter(ink, paper=(0, 0, 0, 0), mode="RGBA"):
    image = Image.new(mode, (40, 30), paper)
    ImageDraw.Draw(image).rectangle((10, 5, 25, 20), fill=ink)
    return image


def png(width, height, depth, colour, raw, *extra, interlaced=0):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    parts = [chunk(name, content) for name, content in extra]
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *parts, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")])


def png_rows(array):
    """Rows of a PNG without a filter; numbers of 16 bits in its order of bytes."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in array)


# --- transparency


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})])
@pytest.mark.parametrize("paper", [(255, 255, 255, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ((255, 255, 255, 255), 0), ((230, 230, 230, 255), 0), ((255, 255, 0, 255), 0), ((255, 255, 255, 90), 0),
        ((0, 0, 0, 255), 255), ((160, 160, 160, 255), 255), ((200, 10, 0, 255), 255), ((0, 0, 0, 90), 255),
    ],
)  # fmt: skip
def test_the_ground_is_what_the_visible_pixels_stand_out_on(encode, kind, options, paper, ink, ground):
    pixels, notes = read(encode(letter(ink, paper), kind, **options))
    assert pixels[0, 0].tolist() == [ground] * 3
    assert abs(int(pixels[10, 15].mean()) - ground) > 40
    assert notes == ([LAID_ON_BLACK] if ground == 0 else [])


def test_grey_with_alpha_and_palettes_are_laid_on_the_ground_that_shows_them(encode):
    assert read(encode(letter((255, 255), (255, 0), "LA")))[0][[0, 10], [0, 15], 0].tolist() == [0, 255]
    palette = letter(1, 0, "P")
    palette.putpalette([255, 255, 255, 250, 250, 250])
    for kind in ("PNG", "GIF"):
        assert read(encode(palette, kind, transparency=0))[0][[0, 10], [0, 15], 0].tolist() == [0, 250]
    assert read(encode(palette, transparency=bytes([0, 255])))[0][[0, 10], [0, 15], 0].tolist() == [0, 250]
    for mode, white in (("1", 1), ("L", 255)):
        image = letter(white, 0, mode)
        assert read(encode(image, transparency=0))[0][[0, 10], [0, 15], 0].tolist() == [0, 255]
        assert read(encode(letter(0, white, mode), transparency=white))[0][[0, 10], [0, 15], 0].tolist() == [255, 0]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_transparent_grey_of_few_bits_is_that_grey(depth):
    most = 2**depth - 1
    row = int("".join(f"{value:0{depth}b}" for value in [0, most] * (8 // depth // 2)).ljust(8, "0"), 2)
    data = png(8 // depth, 1, depth, 0, bytes([0, row]), (b"tRNS", struct.pack(">H", most)))
    assert decode(data)[0, :2, 0].tolist() == [0, 255], "black on white"
    data = png(8 // depth, 1, depth, 0, bytes([0, row]), (b"tRNS", struct.pack(">H", 0)))
    assert decode(data)[0, :2, 0].tolist() == [0, 255], "white on black"


def test_what_is_transparent_throughout_is_blank_and_said(encode):
    pixels, notes = read(encode(letter((9, 9, 9, 0))))
    assert (pixels == 255).all()
    assert notes == ["transparent throughout: blank"]


def test_an_opaque_alpha_changes_nothing_and_says_nothing(encode, draw):
    opaque = Image.fromarray(draw(0) // 8 + 224)
    pixels, notes = read(encode(opaque.convert("RGBA")))
    np.testing.assert_array_equal(pixels, np.asarray(opaque))
    assert notes == []


def test_a_few_transparent_corners_of_a_coloured_picture_stay_white(encode, draw):
    image = Image.fromarray(draw(0)).convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    pixels, notes = read(encode(image))
    assert pixels[0, 0].tolist() == [255] * 3
    assert notes == []


def test_large_pictures_are_composed_in_parts_like_small_ones(encode):
    tall = Image.new("RGBA", (3000, 1500), (255, 255, 255, 0))
    ImageDraw.Draw(tall).rectangle((10, 1400, 500, 1450), fill=(250, 250, 250, 255))
    pixels, _ = read(encode(tall, compress_level=1))
    assert (pixels[1400:1451, 10:501] == 250).all()
    assert pixels.sum(dtype=np.int64) == 250 * 3 * 51 * 491


def test_the_alpha_of_a_bmp_that_is_zero_throughout_means_nothing(encode, draw):
    clear = Image.fromarray(draw(0)).convert("RGBA")
    clear.putalpha(0)
    np.testing.assert_array_equal(decode(encode(clear, "BMP")), draw(0))


def test_a_bmp_whose_alpha_says_something_is_composed():
    def bmp(alphas):
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 2835, 2835, 0, 0) + masks + bytes(52)
        pixels = b"".join(bytes([255, 255, 255, alpha]) for alpha in alphas)
        return b"BM" + struct.pack("<IHHI", 14 + len(header) + 8, 0, 0, 14 + len(header)) + header + pixels

    assert decode(bmp((0, 255)))[0].tolist() == [[0] * 3, [255] * 3]
    assert decode(bmp((0, 0)))[0].tolist() == [[255] * 3] * 2


# --- 16 bits with a transparent number


def test_a_transparent_number_of_16_bits_is_that_number_alone():
    grey = png(3, 1, 16, 0, png_rows(np.array([[1000, 40000, 1001]], np.uint16)), (b"tRNS", struct.pack(">H", 1000)))
    assert decode(grey)[0].tolist() == [[255] * 3, [156] * 3, [4] * 3]
    colours = np.array([[[1000, 1000, 1000], [40000, 0, 0], [1000, 1000, 1001]]], np.uint16)
    data = png(3, 1, 16, 2, png_rows(colours), (b"tRNS", struct.pack(">HHH", 1000, 1000, 1000)))
    assert decode(data)[0].tolist() == [[255] * 3, [156, 0, 0], [3] * 3]
    white = np.array([[[1000, 1000, 1000], [65535, 65535, 65535]]], np.uint16)
    data = png(2, 1, 16, 2, png_rows(white), (b"tRNS", struct.pack(">HHH", 1000, 1000, 1000)))
    assert decode(data)[0].tolist() == [[0] * 3, [255] * 3]


# --- more than 8 bits


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_few_bits_in_sixteen_fill_the_range_and_are_said(encode, bits):
    deep = np.array([[0, 2 ** (bits - 1), 2**bits - 1]])
    for array, kind, of in ((deep.astype(np.uint16), "PNG", 16), (deep.astype(np.uint16), "TIFF", 16),
                            (deep.astype(np.int32), "TIFF", 32)):  # fmt: skip
        pixels, notes = read(encode(Image.fromarray(array), kind))
        assert pixels[0, :, 0].tolist() == [0, 128, 255]
        assert notes == [f"{bits} of {of} bits in use: {2**bits - 1:,} is white"]
    pixels, notes = read(encode(Image.fromarray(deep.astype(np.float32)), "TIFF"))
    assert pixels[0, :, 0].tolist() == [0, 128, 255]
    assert notes == [f"floats: 0 is black and {2**bits - 1:,} is white"]


def test_all_of_sixteen_bits_says_nothing(encode):
    pixels, notes = read(encode(np.array([[0, 32768, 65535]], np.uint16)))
    assert pixels[0, :, 0].tolist() == [0, 128, 255]
    assert notes == []


@pytest.mark.parametrize(
    ("numbers", "grey", "said"),
    [
        ([0, 0.5, 1.02], [0, 128, 255], None),
        ([-0.01, 0.5, 1], [0, 128, 255], None),
        ([0, 0.05, 0.5], [0, 13, 128], None),
        ([-1, 0, 1], [0, 128, 255], "floats: -1 is black and 1 is white"),
        ([0, 1.5, 3], [0, 128, 255], "floats: 0 is black and 3 is white"),
        ([0, 0.0005, 0.001], [0, 128, 255], "floats: 0 is black and 0.001 is white"),
        ([0, 5e5, 1e6], [0, 128, 255], "floats: 0 is black and 1e+06 is white"),
        ([np.nan, 0.5, np.inf], [0, 128, 255], None),
        ([0, 0, 0], [0, 0, 0], "floats: 0 is black and 1 is white"),
        ([-3, -2, -1], [0, 128, 255], "floats: -3 is black and -1 is white"),
        ([np.nan, np.nan, np.nan], [0, 0, 0], "floats: 0 is black and 1 is white"),
    ],
)
def test_floats_are_scaled_by_their_range(encode, numbers, grey, said):
    pixels, notes = read(encode(Image.fromarray(np.array([numbers], np.float32)), "TIFF"))
    assert np.abs(pixels[0, :, 0].astype(int) - grey).max() <= 1
    if said is not None and np.ptp(np.nan_to_num(numbers)):
        assert notes == [said]


def test_whole_numbers_with_a_sign_are_scaled_by_their_range(encode):
    pixels, notes = read(encode(Image.fromarray(np.array([[-1024, 0, 1024]], np.int32)), "TIFF"))
    assert pixels[0, :, 0].tolist() == [0, 128, 255]
    assert notes == ["numbers with a sign: -1,024 is black and 1,024 is white"]


def test_a_tiff_of_8_bits_with_a_sign_is_scaled_by_its_range():
    numbers = np.array([[-64, 0, 63]], np.int8)
    tags = [(256, 3), (257, 1), (258, 8), (262, 1), (273, 200), (277, 1), (278, 1), (279, 3), (339, 2)]
    out = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    for tag, value in tags:
        out += struct.pack("<HHIHH", tag, 3, 1, value, 0)
    pixels, notes = read(out.ljust(200, b"\0") + numbers.tobytes())
    assert pixels[0, :, 0].tolist() == [0, 129, 255]
    assert notes == ["numbers with a sign: -64 is black and 63 is white"]


def test_colours_of_few_bits_in_sixteen_fill_the_range():
    colours = np.array([[[4095, 0, 2048], [0, 4095, 1]]], np.uint16)
    for interlaced in (0, 1):
        one = colours[:, :1] if interlaced else colours  # one pixel is one pass
        pixels, notes = read(png(one.shape[1], 1, 16, 2, png_rows(one), interlaced=interlaced))
        assert pixels[0, 0].tolist() == [255, 0, 128]
        assert notes == ["12 of 16 bits in use: 4,095 is white"]
    alpha = np.array([[[4095, 0, 2048, 65535], [0, 4095, 1, 0]]], np.uint16)
    assert decode(png(2, 1, 16, 6, png_rows(alpha)))[0].tolist() == [[255, 0, 128], [255] * 3]
    grey = np.array([[[1023, 65535], [512, 0], [0, 65535]]], np.uint16)
    assert decode(png(3, 1, 16, 4, png_rows(grey)))[0].tolist() == [[255] * 3, [255] * 3, [0] * 3]
    full = np.array([[[40000, 256, 511]]], np.uint16)
    assert decode(png(1, 1, 16, 2, png_rows(full)))[0].tolist() == [[156, 1, 1]], "as ever: the high bytes"


# --- animations


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_the_first_frame_that_shows_anything_counts(encode, kind, options):
    blank, shown = Image.new("RGBA", (40, 30), (0, 0, 0, 0)), letter((200, 10, 0, 255))
    frames = {"save_all": True, "append_images": [blank, shown, letter((0, 0, 200, 255))], "duration": [10, 20, 30, 40]}
    data = encode(Image.new("RGBA", (40, 30), (255, 255, 255, 255)), kind, **frames, **options)
    pixels, notes = read(data)
    assert np.abs(pixels[10, 15].astype(int) - (200, 10, 0)).max() <= 6
    assert len(notes) == 1
    assert notes[0].startswith("blank frames first: frame ")
    first, said = read(data, decoding=EARLIER)
    assert (first == 255).all()
    assert said == []


def test_the_first_page_that_shows_anything_counts(encode, draw):
    pages = {"save_all": True, "append_images": [Image.fromarray(draw(0)), Image.fromarray(draw(1))]}
    pixels, notes = read(encode(Image.new("RGB", (64, 48), "white"), "TIFF", **pages))
    np.testing.assert_array_equal(pixels, draw(0))
    assert notes == ["blank pages first: page 2 is taken"]
    pixels, notes = read(encode(draw(2), "TIFF", **pages))
    np.testing.assert_array_equal(pixels, draw(2))
    assert notes == []


def test_an_animation_of_blank_frames_alone_is_its_first(encode):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue", "green")]
    pixels, notes = read(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert notes == []


# --- what bundles say of themselves


def test_an_earlier_bundle_sees_what_it_saw(encode):
    white = encode(letter((255, 255, 255, 255)))
    assert (decode(white, decoding=EARLIER) == 255).all()
    deep = encode(np.array([[0, 4095]], np.uint16))
    assert decode(deep, decoding=EARLIER)[0, :, 0].tolist() == [0, 16]
    assert decode(encode(Image.fromarray(np.array([[0, 255]], np.int32)), "TIFF"), decoding=EARLIER)[0, 1, 0] == 1
    assert Decoding().to_json() == {"transparency": "contrast", "deep_grey": "content", "frame": "visible"}


def test_guesses_are_grouped_by_kind():
    notes = [("a", "12 of 16 bits in use: 4,095 is white"), ("b", LAID_ON_BLACK), ("c", LAID_ON_BLACK),
             ("d", "10 of 16 bits in use: 1,023 is white")]  # fmt: skip
    assert group_notes(notes) == [
        "2 images: 12 of 16 bits in use: 4,095 is white, or other numbers: a, d",
        f"2 images: {LAID_ON_BLACK}: b, c",
    ]


def test_a_picture_with_soft_edges_keeps_white_behind_them():
    """An opaque light paper is no light writing: a few soft edges do not turn the ground."""
    pixels = np.full((40, 100, 4), 255, np.uint8)
    pixels[10:30, 20:60, :3] = 30
    pixels[::8, ::10, 3] = 100
    notes: list[str] = []
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    assert decode(buffer.getvalue(), notes=notes)[0].min() == 255
    assert notes == []
