"""One image from (scheme, seed, index): the same everywhere, whole, and of the text it claims."""

import dataclasses
import hashlib
import io

import numpy as np
import PIL
import pytest
from PIL import Image, features

from tellapart.core.errors import ConfigError
from tellapart.synthesis import SCHEMES, Scheme, draw, encode, render, scheme

NAMED = [name for name, each in SCHEMES.items() if isinstance(each, Scheme)]
# Drawn with this Pillow and its FreeType; another may shade the edge of a letter differently.
PINNED = ("12.3.0", "2.14.3")
GOLDEN = {
    "characters": ("K", "7243e915faec91fc"),
    "classic": ("SJLWKK", "7b789514cbd130c2"),
    "plain": ("negrf", "0f3287646885523c"),
    "digits": ("64474", "c4f38c8c1ebdd4b6"),
}


def clean(name: str, **changes: object) -> Scheme:
    """A named scheme with nothing but paper and letters."""
    return dataclasses.replace(scheme(name), lines=(0, 0), spots=(0, 0), noise=0, jpeg_quality=0, **changes)


@pytest.mark.parametrize("name", NAMED)
def test_the_same_image_whenever_and_in_whatever_order(name):
    first = draw(scheme(name), 3, range(6))
    again = draw(scheme(name), 3, reversed(range(6)))[::-1]
    for (pixels, text), (same_pixels, same_text) in zip(first, again, strict=True):
        assert text == same_text
        assert np.array_equal(pixels, same_pixels)
    assert len({pixels.tobytes() for pixels, _ in first}) == 6
    assert not np.array_equal(first[0][0], render(scheme(name), 4, 0)[0])


@pytest.mark.parametrize("name", NAMED)
def test_golden(name):
    pixels, text = render(scheme(name), 2024, 5)
    assert text == GOLDEN[name][0]  # comes from the frozen stream alone
    if (PIL.__version__, features.version("freetype2")) != PINNED:
        pytest.skip(f"pixels are pinned for Pillow {PINNED[0]} with FreeType {PINNED[1]}")
    assert hashlib.sha256((pixels >> 4).tobytes()).hexdigest()[:16] == GOLDEN[name][1]


@pytest.mark.parametrize("name", NAMED)
def test_size_alphabet_and_length(name):
    each = scheme(name)
    lengths = set()
    for pixels, text in draw(each, 0, range(40)):
        assert pixels.shape == (each.height, each.width, 3)
        assert pixels.dtype == np.uint8
        assert set(text) <= set(each.alphabet)
        lengths.add(len(text))
        if each.black_and_white:
            assert set(np.unique(pixels)) == {0, 255}
    assert lengths == set(range(each.min_length, each.max_length + 1))


def test_every_character_of_an_alphabet_comes_up():
    seen = {text for _, text in draw(clean("characters"), 0, range(400))}
    assert seen == set(scheme("characters").alphabet)


HARSH = {"rotation": 60.0, "shear": 0.6, "jitter": 99.0, "stretch": (0.5, 2.0), "elastic_amplitude": 8.0}


@pytest.mark.parametrize("changes", [{}, HARSH, HARSH | {"font_size": (90, 120), "gap": (20.0, 40.0)}])
@pytest.mark.parametrize("name", NAMED)
def test_no_letter_is_cropped(name, changes):
    for pixels, text in draw(clean(name, **changes), 1, range(15)):
        inner = np.zeros(pixels.shape[:2], bool)
        inner[2:-2, 2:-2] = True
        paper = pixels[0, 0]
        assert (pixels[~inner] == paper).all(), text
        assert (pixels[inner] != paper).any(), text


def test_each_letter_leaves_its_own_ink():
    """Without overlap, there are as many separate columns of ink as letters."""
    each = clean("digits", gap=(2.0, 4.0), rotation=0.0)
    for pixels, text in draw(each, 0, range(20)):
        ink = (pixels != pixels[0, 0]).any(axis=(0, 2))
        assert np.count_nonzero(np.diff(ink.astype(int)) == 1) == len(text)


def test_noise_and_jpeg_change_pixels_but_not_the_text():
    bare, text = render(clean("plain"), 0, 0)
    noisy, same = render(dataclasses.replace(clean("plain"), noise=40), 0, 0)
    packed, also = render(dataclasses.replace(clean("plain"), jpeg_quality=30), 0, 0)
    assert text == same == also
    assert 0 < np.abs(noisy.astype(int) - bare).max() <= 40
    assert packed.shape == bare.shape
    assert not np.array_equal(packed, bare)


@pytest.mark.parametrize("name", NAMED)
def test_png_keeps_every_pixel(name):
    pixels, _ = render(scheme(name), 0, 1)
    with Image.open(io.BytesIO(encode(scheme(name), pixels))) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


def test_refusals():
    plain = scheme("plain")
    with pytest.raises(ConfigError, match=r"^seed is -1; it must be within 0 to 4294967295$"):
        render(plain, -1, 0)
    with pytest.raises(ConfigError, match=r"^index is 4294967296; it must be within 0 to 4294967295$"):
        render(plain, 0, 2**32)
    with pytest.raises(ConfigError, match=r"^the font 'lato' has no '語'; take it out of the alphabet or the fonts$"):
        render(dataclasses.replace(plain, alphabet="語", fonts=("lato",)), 0, 0)
