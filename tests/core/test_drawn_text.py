"""Text in pictures: what Pillow's own font lacks comes from a font of the machine, and what none has is said once."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tellapart.core import drawn_text

SQUARE = "\ue000"  # of private use: no font but ours has it
WIDE = "\ue001"


@pytest.fixture
def no_fonts(monkeypatch, tmp_path):
    """A machine without fonts, whose folder for them is given."""

    def forget():
        for function in (drawn_text._font_of, drawn_text._installed, drawn_text._say_missing, drawn_text._opened):
            function.cache_clear()
        drawn_text._scripts.clear()

    monkeypatch.setattr(drawn_text, "FOLDERS", (str(tmp_path / "fonts"),))
    (tmp_path / "fonts").mkdir()
    forget()
    yield tmp_path / "fonts"
    forget()


def install(folder):
    """A font with two characters: a full square, and one twice as wide."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000)
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    def box(width):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for point in ((0, 800), (width, 800), (width, 0)):
            pen.lineTo(point)
        pen.closePath()
        return pen.glyph()

    builder.setupGlyphOrder([".notdef", "square", "wide"])
    builder.setupCharacterMap({ord(SQUARE): "square", ord(WIDE): "wide"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": box(800), "wide": box(1600)})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "square": (1000, 0), "wide": (2000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(folder / "squares.ttf")


def drawn(text, anchor="la", at=(50, 20), size=20):
    image = Image.new("RGB", (200, 60), "white")
    drawn_text.draw_text(ImageDraw.Draw(image), at, text, "black", size, anchor)
    return np.asarray(image.convert("L"))


@pytest.mark.parametrize("anchor", ["la", "mm", "rm", "ms", "ra"])
def test_usual_text_is_drawn_as_ever(anchor, no_fonts):
    image = Image.new("RGB", (200, 60), "white")
    ImageDraw.Draw(image).text((50, 20), "cat Ü", "black", ImageFont.load_default(20), anchor=anchor)
    assert (drawn("cat Ü", anchor) == np.asarray(image.convert("L"))).all()


def test_a_font_of_the_machine_has_what_the_usual_lacks(no_fonts, capsys):
    install(no_fonts)
    ink = drawn(f"a{SQUARE}") < 128
    assert ink.sum() > 200  # the square alone has 16 x 16
    assert drawn_text.text_length(SQUARE, 20) == pytest.approx(20)
    assert drawn_text.text_length(f"{SQUARE}{WIDE}", 20) == pytest.approx(60)
    right = np.flatnonzero((drawn(f"{WIDE}{SQUARE}", "ra", at=(150, 20)) < 128).any(axis=0))
    assert right[0] == 90
    assert right[-1] < 150
    assert capsys.readouterr().err == ""


def test_what_no_font_has_is_said_once(no_fonts, capsys):
    for _ in range(3):
        assert (drawn(SQUARE) < 200).any()  # a box
    said = capsys.readouterr().err
    assert said.count("no font of this machine has some characters") == 1
    assert "Noto Sans CJK" in said


def test_a_file_that_is_no_font_is_passed_over(no_fonts):
    (no_fonts / "aaa-noto.ttf").write_bytes(b"none")
    install(no_fonts)
    assert (drawn(SQUARE) < 128).sum() > 200


def test_not_every_missing_character_searches_all_fonts(no_fonts, monkeypatch):
    install(no_fonts)
    asked = []
    holds = drawn_text._holds
    monkeypatch.setattr(drawn_text, "_holds", lambda path, character: asked.append(character) or holds(path, character))
    for number in range(100):
        drawn_text._font_of(chr(0xE100 + number))
    assert len(asked) == drawn_text.SEARCHES
