"""What the generators of other languages are told for a picture: options of their own, near their defaults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

Dice = random.Random
Options = dict[str, Any]

DIGITS = "0123456789"


class Foreign(NamedTuple):
    """The script that draws and what it is told; alphabets and lengths where not any goes; its pictures' suffix."""

    script: str
    options: Callable[[Dice, str], Options] = lambda *_: {}
    alphabets: list[str] | None = None
    lengths: dict[int, int] | None = None
    suffix: str = "png"


def colour(dice: Dice, low: int = 0, high: int = 255) -> str:
    """A colour as #rrggbb, each part from low to high."""
    return "#" + "".join(f"{dice.randint(low, high):02x}" for _ in range(3))


def ink_on_paper(dice: Dice) -> tuple[str, str]:
    """Dark on pale, seldom pale on dark."""
    ink, paper = colour(dice, 0, 110), dice.choice(["#ffffff", colour(dice, 190, 255)])
    return (ink, paper) if dice.random() < 0.88 else (paper, ink)


def svg_captcha(dice: Dice, text: str) -> Options:
    """Node's svg-captcha: width and letters' size follow each other."""
    height = dice.randint(40, 70)
    return {
        "width": int(height * (0.55 * len(text) + 0.8)), "height": height,
        "fontSize": int(height * dice.uniform(0.9, 1.15)), "noise": dice.choice([1, 1, 2, 3, 4]),
        "color": dice.random() < 0.5, "background": dice.choice(["", "", colour(dice, 150, 255), colour(dice, 0, 90)]),
    }  # fmt: skip


def ppfun_captcha(dice: Dice, text: str) -> Options:
    """Node's ppfun-captcha: one broken line draws all letters."""
    ink, paper = ink_on_paper(dice)
    filled = dice.random() < 0.1
    return {
        "width": 110 * len(text) + 60, "height": 300, "fontSize": dice.randint(160, 220),
        "fill": ink if filled else "none", "stroke": "none" if filled else ink, "background": paper,
        "style": f"stroke-width: {dice.randint(4, 8)}px;", "nodeDeviation": dice.uniform(1.0, 2.5),
        "connectionPathDeviation": dice.uniform(1.0, 4.0),
        "shown": dice.randint(50, 110),
    }  # fmt: skip


def captcha_canvas(dice: Dice, text: str) -> Options:
    """Node's captcha-canvas: skewed letters, pale decoys, a line through all."""
    size = dice.randint(34, 46)
    colours = [colour(dice, 20, 200) for _ in range(dice.choice([1, 1, 3]))]
    return {
        "size": size, "width": max(200, int(1.3 * size * len(text))), "height": dice.randint(80, 110),
        "skew": dice.random() < 0.8, "rotate": dice.choice([0, 5, 5, 10, 20]), "colors": colours, "color": colours[0],
        "trace": {
            "color": dice.choice([colours[0], colour(dice)]), "size": dice.randint(2, 4),
            "opacity": dice.choice([0, 0.8, 1]),
        },
        "decoy": {"opacity": dice.choice([0, 0.4, 0.6]), "size": dice.randint(14, 22), "total": dice.randint(10, 30)},
    }  # fmt: skip


def react_simple_captcha(dice: Dice, text: str) -> Options:
    """React's react-simple-captcha: plain slanted letters on a canvas."""
    ink, paper = ink_on_paper(dice)
    return {"ink": ink, "ground": paper}


def captchapng(dice: Dice, text: str) -> Options:
    """Node's captchapng and captchapng2: digits of bits, in colour on colour."""
    ground, ink = [0, 0, 0], [0, 0, 0]
    while abs(sum(ground) - sum(ink)) < 200:  # of 765
        ground, ink = ([dice.randint(0, 255) for _ in range(3)] for _ in range(2))
    return {"width": dice.randint(16, 26) * len(text), "height": dice.randint(26, 44), "ground": ground, "ink": ink}


def haileybot(dice: Dice, text: str) -> Options:
    """Node's @haileybot/captcha-generator: large turned letters under bars, discs and specks."""
    return {"height": dice.randint(250, 320), "shown": dice.randint(90, 160)}


