"""A scheme a picture: the same everywhere, wide, readable, and refused in words where it cannot be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import yaml
from PIL import ImageColor

from tellapart.core.errors import ConfigError
from tellapart.synthesis import RandomScheme, Scheme, draw, render, scheme
from tellapart.synthesis.scheme import GROUNDS, STYLES

WORLD = RandomScheme()


SCHEMES = [WORLD.of(0, index) for index in range(600)]


BARE = Scheme("bare", width=120, height=48, alphabet="AB3", min_length=3, max_length=3, font_size=(30, 30))


def test_the_same_picture_whenever_and_in_whatever_order():
    first, again = draw(WORLD, 3, range(8)), draw(WORLD, 3, reversed(range(8)))[::-1]
    for (pixels, text), (same_pixels, same_text) in zip(first, again, strict=True):
        assert text == same_text
        assert np.array_equal(pixels, same_pixels)
    assert not np.array_equal(first[0][0], render(WORLD, 4, 0)[0])


def test_a_picture_is_its_schemes():
    each = WORLD.of(2, 5)
    pixels, text = render(WORLD, 2, 5)
    assert pixels.shape == (each.height, each.width, 3)
    assert len(text) == each.max_length
    assert set(text) <= set(each.alphabet)
    assert np.array_equal(pixels, render(each, 2, 5)[0])


def test_it_is_wide():
    assert {each.max_length for each in SCHEMES} == set(range(3, 13))
    assert {each.alphabet for each in SCHEMES} == set(WORLD.alphabets)
    assert {style for each in SCHEMES for style in each.styles} == set(STYLES[:5])
    assert {ground for each in SCHEMES for ground in each.grounds} == set(GROUNDS[:6])
    assert {font for each in SCHEMES for font in each.fonts} == set(WORLD.fonts)
    for option in ("rotation", "lines", "spots", "arcs", "boxes", "grid", "decoys", "warp_amplitude", "perspective",
                   "blur", "salt", "noise", "jpeg_quality", "elastic_amplitude", "shear", "grey", "over",
                   "black_and_white", "mixed"):  # fmt: skip
        used = [any(value) if isinstance(value := getattr(each, option), tuple) else bool(value) for each in SCHEMES]
        assert 0.03 < np.mean(used) < 0.97, option


def test_letters_differ_from_their_paper():
    def light(colour):
        return sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) / 3

    for each in SCHEMES:
        assert abs(light(each.paper[0]) - light(each.ink[0])) > 25, each.name
        if each.black_and_white:
            assert len({light(colour) < 128 for colour in each.paper}) == 1
            assert {light(each.paper[0]) < 128} != {light(colour) < 128 for colour in each.ink}


def test_it_survives_a_file(tmp_path):
    mine = RandomScheme(
        name="mine", alphabets=("01", "ab"), min_length=2, max_length=2, height=(30, 30), fonts=("lato",)
    )
    file = tmp_path / "mine.yaml"
    file.write_text(f"{mine}\n", encoding="utf-8")
    assert scheme(str(file)) == mine
    assert RandomScheme.from_dict(yaml.safe_load(str(mine))) == mine
    assert {text for _, text in draw(mine, 0, range(60))} == {"00", "01", "10", "11", "aa", "ab", "ba", "bb"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"alphabet": "ab"}, r"unknown option 'alphabet' \(did you mean 'alphabets'\?\)$"),
        ({"min_length": 9, "max_length": 3}, r"min_length is 9, above max_length 3$"),
        ({"min_length": True}, r"min_length is True; it must be a whole number$"),
        ({"height": "tall"}, r"^scheme 'random': height is 'tall'; it must be two whole numbers: \[least, most\]$"),
        ({"height": 20}, r"height is 20; it must be two whole numbers"),
        ({"height": [24.5, 80]}, r"height is \[24\.5, 80\]; it must be two whole numbers"),
        ({"height": [80, 24]}, r"height is \[80, 24\]; the first must not exceed the second$"),
        ({"height": [8, 24]}, r"height is \[8, 24\]; it must be within 16 to 512$"),
        ({"plain": 2}, r"plain is 2\.0; it must be within 0 to 1$"),
        ({"plain": "x"}, r"plain is 'x'; it must be a number$"),
        ({"rotation": 1}, r"rotation is 1\.0; it must be within 2 to 60$"),
        ({"alphabets": []}, r"alphabets is empty$"),
        ({"alphabets": "abc"}, r"alphabets is 'abc'; it must be a list of texts$"),
        ({"fonts": "lato"}, r"fonts is 'lato'; it must be a list of texts$"),
        ({"fonts": ["comic"]}, r"fonts: there is no font 'comic'"),
    ],
)
def test_refusals(values, message):
    with pytest.raises(ConfigError, match=message):
        RandomScheme.from_dict({"name": "random", **values})


def test_grey_takes_all_colour():
    pixels, _ = render(dataclasses.replace(BARE, ink=("#a01c1c",), salt=0.05, grey=True), 0, 0)
    assert (pixels == pixels[..., :1]).all()


WIDE = {
    "aspect": (0.6, 1.6), "margins": 0.3, "hues": 0.2, "gradients": 0.2, "badges": 0.2, "strokes": 0.3, "frames": 0.2,
    "contours": 0.2, "patches": 0.2, "shapes": 0.5, "negatives": 0.2, "bends": 0.3, "slopes": 0.3, "screens": 0.2,
}  # fmt: skip


def test_options_of_the_second_stream_leave_what_the_first_drew():
    plain, wide = RandomScheme(), RandomScheme(aspect=(0.6, 1.6))
    for index in range(50):
        one, other = plain.of(1, index), wide.of(1, index)
        assert one.aspect == 1
        assert 0.6 <= other.aspect <= 1.6
        assert dataclasses.replace(other, aspect=1.0, width=one.width) == one


def test_wide_options_draw_every_look_and_a_picture_each():
    wide = RandomScheme(**WIDE)
    schemes = [wide.of(2, index) for index in range(150)]
    assert sum(bool(each.badges) for each in schemes) > 10
    assert sum(bool(each.frame) for each in schemes) > 10
    assert sum(bool(each.patches[1]) for each in schemes) > 10
    assert sum(each.badge_shape != "round" for each in schemes) > 5
    assert sum(each.negative for each in schemes) > 10
    assert sum(each.bent for each in schemes) > 10
    assert sum(each.rise > 0 for each in schemes) > 10
    assert sum(each.styles[0] in ("striped", "dotted") for each in schemes) > 5
    assert sum("contour" in each.styles and len(each.styles) == 1 for each in schemes) > 10
    for index in range(40):
        pixels, text = render(wide, 2, index)
        assert pixels.shape[:2] == (schemes[index].height, schemes[index].width)
        assert text


def test_equal_lightness_is_equal_in_grey():
    hues = RandomScheme(hues=1.0)
    seen = 0
    for index in range(60):
        scheme = hues.of(3, index)
        if scheme.black_and_white:
            continue
        paper, *inks = (ImageColor.getrgb(colour) for colour in (*scheme.paper, *scheme.ink))
        for ink in inks:
            seen += 1
            grey = [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in (paper, ink)]
            assert abs(grey[0] - grey[1]) < 26
            assert max(abs(one - other) for one, other in zip(paper, ink, strict=True)) > 40
    assert seen > 50
