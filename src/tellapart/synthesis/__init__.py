"""The CAPTCHA generator: a scheme says what the images look like, `render` draws them."""

from tellapart.synthesis.presets import SCHEMES, scheme
from tellapart.synthesis.random_scheme import RandomScheme
from tellapart.synthesis.render import draw, encode, render
from tellapart.synthesis.scheme import Scheme

__all__ = ["SCHEMES", "RandomScheme", "Scheme", "draw", "encode", "render", "scheme"]
