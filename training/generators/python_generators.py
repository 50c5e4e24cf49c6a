"""How each package of Python draws a picture. Packages are imported on first use: nobody needs all of them."""

from __future__ import annotations

import importlib.util
import random
import sys
import tempfile
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from PIL import Image, ImageFont, ImageMath

Dice = random.Random
Drawn = tuple[Image.Image, str]

DIGITS, LOWER, UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Generator(NamedTuple):
    """A function of dice, text and face, which returns picture and text; alphabets and lengths where not any goes."""

    draw: Callable[[Dice, str, str], Drawn]
    alphabets: list[str] | None = None
    lengths: dict[int, int] | None = None


def fast_captcha(dice: Dice, text: str, face: str) -> Drawn:
    """``fast-captcha``: letters of any colour, lines, sometimes points."""
    from fast_captcha import img_captcha as package

    module: Any = sys.modules[package.__module__]
    module.text_captcha = lambda _: text  # it has no parameter for it
    return package(
        code_num=len(text), width=dice.randint(28, 36) * len(text), height=dice.randint(38, 48), font_type=face,
        font_size=dice.randint(26, 34), lines_num=dice.randint(2, 6), draw_points=dice.random() < 0.4,
        points_density=dice.randint(1, 5), img_type="png", img_byte="file",
    )  # fmt: skip


def graphic_verification_code(dice: Dice, text: str, face: str) -> Drawn:
    """``graphic-verification-code``: small letters, points and lines, in perspective, edges enhanced."""
    from gvcode import generate

    size = dice.randint(16, 30)
    length = _font(face, size).getlength("".join(f" {letter}" for letter in sorted(set(text))) + " ")
    width = int(length * dice.uniform(1.3, 1.5) + 0.0016 * length**2)  # its perspective cuts the right
    return generate(
        size=(width, int(size * dice.uniform(1.5, 1.9))), chars=sorted(set(text)), font_size=size, font_file=face,
        length=len(set(text)), draw_points=dice.random() < 0.8, point_chance=dice.randint(1, 4),
        line_range=(1, dice.randint(2, 4)), random_color=dice.random() < 0.7,
        fg_color=tuple(dice.randint(0, 160) for _ in range(3)),
    )  # fmt: skip


def x_captcha(dice: Dice, text: str, face: str) -> Drawn:
    """``x-captcha``: letters of any size anywhere in their column, on a coloured ground."""
    from xcaptcha.image import Captcha

    def getsize(font: ImageFont.FreeTypeFont, letters: str) -> tuple[int, int]:  # Pillow 10 took it away
        box = font.getbbox(letters)
        return int(box[2]), int(box[3])

    ImageFont.FreeTypeFont.getsize = getsize  # type: ignore[attr-defined]
    size = (dice.randint(24, 34) * len(text), dice.randint(44, 60))
    label, image = Captcha(size, text, len(text), face).generate()
    return image, label


def guardpycaptcha(dice: Dice, text: str, face: str) -> Drawn:
    """``guardpycaptcha``: OpenCV's stroked letters, JPEG."""
    import base64
    import io

    sys.modules["keyring"] = ModuleType("keyring")  # a desktop's, which drawing does not need
    from cryptography.fernet import Fernet
    from GuardPyCaptcha.Captch import GuardPyCaptcha

    package = GuardPyCaptcha.__new__(GuardPyCaptcha)  # its __init__ asks the keyring
    package.fernet = Fernet(Fernet.generate_key())
    made = package.Captcha_generation(num_char=dice.choice([3, 4, 4, 4, 5]), only_num=dice.random() < 0.3)
    label = package.fernet.decrypt(made["encrypted_response"]).decode()
    return Image.open(io.BytesIO(base64.b64decode(made["image"]))), label


def pyimgcaptcha(dice: Dice, text: str, face: str) -> Drawn:
    """``pyimgcaptcha``: six black letters, turned, and many dots."""
    from pyimgcaptcha import module

    with tempfile.TemporaryDirectory() as folder, _arial(module, face):
        label = module.generate_captcha(f"{folder}/captcha.png", width=dice.randint(290, 330))
        with Image.open(f"{folder}/captcha.png") as image:
            return image.convert("RGB"), label


