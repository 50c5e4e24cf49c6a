"""A scheme a picture: the same everywhere, wide, readable, and refused in words where it cannot be."""

import dataclasses

import numpy as np
import pytest
import yaml

from tellapart.core.errors import ConfigError
from tellapart.synthesis import RandomScheme, Scheme, draw, render, scheme
from tellapart.synthesis.scheme import GROUNDS, STYLES

WORLD = RandomScheme()
SCHEMES = [WORLD.of(0, index) for index in range(600)]


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
    assert {style for each in SCHEMES for style in each.styles} == set(STYLES)
    assert {ground for each in SCHEMES for ground in each.grounds} == set(GROUNDS)
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


BARE = Scheme("bare", width=120, height=48, alphabet="AB3", min_length=3, max_length=3, font_size=(30, 30))


@pytest.mark.parametrize("style", STYLES)
def test_each_style_leaves_ink_where_the_letters_are(style):
    solid, text = render(BARE, 0, 0)
    drawn, same = render(dataclasses.replace(BARE, styles=(style,)), 0, 0)
    assert text == same
    inked = (solid < 128).any(axis=2)
    changed = (drawn != drawn[0, 0]).any(axis=2)
    assert changed[inked].mean() > (0.2 if style == "hollow" else 0.9)
    far = np.ones_like(inked)
    rows, columns = np.nonzero(inked)
    far[max(rows.min() - 4, 0) : rows.max() + 5, max(columns.min() - 4, 0) : columns.max() + 5] = False
    assert not changed[far].any()
    assert (style == "solid") == np.array_equal(solid, drawn)


@pytest.mark.parametrize("ground", GROUNDS[1:])
def test_each_ground_is_no_flat_paper_and_hides_no_letter(ground):
    flat, text = render(BARE, 0, 0)
    drawn, same = render(dataclasses.replace(BARE, grounds=(ground,), paper=("#ffffff", "#d0d8e0")), 0, 0)
    assert text == same
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > len(np.unique(flat.reshape(-1, 3), axis=0))
    black = [(pixels == 0).all(axis=2).sum() for pixels in (flat, drawn)]  # the letters stand elsewhere, as dark
    assert black[1] == pytest.approx(black[0], rel=0.25)


@pytest.mark.parametrize(
    "changes",
    [{"arcs": (3, 3)}, {"boxes": (3, 3)}, {"grid": (10, 10)}, {"decoys": (9, 9)}, {"salt": 0.1}, {"blur": (1.0, 1.0)},
     {"warp_amplitude": 3.0}, {"perspective": 0.3}],
    ids=str,
)  # fmt: skip
def test_each_disturbance_changes_the_picture_but_not_the_text(changes):
    bare, text = render(BARE, 0, 1)
    drawn, same = render(dataclasses.replace(BARE, **changes), 0, 1)
    assert text == same
    assert drawn.shape == bare.shape
    assert not np.array_equal(drawn, bare)


def test_clutter_lies_behind_or_over_the_letters():
    crossed = dataclasses.replace(BARE, lines=(8, 8), line_width=(3.0, 3.0), clutter_ink=("#ff0000",))
    behind, over = render(crossed, 0, 2)[0], render(dataclasses.replace(crossed, over=True), 0, 2)[0]
    letters, red = (behind == 0).all(axis=2), (over == (255, 0, 0)).all(axis=2)
    assert (red & letters).any()
    assert ((behind == (255, 0, 0)).all(axis=2) & letters).sum() == 0 < (red & ~letters).sum()


def test_grey_takes_all_colour():
    pixels, _ = render(dataclasses.replace(BARE, ink=("#a01c1c",), salt=0.05, grey=True), 0, 0)
    assert (pixels == pixels[..., :1]).all()


def test_a_warp_loses_no_letter():
    """What is inked lies inside, with paper around it."""
    for index in range(20):
        pixels, text = render(dataclasses.replace(BARE, warp_amplitude=6.0, perspective=0.4, rotation=20.0), 0, index)
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (edge > 200).all(), text
        assert (pixels < 128).any(), text
