"""The CAPTCHA generator: a scheme says what the images look like, `render` draws them."""

from tellapart.captcha.named import SCHEMES, scheme
from tellapart.captcha.render import draw, encode, render
from tellapart.captcha.schemes import Scheme
from tellapart.captcha.world import World

__all__ = ["SCHEMES", "Scheme", "World", "draw", "encode", "render", "scheme"]