def light_captcha(dice: Dice, text: str, face: str) -> Drawn:
    """``light-captcha``: digits, each waved, on pale paper; its own face half the time."""
    package = _light_captcha()
    package._generate_number = lambda: text
    package._font_data = Path(face).read_bytes() if dice.random() < 0.5 else package.own_face
    made = package.generate(width=dice.randint(38, 46) * len(text), height=dice.randint(60, 84))
    return made.data, text


@cache
def _light_captcha() -> Any:
    from light_captcha.generator import CaptchaGenerator

    package: Any = CaptchaGenerator()
    package.own_face = package._font_data
    return package


def gbkomi_captcha(dice: Dice, text: str, face: str) -> Drawn:
    """``gbkomi-captcha``: letters turned on rough stripes, three lines, coloured dots."""
    sys.modules["redis"] = ModuleType("redis")  # a server's, which drawing does not need
    from gbkomi_captcha.core import fonts
    from gbkomi_captcha.core.generator import CaptchaGenerator

    fonts._FONT_LIST[:] = [face]
    dark = dice.random() < 0.15
    ink, paper = ((dice.randint(0, 90), dice.randint(215, 250)))[:: -1 if dark else 1]
    config = {
        "width": dice.randint(38, 46) * len(text), "height": dice.randint(54, 72), "font_size": dice.randint(34, 42),
        "text_color": tuple(max(0, ink - dice.randint(0, 60)) for _ in range(3)),
        "background_color": tuple(min(255, paper + dice.randint(0, 15)) for _ in range(3)),
    }  # fmt: skip
    return CaptchaGenerator(config).generate(text)


def captchakit(dice: Dice, text: str, face: str) -> Drawn:
    """``captchakit``: letters turned, few thin lines, one of its themes."""
    import io

    from captchakit.renderers.image import ImageRenderer
    from captchakit.renderers.theme import Theme

    theme = dice.choice([Theme.CLASSIC, Theme.CLASSIC, Theme.DARK, Theme.PASTEL, Theme.HIGH_CONTRAST])
    size = dice.randint(32, 44)
    width = int(max(220 * dice.uniform(0.8, 1.1), len(text) * size * 0.9))
    made = ImageRenderer(width=width, height=2 * size, font_size=size, theme=theme, font_path=face)
    return Image.open(io.BytesIO(made._render_sync(text))), text


def deepcaptcha(dice: Dice, text: str, face: str) -> Drawn:
    """``deepcaptcha``: sheared bold letters, struck through, among dots; its own face half the time."""
    package = _deepcaptcha()
    sizes = [42, 50, 56]
    package.fonts = [ImageFont.truetype(face, size) for size in sizes] if dice.random() < 0.5 else package.own_fonts
    package._generate_random_text = lambda: text
    package.width, package.height = max(280, 50 * len(text)), dice.randint(90, 110)
    package.num_lines, package.line_thickness = dice.randint(2, 8), dice.randint(1, 3)
    package.num_dots = int(dice.uniform(0.0, 0.6) * package.width * package.height * 0.1)
    package.color_mode = dice.random() < 0.7
    package.blur_radius, package.ai_resistance_level = dice.uniform(0.2, 1.1), dice.choice([0, 1, 1])
    package.char_colors = [(180, 0, 0), (0, 150, 0), (0, 0, 180), (150, 0, 150), (139, 69, 19)]
    if not package.color_mode:
        package.char_colors = [(0, 0, 0), (50, 50, 50), (30, 30, 30), (70, 70, 70)]
    return package.generate()


@cache
def _deepcaptcha() -> Any:
    from deepcaptcha import DeepCaptcha

    package: Any = DeepCaptcha()
    package.own_fonts = package.fonts
    return package


def captchagenerator(dice: Dice, text: str, face: str) -> Drawn:
    """``captchagenerator``: outlined letters on a soft ground, waved, one of its styles; shown at a page's size."""
    from CaptchaGenerator.core.constants import STYLES
    from CaptchaGenerator.core.renderer import render_captcha

    image = render_captcha(
        text, font_loader=lambda files, size: _font(files[0], size), fonts=[face],
        difficulty=dice.choice(["easy", "medium", "medium", "hard"]), style=dice.choice(list(STYLES)),
    )  # fmt: skip
    height = dice.randint(60, 110)
    return image.resize((3 * height, height), Image.Resampling.LANCZOS), text


