"""Bytes to pixels: every kind of picture against a reference, every kind of damage as an ImageError."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tellapart.core import image_io
from tellapart.core.errors import ImageError
from tellapart.core.image_conversion import EARLIER
from tellapart.core.image_io import (
    MAX_PIXELS,
    SUFFIXES,
    decode,
    is_image_name,
    looks_like_image,
    read_bytes,
    size,
)

KNOWN = "(known: JPEG, PNG, BMP, TIFF, WEBP, GIF)"
LOSSLESS = [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})]
LOSSY = [("JPEG", {"quality": 95}), ("JPEG", {"quality": 95, "progressive": True}), ("WEBP", {"quality": 95})]

# Pillow says of damaged metadata what it ignores; that is no failure of the picture.
ignore_pillow = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def png(width, height, pixels=b""):
    """A PNG whose header claims a size, and whose pixels are anything."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


# --- formats


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_formats_give_the_pixels_back(draw, encode, kind, options):
    pixels = draw(0)
    decoded = decode(encode(pixels, kind, **options))
    assert decoded.dtype == np.uint8
    assert decoded.flags.writeable
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize(("kind", "options"), LOSSY)
def test_lossy_formats_give_nearly_the_pixels_back(draw, encode, kind, options):
    pixels = draw(0)
    decoded = decode(encode(pixels, kind, **options)).astype(int)
    assert decoded.shape == pixels.shape
    assert np.abs(decoded - pixels).mean() < 4