def gd_securityimage(dice: Dice, text: str) -> Options:
    """Perl's GD::SecurityImage: one of its styles, particles, in a face or in GD's own letters."""
    ink, paper = ink_on_paper(dice)
    own = dice.random() < 0.25
    size = dice.randint(14, 24)
    scrambled = not own and dice.random() < 0.5
    return {
        "own": own, "ptsize": size, "scramble": int(scrambled), "lines": dice.randint(3, 12),
        "ink": ink, "paper": paper,
        "width": 12 * len(text) + 30 if own else int(size * len(text) * (1.7 if scrambled else 1.15)) + 30,
        "height": dice.randint(28, 40) if own else int(size * 2.6),
        "style": dice.choice(["default", "default", "rect", "box", "circle", "ellipse", "ec"]),
        "line": colour(dice, 90, 230), "send_ctobg": int(dice.random() < 0.3), "thickness": dice.choice([1, 1, 2]),
        "particles": dice.choice([0, 100, 400, 1000]), "dots": dice.choice([1, 1, 2]),
        "frame": int(dice.random() < 0.7),
    }  # fmt: skip


def gregwar_captcha(dice: Dice, text: str) -> Options:
    """PHP's Gregwar/Captcha: bent letters and lines; its effects turn some pictures negative."""
    return {
        "width": int(26 * dice.uniform(0.9, 1.3) * len(text)) + 20, "height": dice.randint(38, 60),
        "angle": dice.choice([4, 8, 8, 12]), "offset": dice.choice([2, 5, 5, 7]), "distortion": dice.random() < 0.85,
        "behind": dice.choice([None, None, 0, 2]), "front": dice.choice([None, None, 0, 1]),
        "background": dice.choice([None, None, [255, 255, 255]]),
    }  # fmt: skip


def text_captcha(dice: Dice, text: str) -> Options:
    """PHP's Text_CAPTCHA: a turned word, lines and rings."""
    ink, paper = ink_on_paper(dice)
    size = dice.randint(18, 28)
    return {
        "width": max(120, size * len(text) + 50), "height": dice.randint(60, 80) + 4 * len(text), "size": size,
        "ink": ink, "paper": paper, "lines": colour(dice, 60, 220),
    }  # fmt: skip


def simple_captcha(dice: Dice, text: str) -> Options:
    """Ruby's simple_captcha2: a word in one of ImageMagick's effects."""
    plain, bold = ["simply_red", "simply_green", "simply_blue"], ["distorted_black", "all_black", "charcoal_grey"]
    return {
        "style": dice.choice([*plain, *bold, "embosed_silver"]), "distortion": dice.choice(["low", "low", "medium"]),
        "implode": dice.choice(["none", "low", "medium"]), "noise": dice.choice([0, 0, 1, 2]),
        "size": f"{18 * len(text) + 10}x{dice.randint(28, 40)}",
    }  # fmt: skip


FOREIGN = {
    "svg-captcha": Foreign("node.mjs", svg_captcha),
    "ppfun-captcha": Foreign("node.mjs", ppfun_captcha),
    "trek-captcha": Foreign("node.mjs", lengths={4: 2, 5: 4, 6: 2}, suffix="gif"),
    "captcha-canvas": Foreign("node.mjs", captcha_canvas),
    "react-simple-captcha": Foreign("node.mjs", react_simple_captcha),
    "captchapng": Foreign("node.mjs", captchapng, [DIGITS]),
    "captchapng2": Foreign("node.mjs", captchapng, [DIGITS]),
    "haileybot-captcha-generator": Foreign("node.mjs", haileybot),
    "authen-captcha": Foreign("perl.pl", alphabets=["abcdefghijklmnopqrstuvwxy23456789"]),
    "gd-securityimage": Foreign("perl.pl", gd_securityimage),
    "gregwar-captcha": Foreign("php.php", gregwar_captcha),
    "text-captcha": Foreign("php.php", text_captcha),
    "simple-captcha2": Foreign("ruby.rb", simple_captcha, suffix="jpg"),
    "ejabberd-captcha": Foreign("ejabberd.sh", alphabets=[DIGITS], lengths={4: 3, 5: 4, 6: 2}),
}
