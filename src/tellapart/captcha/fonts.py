"""Fonts come from PyPI packages with open licences, never from the machine: a font that is found by luck
gives images that nobody else can draw again."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tellapart.errors import ConfigError, closest


@dataclass(frozen=True)
class Font:
    """One font file: the PyPI package that brings it, the file in it, and its licence."""

    package: str
    file: str
    licence: str


FONTS = {
    "caladea": Font("font-caladea", "Caladea-Bold.ttf", "Apache-2.0"),
    "fredoka-one": Font("font-fredoka-one", "FredokaOne-Regular.ttf", "OFL-1.1"),
    "hanken-grotesk": Font("font-hanken-grotesk", "HankenGrotesk-SemiBold.otf", "OFL-1.1"),
    "lato": Font("font-lato", "Lato-Bold.ttf", "OFL-1.1"),
    "manrope": Font("font-manrope", "Manrope-SemiBold.ttf", "OFL-1.1"),
    "source-sans": Font("font-source-sans-pro", "SourceSansPro-Semibold.ttf", "OFL-1.1"),
    "source-serif": Font("font-source-serif-pro", "SourceSerifPro-Semibold.ttf", "OFL-1.1"),
}


@cache
def font_file(name: str) -> Path:
    """Where the font ``name`` (a key of `FONTS`) lies on this machine.

    Raises:
        ConfigError: there is no such font, or its package is not installed.

    >>> font_file("lato").name
    'Lato-Bold.ttf'
    """
    if name not in FONTS:
        raise ConfigError(f"there is no font {name!r}{closest(name, FONTS)}; known: {', '.join(FONTS)}")
    font = FONTS[name]
    # The package is located, not imported: those modules ask for pkg_resources, which is no longer shipped.
    spec = importlib.util.find_spec(font.package.replace("-", "_"))
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "files" / font.file
        if path.is_file():
            return path
    raise ConfigError(f'the font {name!r} is not installed: pip install "tellapart[generate]"')