def test_the_first_frame_of_an_animation_counts(draw, encode):
    first, second = Image.fromarray(draw(0)).quantize(200), Image.fromarray(draw(1)).quantize(200)
    data = encode(first, "GIF", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    np.testing.assert_array_equal(decode(data), np.asarray(first.convert("RGB")))
    for kind in ("WEBP", "PNG", "TIFF"):
        options = {"save_all": True, "append_images": [Image.fromarray(draw(1))]}
        data = encode(draw(0), kind, **options, **({"lossless": True} if kind == "WEBP" else {}))
        assert Image.open(io.BytesIO(data)).n_frames == 2
        np.testing.assert_array_equal(decode(data), draw(0))


def test_the_main_picture_of_an_mpo_counts(draw, encode):
    data = encode(draw(0), "MPO", quality=95, save_all=True, append_images=[Image.fromarray(draw(1))])
    opened = Image.open(io.BytesIO(data))
    assert (opened.format, opened.n_frames) == ("MPO", 2)
    assert np.abs(decode(data).astype(int) - draw(0)).mean() < 4


def test_a_format_that_is_not_promised_is_refused(draw, encode, refuses):
    for kind in ("PPM", "TGA", "ICO"):
        with refuses(ImageError, f"a.png: not an image of a known kind {KNOWN}"):
            decode(encode(draw(0), kind), "a.png")


def test_content_counts_and_not_the_name(draw, encode, tmp_path):
    path = tmp_path / "not really a.jpg"
    path.write_bytes(encode(draw(0), "PNG"))
    np.testing.assert_array_equal(decode(read_bytes(path), str(path)), draw(0))


@pytest.mark.parametrize("name", ["고양이 사진.png", "🐈.png", "a b  c.png", "é\u0301.png", "-rf.png", "a'b\"c.png"])
def test_any_file_name_will_do(draw, encode, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encode(draw(0)))
    np.testing.assert_array_equal(decode(read_bytes(path), name), draw(0))
    with pytest.raises(ImageError) as caught:
        decode(b"no", name)
    assert caught.value.file == name
    assert caught.value.reason == f"not an image of a known kind {KNOWN}"


# --- the EXIF turn

UPRIGHT = {  # the stored picture to the upright one, by the standard's words for each value
    1: lambda a: a,
    2: lambda a: a[:, ::-1],  # mirrored left to right
    3: lambda a: a[::-1, ::-1],  # upside down
    4: lambda a: a[::-1],  # mirrored top to bottom
    5: lambda a: a.transpose(1, 0, 2),  # mirrored along the falling diagonal
    6: lambda a: np.rot90(a, -1),  # to be turned clockwise
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),  # mirrored along the rising diagonal
    8: lambda a: np.rot90(a, 1),  # to be turned counterclockwise
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("turn", UPRIGHT)
def test_the_exif_turn_is_applied(draw, encode, kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(kind, {})
    data = encode(draw(0), kind, exif=exif, **options)
    upright = UPRIGHT[turn](draw(0))
    decoded = decode(data)
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).max() <= (12 if kind == "JPEG" else 0)
    if kind != "TIFF":  # of which Pillow turns the size as well
        assert size(data) == (64, 48), "the header's size is the stored one"


@pytest.mark.parametrize("turn", [0, 9, 200])
def test_an_exif_turn_out_of_range_is_ignored(draw, encode, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    np.testing.assert_array_equal(decode(encode(draw(0), exif=exif)), draw(0))


@ignore_pillow
@pytest.mark.parametrize(
    "odd",
    [
        struct.pack("<HHI4s", 0x011A, 2, 4, b"abc\0"),  # a resolution that is a text
        struct.pack("<HHI4s", 0x0100, 2, 4, b"abc\0"),  # a width that is a text
        struct.pack("<HHII", 0x9286, 5, 1, 4000),  # a comment beyond the end
    ],
)
def test_odd_metadata_beside_the_turn_is_no_damage_of_the_picture(draw, encode, odd):
    turn = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(sorted([odd, turn])) + bytes(4)
    data = encode(draw(0), "JPEG", quality=95, subsampling=0, exif=exif)
    assert np.abs(decode(data).astype(int) - np.rot90(draw(0), -1)).max() <= 12


# --- kinds of pixel


def test_palettes_become_their_colours(draw, encode):
    palette = Image.fromarray(draw(0)).quantize(64)
    for kind in ("PNG", "BMP", "GIF", "TIFF"):
        np.testing.assert_array_equal(decode(encode(palette, kind)), np.asarray(palette.convert("RGB")))


def test_one_bit_becomes_black_and_white(encode):
    bits = np.random.default_rng(0).random((12, 20)) < 0.5
    for kind, options in (("PNG", {}), ("BMP", {}), ("TIFF", {"compression": "group4"}), ("GIF", {})):
        decoded = decode(encode(Image.fromarray(bits), kind, **options))
        np.testing.assert_array_equal(decoded, np.repeat(np.where(bits, 255, 0)[..., None], 3, axis=2))


def test_grey_fills_three_channels(draw, encode):
    grey = draw(0)[..., 0]
    np.testing.assert_array_equal(decode(encode(grey)), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF big-endian"])
def test_sixteen_bits_are_scaled_and_not_clipped(encode, kind):
    deep = np.array([[0, 128, 129, 257, 32768, 65535 - 129, 65535 - 128, 65535]], dtype=np.uint16)
    if kind == "TIFF big-endian":
        data = encode(Image.frombytes("I;16B", (8, 1), deep.astype(">u2").tobytes()), "TIFF")
    else:
        data = encode(deep, kind)
    assert Image.open(io.BytesIO(data)).mode.startswith("I;16")
    decoded = decode(data)
    assert decoded[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255, 255]
    assert (decoded == decoded[..., :1]).all()


def test_thirty_two_bits_and_floats_are_scaled_by_what_they_hold(encode):
    def first_row(array):
        return decode(encode(Image.fromarray(array), "TIFF"))[0, :, 0].tolist()

    assert first_row(np.array([[0, 257 * 100, 65535]], dtype=np.int32)) == [0, 100, 255]
    assert first_row(np.array([[-5, 0, 2**30, 2**31 - 1]], dtype=np.int32)) == [0, 0, 128, 255]
    assert first_row(np.array([[0, 0.2, 1]], dtype=np.float32)) == [0, 51, 255]
    assert first_row(np.array([[0, 51, 255]], dtype=np.float32)) == [0, 51, 255]
    assert first_row(np.array([[0, 257 * 51, 65535]], dtype=np.float32)) == [0, 51, 255]


def test_floats_that_are_no_numbers_still_make_a_picture(encode):
    for array in ([[np.nan, 0, 1]], [[-np.inf, 0, 1]], [[np.inf, 0, 1]], [[-3e38, 0, 1]]):
        data = encode(Image.fromarray(np.array(array, dtype=np.float32)), "TIFF")
        assert decode(data).shape == (1, 3, 3)
    assert decode(encode(Image.fromarray(np.array([[np.nan, 1]], dtype=np.float32)), "TIFF"))[0, :, 0].tolist() == [
        0,
        255,
    ]


@pytest.mark.parametrize(("kind", "options", "tolerance"), [("TIFF", {}, 1), ("JPEG", {"quality": 95}, 6)])
def test_cmyk_becomes_what_the_inks_leave(encode, kind, options, tolerance):
    for inks in ((0, 0, 0, 0), (255, 0, 0, 0), (0, 200, 50, 30), (0, 0, 0, 255), (10, 20, 30, 40)):
        data = encode(Image.new("CMYK", (16, 16), inks), kind, **options)
        assert Image.open(io.BytesIO(data)).mode == "CMYK"
        colour = [(255 - ink) * (255 - inks[3]) / 255 for ink in inks[:3]]
        assert np.abs(decode(data)[8, 8] - np.array(colour)).max() <= tolerance


def on_white(colour, alpha):
    return np.array(colour) * (alpha / 255) + 255 * (1 - alpha / 255)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(encode, kind):
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    for alpha in (0, 1, 128, 254, 255):
        decoded = decode(encode(Image.new("RGBA", (9, 9), (200, 10, 0, alpha)), kind, **options))
        assert np.abs(decoded[4, 4] - on_white((200, 10, 0), alpha)).max() <= 1


def test_grey_with_alpha_is_laid_on_white(encode):
    for alpha in (0, 100, 255):
        data = encode(Image.new("LA", (9, 9), (40, alpha)))
        assert Image.open(io.BytesIO(data)).mode == "LA"
        assert np.abs(decode(data)[4, 4] - on_white((40, 40, 40), alpha)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_colour_of_a_palette_is_white(encode, kind):
    palette = Image.new("P", (4, 1))
    palette.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200, 7, 7, 7])
    palette.putdata([0, 1, 2, 1])
    decoded = decode(encode(palette, kind, transparency=1))
    assert decoded[0].tolist() == [[10, 20, 30], [255, 255, 255], [0, 0, 200], [255, 255, 255]]


def test_half_transparent_palettes_and_single_colours_are_laid_on_white(encode):
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.putdata([0, 1])
    decoded = decode(encode(palette, transparency=bytes([128, 255])))
    assert np.abs(decoded[0].astype(int) - [on_white((0, 0, 0), 128), (200, 0, 0)]).max() <= 1
    colour = Image.new("RGB", (2, 1), (1, 2, 3))
    colour.putpixel((1, 0), (9, 9, 9))
    assert decode(encode(colour, transparency=(1, 2, 3)))[0].tolist() == [[255] * 3, [9] * 3]
    grey = Image.new("L", (2, 1), 7)
    grey.putpixel((1, 0), 9)
    assert decode(encode(grey, transparency=7))[0].tolist() == [[255] * 3, [9] * 3]


# --- what cannot be used


@ignore_pillow
@pytest.mark.parametrize(
    ("kind", "options"),
    [*LOSSLESS, *LOSSY, ("GIF", {}), ("TIFF", {"compression": "tiff_deflate"}), ("TIFF", {"compression": "jpeg"})],
)
def test_truncated_files_say_so(encode, kind, options):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    whole = encode(noise, kind, **options)
    assert decode(whole).shape == noise.shape
    for share in (0.02, 0.1, 0.3, 0.6, 0.9, 0.97):
        part = whole[: int(len(whole) * share)]
        with pytest.raises(ImageError) as caught:
            decode(part, "a b.png")
        assert caught.value.file == "a b.png"
        assert caught.value.reason in (
            f"the image is truncated after {len(part):,} bytes",
            f"the image is damaged {KNOWN}",
            "the image is damaged: decoder error -2",  # of a TIFF that holds a JPEG
        )


@ignore_pillow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "GIF"])
def test_a_file_cut_in_its_pixels_is_called_truncated(encode, refuses, kind):
    whole = encode(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), kind)
    half = whole[: len(whole) // 2]
    with refuses(ImageError, f"a.jpg: the image is truncated after {len(half):,} bytes"):
        decode(half, "a.jpg")
    if kind != "TIFF":
        assert size(half) == (64, 48), "the header is whole"


def test_an_mpo_cut_in_its_main_picture_is_refused(draw, encode, refuses):
    data = encode(draw(0), "MPO", save_all=True, append_images=[Image.fromarray(draw(1))])
    cut = data[: len(data) // 3]
    with refuses(ImageError, f"a.jpg: the image is truncated after {len(cut):,} bytes"):
        decode(cut, "a.jpg")


def test_a_damaged_checksum_is_called_damage(draw, encode):
    data = bytearray(encode(draw(0)))
    data[data.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(ImageError, match=r"^image: the image is (damaged|truncated)"):
        decode(bytes(data))


def test_an_empty_file_is_called_empty(refuses):
    for function in (decode, size):
        with refuses(ImageError, "a.png: the file is empty"):
            function(b"", "a.png")


@pytest.mark.parametrize(
    "data",
    [b"\0", b"a,b\n1,2\n", b"\0" * 5000, "고양이".encode(), b"404: Not Found"],
)
def test_what_is_no_image_is_said_to_be_none(refuses, data):
    with refuses(ImageError, f"a.png: not an image of a known kind {KNOWN}"):
        decode(data, "a.png")
    with refuses(ImageError, f"a.png: not an image of a known kind {KNOWN}"):
        size(data, "a.png")


def test_pixels_are_counted_before_they_are_decoded(draw, encode, refuses):
    data = encode(draw(0), "PNG")
    assert decode(data, max_pixels=64 * 48).shape == (48, 64, 3)
    for function in (decode, size):
        with refuses(ImageError, "a.png: 64 x 48 is larger than 3,071 pixels"):
            function(data, "a.png", max_pixels=64 * 48 - 1)


def test_a_header_that_claims_too_much_is_refused_unread(refuses):
    with refuses(ImageError, "a.png: 8001 x 8000 is larger than 64,000,000 pixels"):
        decode(png(8001, 8000), "a.png")
    for width, height in ((10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        with refuses(ImageError, "a.png: larger than 64,000,000 pixels"):
            decode(png(width, height), "a.png")
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0)
    with refuses(ImageError, "a.bmp: larger than 64,000,000 pixels"):
        decode(bmp, "a.bmp")
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
    with pytest.raises(ImageError, match=r"^a\.gif: (larger than 64,000,000 pixels|the image is damaged)"):
        decode(gif + b",\0\0\0\0\xff\xff\xff\xff\0\2\2\x44\1\0;", "a.gif")


def test_far_more_pixels_than_the_header_claims_are_not_inflated(refuses):
    bomb = png(4, 4, bytes(30_000_000))
    assert len(bomb) < 50_000
    assert decode(bomb).shape == (4, 4, 3), "what the header promises is there; the rest is never unpacked"


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ImageError, match=r"^a: (the image has no pixels|the image is damaged)"):
        decode(png(0, 5), "a")


def test_missing_files_and_bad_names_are_image_errors(tmp_path, refuses):
    with refuses(ImageError, f"{tmp_path}/한글.png: there is no such file"):
        read_bytes(tmp_path / "한글.png")
    with refuses(ImageError, f"{tmp_path}: a folder; give one image in it"):
        read_bytes(tmp_path)
    with refuses(ImageError, f"{tmp_path}/{'x' * 300}: the file cannot be read: File name too long"):
        read_bytes(tmp_path / ("x" * 300))
    with refuses(ImageError, r"'a\x00b.png': not a file name: embedded null byte"):
        read_bytes("a\0b.png")


def test_names_of_images():
    assert all(
        map(is_image_name, ["a.jpg", "a.JPEG", "b/c.Png", "x.y.webp", "고양이.gif", "a b.tif", "a.TIFF", "a.bmp"])
    )
    assert not any(map(is_image_name, ["a.txt", "png", ".png", "._a.jpg", ".hidden.png", "a.jpg.part", "a.svg", "a"]))


NAMES = st.lists(
    st.sampled_from(["a", ".png", ".TIFF", ".gİf", ".txt", "/", "\\", ".", " ", "\n", "\udcff"]), max_size=6
)


@given(NAMES.map("".join))
def test_names_are_taken_as_pathlib_takes_them(name):
    path = Path(name)
    expected = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    assert is_image_name(name) == is_image_name(path) == expected


def test_first_bytes_of_images(draw, encode):
    assert all(looks_like_image(encode(draw(0), kind)) for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "MPO"))
    assert not any(map(looks_like_image, [b"", b"\xff", b"file,label\n", b"%PDF"]))


# --- mutated bytes


@pytest.fixture(scope="module")
def samples(encode):
    """One small file of every kind, so that a changed byte is likely to matter."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a"
    clear, blank = image.convert("RGBA"), Image.new("RGBA", (13, 9))
    clear.putalpha(Image.fromarray(pixels[..., 1]))
    return [
        encode(image, "JPEG", exif=exif),
        encode(image, "JPEG", progressive=True),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "PNG", exif=exif),
        encode(image.quantize(16), "PNG", transparency=b"\0\1\2"),
        encode(pixels[..., 0].astype(np.uint16) * 257, "PNG"),
        encode(image, "BMP"),
        encode(image.quantize(16), "BMP"),
        encode(image, "TIFF"),
        encode(image, "TIFF", compression="tiff_lzw"),
        encode(pixels[..., 0].astype(np.float32), "TIFF"),
        encode(image, "WEBP", exif=exif),
        encode(image, "GIF"),
        encode(image, "MPO", save_all=True, append_images=[image]),
        encode(image, "JPEG", restart_marker_blocks=1)[:-2],
        encode(clear, "PNG"),
        encode(clear.convert("LA"), "PNG"),
        encode(clear, "BMP"),
        encode(clear, "TIFF"),
        encode(clear, "WEBP", lossless=True),
        encode(Image.fromarray(pixels[..., 0].astype(np.int32)), "TIFF"),
        encode(image.convert("1"), "TIFF", compression="group4"),
        *(encode(blank, kind, save_all=True, append_images=[clear]) for kind in ("GIF", "PNG", "WEBP")),
        encode(image.quantize(16), "GIF", transparency=0),
        png(2, 2, b"\0" * 14),
    ]


@ignore_pillow
@settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample=st.integers(0, 26),
    changes=st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 255), st.sampled_from(["set", "set", "insert", "drop"])),
        max_size=6,
    ),
    cut=st.none() | st.integers(0, 2000),
    at_least=st.sampled_from([0, 4]),
    decoding=st.sampled_from([image_io.DECODING, EARLIER]),
)
def test_changed_bytes_raise_nothing_but_image_errors(samples, sample, changes, cut, at_least, decoding):
    data = bytearray(samples[sample])
    for position, value, how in changes:
        at = position % len(data)
        data[at : at + (how != "insert")] = b"" if how == "drop" else bytes([value])
    options = {"max_pixels": 100_000, "at_least": at_least, "decoding": decoding, "notes": []}
    try:
        decoded = decode(bytes(data[:cut]), "a.png", **options)
    except ImageError as error:
        refusal = error
    else:
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3
        assert decoded.shape[0] * decoded.shape[1] <= 100_000
        assert all(options["notes"])
        return
    assert str(refusal) == f"a.png: {refusal.reason}"
    assert refusal.reason


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_image_errors(data):
    with pytest.raises(ImageError):
        decode(data)


# --- a JPEG at a part of its size


@settings(max_examples=60)
@given(width=st.integers(1, 400), height=st.integers(1, 400), at_least=st.integers(1, 200), turned=st.booleans())
def test_a_smaller_decode_is_never_smaller_than_asked(width, height, at_least, turned):
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(buffer, "JPEG", exif=exif)
    shape = decode(buffer.getvalue(), at_least=at_least).shape[:2]
    stored = shape[::-1] if not turned else shape
    for got, whole in zip(stored, (width, height), strict=True):
        assert min(at_least, whole) <= got <= whole
        assert got in {-(-whole // step) for step in (1, 2, 4, 8)}
    if min(width, height) < 2 * at_least:
        assert stored == (width, height)


def test_a_smaller_decode_shows_the_same_picture_and_takes_the_chance(draw, encode):
    data = encode(draw(0, 640, 480), "JPEG", quality=95)
    small = decode(data, at_least=100)
    assert small.shape == (120, 160, 3)
    whole = np.asarray(Image.fromarray(decode(data)).resize((160, 120), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - whole).mean() < 2
    assert decode(encode(draw(0, 640, 480)), at_least=100).shape == (480, 640, 3), "only a JPEG can"


def test_the_limit_is_of_the_size_that_the_docstring_names():
    assert MAX_PIXELS == 8_000 * 8_000
    assert image_io.FORMATS == ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")


@pytest.mark.parametrize(("kind", "options"), LOSSLESS + LOSSY)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_picture_is_what_decode_gives_and_outlives_its_file(kind, options, mode):
    noise = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, kind, **options)
    picture = image_io.picture(buffer.getvalue())
    assert picture.mode == "RGB"
    assert picture.tobytes() == decode(buffer.getvalue()).tobytes()
    assert picture.resize((3, 2)).size == (3, 2)
