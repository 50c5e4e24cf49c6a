"""The CAPTCHA generator: a scheme says what the images look like, `render` draws them."""

from tellapart.captcha.render import draw, encode, render
from tellapart.captcha.schemes import SCHEMES, Scheme, scheme

__all__ = ["SCHEMES", "Scheme", "draw", "encode", "render", "scheme"]
