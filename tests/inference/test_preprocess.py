"""The one preprocessing: against a letterbox written by hand, for every size a picture may have."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tellapart.core.errors import BundleError, ImageError
from tellapart.core.image_conversion import EARLIER
from tellapart.inference.preprocess import Preprocess

PHOTO = Preprocess(height=64, width=96, channels=3)
GLYPH = Preprocess(height=32, width=32, channels=1, pad="edge")
TEXT = Preprocess(height=48, width=None, channels=1, pad="edge")
SPECS = [PHOTO, GLYPH, TEXT, Preprocess(height=24, width=None, channels=3, step=8, max_width=160)]
EXTREMES = [(1, 1), (1, 1000), (1000, 1), (1, 48), (5000, 3), (3, 5000), (64, 96), (96, 64), (47, 1025)]

sizes = st.tuples(st.integers(1, 1500), st.integers(1, 1500)) | st.sampled_from(EXTREMES)


def placed(spec, pixels):
    """Where the picture lies on the canvas: left, above, width, height."""
    height, width = pixels.shape[:2]
    fit_width, fit_height = spec.fitted(width, height)
    canvas = spec.canvas_width(width, height)
    left = 0 if spec.width is None else (canvas - fit_width) // 2
    return left, (spec.height - fit_height) // 2, fit_width, fit_height


def by_hand(spec, pixels):
    """The letterbox as Pillow would make it: an empty canvas, and the scaled picture pasted on it."""
    image = Image.fromarray(pixels).convert("L" if spec.channels == 1 else "RGB")
    left, above, width, height = placed(spec, pixels)
    scaled = image.resize((width, height), Image.Resampling.BICUBIC)
    canvas = Image.new(image.mode, (spec.canvas_width(*pixels.shape[1::-1]), spec.height), (128,) * spec.channels)
    if spec.pad == "edge":
        for x in range(canvas.width):
            for y in range(canvas.height):
                inside = (min(max(x - left, 0), width - 1), min(max(y - above, 0), height - 1))
                canvas.putpixel((x, y), scaled.getpixel(inside))
    canvas.paste(scaled, (left, above))
    return np.asarray(canvas).reshape(spec.height, -1, spec.channels)


# --- the geometry


@settings(max_examples=300)
@given(size=sizes, spec=st.sampled_from(SPECS))
def test_a_picture_fits_inside_and_touches_a_border(size, spec):
    width, height = size
    limit = spec.width or spec.max_width
    fit_width, fit_height = spec.fitted(width, height)
    assert 1 <= fit_width <= limit
    assert 1 <= fit_height <= spec.height
    assert fit_width == limit or fit_height == spec.height, "it is as large as can be"


@settings(max_examples=300)
@given(size=sizes, spec=st.sampled_from(SPECS))
def test_the_aspect_is_kept_to_half_a_pixel(size, spec):
    width, height = size
    scale = min(spec.height / height, (spec.width or spec.max_width) / width)
    for got, exact in zip(spec.fitted(width, height), (width * scale, height * scale), strict=True):
        assert abs(got - max(exact, 1)) <= 0.5 + 1e-9


@settings(max_examples=120)
@given(size=sizes, spec=st.sampled_from(SPECS))
def test_the_canvas_is_as_wide_as_it_was_said_to_be(size, spec):
    width, height = size
    made = spec.apply(np.zeros((height, width, 3), np.uint8))
    assert made.shape == (spec.height, spec.canvas_width(width, height), spec.channels)
    assert made.dtype == np.uint8
    assert made.flags.c_contiguous
    if spec.width is None:
        assert made.shape[1] % spec.step == 0
        assert 0 <= made.shape[1] - spec.fitted(width, height)[0] < spec.step
    else:
        assert made.shape[1] == spec.width


@pytest.mark.parametrize(("width", "height"), EXTREMES)
@pytest.mark.parametrize("spec", SPECS)
def test_extreme_shapes_keep_their_colour(spec, width, height):
    made = spec.apply(np.full((height, width, 3), 77, np.uint8))
    left, above, fit_width, fit_height = placed(spec, np.zeros((height, width, 3)))
    assert (made[above : above + fit_height, left : left + fit_width] == 77).all()
    assert (made == 77).all() or spec.pad == "grey"


# --- the pixels


@settings(max_examples=60)
@given(width=st.integers(1, 120), height=st.integers(1, 120), spec=st.sampled_from(SPECS), seed=st.integers(0, 99))
def test_pixels_are_those_of_a_letterbox_by_hand(width, height, spec, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(spec.apply(pixels), by_hand(spec, pixels))


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (150, 150), (40, 30)])
@pytest.mark.parametrize("spec", SPECS)
def test_nothing_is_cropped(spec, width, height):
    """Each corner has a colour of its own, which is still there, in its corner."""
    pixels = np.empty((height, width, 3), np.uint8)
    corners = {(0, 0): 10, (0, 1): 90, (1, 0): 170, (1, 1): 250}
    for (below, right), grey in corners.items():
        rows = slice(height // 2, None) if below else slice(height // 2)
        pixels[rows, slice(width // 2, None) if right else slice(width // 2)] = grey
    made = spec.apply(pixels)
    left, above, fit_width, fit_height = placed(spec, pixels)
    for (below, right), grey in corners.items():
        corner = made[above + below * (fit_height - 1), left + right * (fit_width - 1)]
        assert np.abs(corner.astype(int) - grey).max() <= 2


def test_a_picture_of_the_canvas_size_is_untouched(draw):
    pixels = draw(0, 96, 64)
    np.testing.assert_array_equal(PHOTO.apply(pixels), pixels)
    grey = draw(0, 32, 32)
    np.testing.assert_array_equal(GLYPH.apply(grey)[..., 0], np.asarray(Image.fromarray(grey).convert("L")))


def test_grey_padding_stands_around_a_photo():
    made = PHOTO.apply(np.zeros((64, 48, 3), np.uint8))
    assert (made[:, :24] == 128).all()
    assert (made[:, 24:72] == 0).all()
    assert (made[:, 72:] == 128).all()


def test_edge_padding_repeats_the_outermost_pixels_and_a_text_begins_at_the_left():
    pixels = np.zeros((48, 40, 3), np.uint8)
    pixels[:, -1] = 200
    made = TEXT.apply(pixels)
    assert made.shape == (48, 64, 1)
    assert (made[:, :39] == 0).all()
    assert (made[:, 39:] == 200).all()


def test_one_picture_s_pixels_never_depend_on_the_step(draw):
    wide, narrow = (Preprocess(height=48, width=None, channels=3, step=step) for step in (64, 8))
    pixels = draw(0, 203, 50)
    fit_width = wide.fitted(203, 50)[0]
    np.testing.assert_array_equal(wide.apply(pixels)[:, :fit_width], narrow.apply(pixels)[:, :fit_width])


# --- from bytes


def test_loading_is_decoding_and_applying(draw, encode):
    np.testing.assert_array_equal(PHOTO.load(encode(draw(0, 200, 150))), PHOTO.apply(draw(0, 200, 150)))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(("width", "height"), [(1600, 1200), (300, 1200), (1200, 300)])
def test_a_large_jpeg_comes_out_nearly_the_same_by_its_short_cut(draw, encode, spec, width, height):
    from tellapart.core.image_io import decode

    data = encode(draw(0, width, height), "JPEG", quality=95)
    made = spec.load(data)
    assert made.shape == (spec.height, spec.canvas_width(width, height), spec.channels)
    assert np.abs(made.astype(int) - spec.apply(decode(data))).mean() < 2


@pytest.mark.parametrize("width", range(250, 900, 13))
def test_a_jpeg_is_as_wide_as_its_own_size_says(encode, width):
    for height in (180, 283, 391):
        data = encode(np.zeros((height, width), np.uint8), "JPEG")
        assert TEXT.load(data).shape == (48, TEXT.canvas_width(width, height), 1)


def test_loading_what_is_no_image_names_the_file(refuses):
    with refuses(ImageError, "a.png: the file is empty"):
        PHOTO.load(b"", "a.png")


# --- as JSON


@given(
    st.builds(
        Preprocess,
        height=st.integers(8, 300),
        width=st.none() | st.integers(8, 300),
        channels=st.sampled_from([1, 3]),
        pad=st.sampled_from(["grey", "edge"]),
        step=st.integers(1, 64),
        max_width=st.integers(64, 2048),
        mean=st.lists(st.floats(0, 1), min_size=1, max_size=3).map(tuple),
        std=st.lists(st.floats(0.01, 1), min_size=1, max_size=3).map(tuple),
    )
)
def test_a_spec_survives_json(spec):
    assert Preprocess.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_json_is_plain():
    assert TEXT.to_json() == {
        "height": 48, "width": None, "channels": 1, "pad": "edge", "step": 32, "max_width": 1024,
        "mean": [0.5], "std": [0.5],
        "decoding": {"transparency": "contrast", "deep_grey": "content", "frame": "visible"},
    }  # fmt: skip


def test_a_spec_that_does_not_say_how_to_decode_sees_what_it_saw(encode):
    white = Image.new("RGBA", (48, 48), (255, 255, 255, 0))
    white.paste((255, 255, 255, 255), (10, 10, 30, 30))
    data, notes = encode(white), []
    spec = Preprocess(height=48, width=48, channels=1)
    pixels = spec.load(data, "a", notes)
    assert pixels[0, 0, 0] == 0
    assert pixels[15, 15, 0] == 255
    assert notes == ["light on a transparent ground: laid on black"]
    earlier = spec.to_json()
    del earlier["decoding"]
    assert (Preprocess.from_json(earlier).load(data) == 255).all()
    assert Preprocess.from_json(earlier).decoding == EARLIER


def test_json_of_another_version_is_refused():
    whole = TEXT.to_json()
    for odd in ({**whole, "crop": 0.9}, {key: whole[key] for key in whole if key != "height"},
                {key: whole[key] for key in whole if key != "mean"}, {**whole, "std": None}):  # fmt: skip
        with pytest.raises(BundleError, match=r"^preprocessing spec: .*; the bundle is from another version$"):
            Preprocess.from_json(odd)
