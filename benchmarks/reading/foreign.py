"""CAPTCHAs drawn by generators of others, each as its documentation shows first: what no reader here was built on.

    python -m benchmarks foreign GENERATOR OUT [--n 300] [--font FILE] [--seed 0]

Writes OUT/GENERATOR/labels.csv and images for `python -m benchmarks readers --drawn OUT`. Needs the generator and
Pillow (for claptcha and bettercaptcha one below 10), and nothing else: two of them cannot be installed side by side, as
both are imported as ``captcha``.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

Drawn = Iterator[tuple[bytes, str]]  # PNG (or what the generator makes), and its text

SEED = 0  # what judges a reader; --seed draws others
FREE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without 0, 1, O and I, which fonts draw alike


def _text(dice: random.Random, length: int = 5, alphabet: str = FREE) -> str:
    return "".join(dice.choice(alphabet) for _ in range(length))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"  # for those that bring none; --font names another


def captcha(n: int) -> Drawn:
    """The package ``captcha``."""
    from captcha.image import ImageCaptcha

    dice, drawer = random.Random(SEED), ImageCaptcha()
    for _ in range(n):
        text = _text(dice)
        yield drawer.generate(text).getvalue(), text


def django_simple_captcha(n: int) -> Drawn:
    """A Django application: asked as a browser would, its database in memory."""
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["captcha"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        ROOT_URLCONF="captcha.urls",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from captcha.models import CaptchaStore
    from captcha.views import captcha_image
    from django.core.management import call_command
    from django.test import RequestFactory

    call_command("migrate", verbosity=0)
    for _ in range(n):
        key = CaptchaStore.generate_key()
        answer = captcha_image(RequestFactory().get("/"), key)
        yield answer.content, CaptchaStore.objects.get(hashkey=key).challenge


def wheezy_captcha(n: int) -> Drawn:
    """The drawing steps of ``wheezy.captcha``, in the order its documentation has them."""
    from wheezy.captcha import image as wheezy

    dice = random.Random(SEED)
    draw = wheezy.captcha(
        drawings=[
            wheezy.background(),
            wheezy.text(fonts=[FONT], drawings=[wheezy.warp(), wheezy.rotate(), wheezy.offset()]),
            wheezy.curve(),
            wheezy.noise(),
            wheezy.smooth(),
        ]
    )
    for _ in range(n):
        text = _text(dice, 4)
        yield _png(draw(text)), text


def claptcha(n: int) -> Drawn:
    """``claptcha`` with its defaults and some noise."""
    from claptcha import Claptcha

    dice = random.Random(SEED)
    for _ in range(n):
        text = _text(dice)
        yield _png(Claptcha(text, FONT, noise=0.3).image[1]), text


def flask_simple_captcha(n: int) -> Drawn:
    """``flask-simple-captcha`` with its defaults."""
    from flask_simple_captcha import CAPTCHA

    drawer = CAPTCHA(config={"SECRET_CAPTCHA_KEY": "a key that nobody guesses", "CAPTCHA_LENGTH": 6})
    for _ in range(n):
        made = drawer.create()
        yield base64.b64decode(made["img"]), made["text"]


def captchagen(n: int) -> Drawn:
    """``captchagen`` as its example configures it."""
    from CaptchaGen import CaptchaConfig, CaptchaGenerator

    drawer = CaptchaGenerator(
        str(Path(FONT).parent), CaptchaConfig(noise=True, rotate=True, random_color=True, text_mode="alnum")
    )
    for _ in range(n):
        image, text = drawer.generate()
        yield _png(image), text


def easy_captcha(n: int) -> Drawn:
    """``easy-captcha-python``, its example's size."""
    from easy_captcha import SpecCaptcha

    for _ in range(n):
        made = SpecCaptcha(130, 48, 5)
        stream = io.BytesIO()
        text = made.text()
        made.out(stream)
        yield stream.getvalue(), text


def bettercaptcha(n: int) -> Drawn:
    """``bettercaptcha`` with lines, points and a frame."""
    from bettercaptcha import CaptchaImage

    for _ in range(n):
        made = CaptchaImage(font=FONT, char_amount=6, lines=4, points=60, frame=True)
        image = made.create()
        yield _png(image), made.text


GENERATORS: dict[str, Callable[[int], Drawn]] = {
    "captcha": captcha,
    "django-simple-captcha": django_simple_captcha,
    "wheezy.captcha": wheezy_captcha,
    "claptcha": claptcha,
    "flask-simple-captcha": flask_simple_captcha,
    "captchagen": captchagen,
    "easy-captcha-python": easy_captcha,
    "bettercaptcha": bettercaptcha,
}


def main() -> None:
    """Draw and write."""
    global FONT, SEED
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", choices=list(GENERATORS))
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--font", default=FONT)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    FONT, SEED = given.font, given.seed
    random.seed(SEED)  # most of them draw from Python's own dice
    folder = given.out / given.generator
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label"])
        for number, (data, text) in enumerate(GENERATORS[given.generator](given.n)):
            (folder / "images" / f"{number:04}.png").write_bytes(data)
            table.writerow([f"images/{number:04}.png", text])


if __name__ == "__main__":
    main()
