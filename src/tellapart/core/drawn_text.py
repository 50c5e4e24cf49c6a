"""Text in pictures in any script: what Pillow's own font lacks is drawn in a font of this machine that has it."""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tellapart.core.progress import log

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = str | tuple[int, ...]

FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts", "/System/Library/Fonts",
    "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
_LIKELY = re.compile(r"cjk|noto|unifont|symbola|dejavu|gothic|emoji|wqy|droid|malgun|msyh|hiragino|pingfang|arial")
_HEAVY = re.compile(r"black|bold|condensed|heavy|italic|light|oblique|thin")
_BITMAP_SIZE = 109  # px, of the only glyphs that fonts of coloured emoji have
_NOWHERE = "\U0010fffe"  # no font has it: what it looks like, a missing character looks like
_PROBE = 16  # px
SEARCHES = 4  # through all fonts, for each 4,096 code points: there may be a thousand fonts, and as many characters
_scripts: dict[int, tuple[list[Path], list[str]]] = {}  # what such searches found, and for what they were


def draw_text(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, fill: Colour, size: int, anchor: str = "la"
) -> None:
    """Draw a line of text.

    Args:
        pen: of an RGB image.
        at: x and y of the anchor, px.
        text: in any script; where no font has a character, a box stands for it, and a line on stderr says so once.
        fill: its colour.
        size: of the letters, px.
        anchor: l, m or r (left, middle, right), then a, m or s (top, middle, baseline).
    """
    usual = _usual(size)
    runs = _runs(text)
    if all(path is None for _, path in runs):
        pen.text(at, text, fill, usual, anchor=anchor)
        return
    ascent, descent = usual.getmetrics() if isinstance(usual, ImageFont.FreeTypeFont) else (size, 0)
    x = at[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * text_length(text, size)
    y = at[1] + {"a": float(ascent), "m": (ascent - descent) / 2, "s": 0.0}[anchor[1]]
    for part, path in runs:
        font = None if path is None else _opened(path, size)
        if font is not None and font.size != size:
            _paste_bitmaps(pen, (x, y), part, font, size)
        else:
            pen.text((x, y), part, fill, font or usual, anchor="ls")
        x += _length(part, path, size)


def text_length(text: str, size: int) -> float:
    """How wide `draw_text` draws a text, px."""
    return sum(_length(part, path, size) for part, path in _runs(text))


def _runs(text: str) -> list[tuple[str, Path | None]]:
    """The text in parts of one font each; None is Pillow's own."""
    usual = _usual(_PROBE)
    fonts = [None if _has(usual, character) else _font_of(character) for character in text]
    parts = groupby(zip(text, fonts, strict=True), key=lambda pair: pair[1])
    return [("".join(character for character, _ in pairs), path) for path, pairs in parts]


def _length(part: str, path: Path | None, size: int) -> float:
    font = None if path is None else _opened(path, size)
    if font is None:
        return _usual(size).getlength(part)
    return font.getlength(part) * size / font.size


def _paste_bitmaps(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], part: str, font: ImageFont.FreeTypeFont, size: int
) -> None:
    """Draw coloured emoji, which have one size only, and shrink them."""
    large = Image.new("RGBA", (max(1, int(font.getlength(part))), _BITMAP_SIZE * 5 // 4))
    ImageDraw.Draw(large).text((0, _BITMAP_SIZE), part, font=font, anchor="ls", embedded_color=True)
    scale = size / _BITMAP_SIZE
    small = large.resize((max(1, round(large.width * scale)), max(1, round(large.height * scale))))
    pen._image.paste(small, (round(at[0]), round(at[1] - size)), small)


@cache
def _font_of(character: str) -> Path | None:
    """The font of this machine that has a character; None where none has, which is said once."""
    known, searches = _scripts.setdefault(ord(character) >> 12, ([], []))
    for path in known:
        if _holds(path, character):
            return path
    if len(searches) < SEARCHES:
        searches.append(character)
        for path in _installed():
            if _holds(path, character):
                known.append(path)
                return path
    _say_missing()
    return None


def _holds(path: Path, character: str) -> bool:
    font = _opened(path, _PROBE)
    return font is not None and _has(font, character)


@cache
def _installed() -> tuple[Path, ...]:
    """The fonts of this machine, those first that have many scripts."""
    found = [
        Path(parent, name)
        for folder in FOLDERS
        for parent, _, names in os.walk(Path(folder).expanduser())
        for name in names
        if name.lower().endswith((".ttf", ".otf", ".ttc"))
    ]
    return tuple(sorted(found, key=lambda path: _rank(path.name.lower())))


def _rank(name: str) -> tuple[bool, bool, str]:
    return _LIKELY.search(name) is None, _HEAVY.search(name) is not None, name


@lru_cache(maxsize=64)
def _usual(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=256)
def _opened(path: Path, size: int) -> ImageFont.FreeTypeFont | None:
    for each in (size, _BITMAP_SIZE):
        try:
            return ImageFont.truetype(path, each)
        except OSError:  # no such size, or no font
            continue
    return None


@lru_cache(maxsize=4096)
def _has(font: Font, character: str) -> bool:
    if character.isspace() or not isinstance(font, ImageFont.FreeTypeFont):
        return True
    shown, missing = font.getmask(character), font.getmask(_NOWHERE)
    return shown.size != missing.size or bytes(shown) != bytes(missing)


@cache
def _say_missing() -> None:
    log(
        "note: no font of this machine has some characters of the labels, so that a box stands for them in pictures; "
        "install one that has them, such as Noto Sans CJK or Noto Emoji"
    )
