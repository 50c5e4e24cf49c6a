"""Grey is told from colour by a sample of the images, and colour that says what is the text from any other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.training.colour import HUES, is_colour_coded, is_grey, stroke_hues


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 75}), ("WEBP", {"quality": 75})])
def test_grey_is_told_from_colour(pictures, kind, options):
    assert is_grey(pictures(60, 40, grey=True, kind=kind, **options))
    assert not is_grey(pictures(60, 40, kind=kind, **options))


def test_one_coloured_picture_makes_a_set_coloured(pictures, draw, encode):
    data = pictures(40, 40, grey=True)
    assert is_grey(data)
    (data.root / "x_3.png").write_bytes(encode(draw(0, 40, 40)))
    assert not is_grey(data)


def test_a_speck_of_colour_is_no_colour_and_a_corner_is(pictures, encode):
    data = pictures(40, 40, grey=True)
    for side, grey in ((3, True), (6, False)):  # 9 and 36 of 1,600 pixels: under and over one in a hundred
        pixels = np.full((40, 40, 3), 90, np.uint8)
        pixels[:side, :side] = (255, 0, 0)
        (data.root / "x_3.png").write_bytes(encode(pixels))
        assert is_grey(data) is grey


@pytest.mark.parametrize(("red", "grey"), [(98, True), (120, False)])
def test_a_faint_cast_is_no_colour_and_a_tint_is(pictures, encode, red, grey):
    data = pictures(40, 40, grey=True)
    (data.root / "x_3.png").write_bytes(encode(np.full((40, 40, 3), (red, 90, 90), np.uint8)))
    assert is_grey(data) is grey


def test_a_damaged_picture_says_nothing_of_colour(pictures):
    data = pictures(40, 40, grey=True)
    (data.root / "x_0.png").write_bytes(b"gone bad since")
    assert is_grey(data)


# --- colour that says what is the text ---------------------------------------------------------------


def letters(seed, ink, text="AKH37", chosen=(0, 2, 3), ground="white"):
    """Letters in a row; ``ink`` gives the colour of each, and is told whether it is chosen."""
    dice = np.random.default_rng(seed)
    image = Image.new("RGB", (120, 40), ground)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    for place, letter in enumerate(text):
        pen.text((4 + 23 * place, 4 + int(dice.integers(0, 4))), letter, fill=ink(dice, place in chosen), font=font)
    return image


def fixed(chosen, others):
    return lambda dice, is_chosen: chosen if is_chosen else others


def any_colour(dice, is_chosen):
    return tuple(dice.integers(0, 200, 3).tolist())


@pytest.fixture
def coded(tmp_path, encode):
    """Whether a set of pictures drawn so counts as colour-coded."""

    def judge(ink, n=30, kind="PNG", **options):
        folder = tmp_path / "set"
        folder.mkdir()
        rows = ["file,label"]
        for seed in range(n):
            (folder / f"{seed}.{kind.lower()}").write_bytes(encode(letters(seed, ink, **options), kind))
            rows.append(f"{seed}.{kind.lower()},ABC{seed}")
        (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
        return is_colour_coded(open_catalog(folder, task="read"))

    return judge


@pytest.mark.parametrize(
    "ink",
    [
        fixed((220, 0, 0), (0, 112, 0)),  # the same grey
        fixed((220, 0, 0), (0, 0, 0)),
        fixed((0, 0, 200), (200, 0, 0)),
        fixed((230, 120, 120), (140, 140, 140)),
        lambda dice, chosen: (220, 0, 0) if chosen else any_colour(dice, chosen),
        lambda dice, chosen: (0, 0, 0) if chosen else (0, 140, 140),
    ],
)
def test_one_ink_beside_others_in_every_picture_is_a_code(coded, ink):
    assert coded(ink)


def test_a_code_survives_jpeg_and_a_coloured_ground(coded):
    assert coded(fixed((200, 0, 0), (0, 0, 0)), kind="JPEG", ground="#f0e8c0")


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        (fixed((0, 0, 200), (0, 0, 200)), "white"),  # one ink
        (fixed((0, 0, 0), (0, 0, 0)), "white"),
        (fixed((0, 0, 200), (0, 0, 200)), "#ffe060"),  # on a coloured ground
        (any_colour, "white"),
        (lambda dice, chosen: [(200, 0, 0), (0, 120, 0), (0, 0, 220), (0, 0, 0)][int(dice.integers(4))], "white"),
    ],
)
def test_one_ink_and_any_inks_are_no_code(coded, ink, ground):
    assert not coded(ink, ground=ground)


def test_a_few_pictures_show_no_code(coded):
    assert not coded(fixed((220, 0, 0), (0, 112, 0)), n=7)


def test_the_hues_of_strokes():
    shares = stroke_hues(np.asarray(letters(0, fixed((255, 0, 0), (0, 0, 0)))))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > 0.3  # red
    assert shares[HUES] > 0.2  # black
    assert not stroke_hues(np.full((20, 20, 3), 90, np.uint8)).any()


@pytest.mark.parametrize("scheme", ["classic", "digits", "plain"])
def test_drawn_schemes_are_no_code(tmp_path, scheme):
    tellapart.generate(scheme, 24, tmp_path / "set", seed=2)
    assert not is_colour_coded(open_catalog(tmp_path / "set", task="read"))