@lru_cache(256)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face, size)


def captchasaz(dice: Dice, text: str, face: str) -> Drawn:
    """``captchasaz``: black letters among coloured rings and lines."""
    import captchaSaz

    captchaSaz.__getpath__ = lambda _: face  # its own faces come without a licence
    return captchaSaz.generate(
        text, width=max(300, 60 * len(text)) + dice.randint(0, 200), height=dice.randint(110, 200),
        incld_circle=dice.random() < 0.8, incld_line=dice.random() < 0.8,
    )  # fmt: skip


def multicolorcaptcha(dice: Dice, text: str, face: str) -> Drawn:
    """``multicolorcaptcha``: four letters on grounds of any colour, turned far."""
    package = _multicolorcaptcha(dice.choice([0, 1, 2, 2, 3]))
    package.l_fonts = [face]
    made = package.gen_captcha_image(
        difficult_level=dice.choice([0, 1, 2, 2, 3]), chars_mode=dice.choice(["nums", "hex", "ascii", "ascii"]),
        multicolor=dice.random() < 0.5, margin=dice.random() < 0.5,
    )  # fmt: skip
    return made["image"], made["characters"]


@cache
def _multicolorcaptcha(size: int) -> Any:
    from multicolorcaptcha import CaptchaGenerator

    return CaptchaGenerator(size)


def fancycaptcha(dice: Dice, text: str, face: str) -> Drawn:
    """MediaWiki's FancyCaptcha: a word stirred into waves, grey blobs. Its script is in Debian's ``mediawiki``."""
    with tempfile.TemporaryDirectory() as folder:
        _fancycaptcha().gen_captcha(text, face, dice.randint(40, 56), f"{folder}/captcha.png")
        with Image.open(f"{folder}/captcha.png") as image:
            return image.convert("RGB"), text


@cache
def _fancycaptcha() -> ModuleType:
    ImageMath.eval = lambda sum_, **images: ImageMath.unsafe_eval(sum_, **images)  # type: ignore[attr-defined]
    script = next(Path(_packages()).glob("mediawiki/usr/share/mediawiki/extensions-core/ConfirmEdit/captcha.py"))
    found = importlib.util.spec_from_file_location("fancycaptcha", script)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _packages() -> str:
    return sys.argv[sys.argv.index("--packages") + 1] if "--packages" in sys.argv else "runs/generators"


class _arial:  # noqa: N801
    """While it lasts, a module that asks for Arial gets another face."""

    def __init__(self, module: Any, face: str) -> None:
        self.fonts, self.face = module.ImageFont, face

    def __enter__(self) -> None:
        self.truetype = self.fonts.truetype
        self.fonts.truetype = lambda _, size: self.truetype(self.face, size)

    def __exit__(self, *_: object) -> None:
        self.fonts.truetype = self.truetype


PYTHON = {
    "captchagenerator": Generator(captchagenerator),
    "captchakit": Generator(captchakit),
    "captchasaz": Generator(captchasaz),
    "deepcaptcha": Generator(deepcaptcha, lengths={4: 2, 5: 5, 6: 2}),
    "fancycaptcha": Generator(fancycaptcha, [LOWER], {4: 1, 5: 2, 6: 2, 7: 2, 8: 3}),
    "fast-captcha": Generator(fast_captcha),
    "gbkomi-captcha": Generator(gbkomi_captcha, [DIGITS, DIGITS, UPPER, UPPER + DIGITS]),
    "graphic-verification-code": Generator(graphic_verification_code),
    "guardpycaptcha": Generator(guardpycaptcha),
    "light-captcha": Generator(light_captcha, [DIGITS]),
    "multicolorcaptcha": Generator(multicolorcaptcha),
    "pyimgcaptcha": Generator(pyimgcaptcha),
    "x-captcha": Generator(x_captcha),
}
