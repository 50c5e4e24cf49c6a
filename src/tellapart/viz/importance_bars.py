"""Named shares as horizontal bars in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from tellapart.core.files import atomic_file
from tellapart.viz.palette import BLUE, INK, SOFT_INK

WIDTH, MARGIN, LINE, BAR = 900, 28, 24, 34  # px
LEFT, LONGEST = 200, 320  # where bars begin, and the length of the whole
LETTERS = 105  # of a note's line


def draw_importance_bars(path: Path, title: str, rows: Sequence[tuple[str, float, str]], notes: Sequence[str]) -> None:
    """Write the picture, whole or not at all.

    Args:
        path: the file.
        title: the heading.
        rows: a name, its share from 0 to 1, and a remark, in the order to be shown.
        notes: what the bars mean, below them; each a paragraph.
    """
    lines = [line for note in notes for line in wrap(note, LETTERS)]
    top = MARGIN + 46
    height = top + BAR * len(rows) + LINE * len(lines) + MARGIN + 8
    image = Image.new("RGB", (WIDTH, height), "white")
    pen = ImageDraw.Draw(image)
    large, usual, small = (ImageFont.load_default(size) for size in (22, 17, 15))
    pen.text((MARGIN, MARGIN - 6), title, fill=INK, font=large)
    for number, (name, share, remark) in enumerate(rows):
        middle = top + BAR * number + BAR // 2
        end = LEFT + max(2, round(LONGEST * share))
        pen.text((LEFT - 12, middle), name, fill=INK, font=usual, anchor="rm")
        pen.rectangle((LEFT, middle - 10, end, middle + 10), fill=BLUE)
        pen.text((end + 8, middle), f"{share:.0%}".replace("%", " %"), fill=INK, font=usual, anchor="lm")
        pen.text((LEFT + LONGEST + 70, middle), remark, fill=SOFT_INK, font=usual, anchor="lm")
    for number, line in enumerate(lines):
        pen.text((MARGIN, top + BAR * len(rows) + 14 + LINE * number), line, fill=SOFT_INK, font=small)
    with atomic_file(path) as temporary:
        image.save(temporary, "PNG")
