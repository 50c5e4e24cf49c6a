"""Fonts: from PyPI packages with open licences, or from a named file.

Fonts that the machine happens to have are never used: nobody else could draw the same images.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.core.own_commands import install_command


@dataclass(frozen=True)
class Font:
    """A font file.

    Args:
        package: the PyPI package that brings it.
        file: its name in the package.
        licence: SPDX identifier.
    """

    package: str
    file: str
    licence: str


def _faces(package: str, licence: str, files: dict[str, str]) -> dict[str, Font]:
    return {name: Font(package, file, licence) for name, file in files.items()}


FONTS = {
    **_faces("font-caladea", "Apache-2.0", {
        "caladea": "Caladea-Bold.ttf",
        "caladea-regular": "Caladea-Regular.ttf",
        "caladea-italic": "Caladea-Italic.ttf",
    }),
    **_faces("font-fredoka-one", "OFL-1.1", {"fredoka-one": "FredokaOne-Regular.ttf"}),
    **_faces("font-hanken-grotesk", "OFL-1.1", {
        "hanken-grotesk": "HankenGrotesk-SemiBold.otf",
        "hanken-grotesk-light": "HankenGrotesk-Light.otf",
        "hanken-grotesk-italic": "HankenGrotesk-MediumItalic.otf",
    }),
    **_faces("font-lato", "OFL-1.1", {
        "lato": "Lato-Bold.ttf",
        "lato-regular": "Lato-Regular.ttf",
        "lato-black": "Lato-Black.ttf",
        "lato-italic": "Lato-Italic.ttf",
    }),
    **_faces("font-manrope", "OFL-1.1", {
        "manrope": "Manrope-SemiBold.ttf",
        "manrope-light": "Manrope-Light.ttf",
        "manrope-black": "Manrope-ExtraBold.ttf",
    }),
    **_faces("font-roboto", "Apache-2.0", {
        "roboto": "Roboto-Medium.ttf",
        "roboto-regular": "Roboto-Regular.ttf",
        "roboto-black": "Roboto-Black.ttf",
        "roboto-italic": "Roboto-BoldItalic.ttf",
    }),
    **_faces("font-source-sans-pro", "OFL-1.1", {
        "source-sans": "SourceSansPro-Semibold.ttf",
        "source-sans-regular": "SourceSansPro-Regular.ttf",
        "source-sans-black": "SourceSansPro-Black.ttf",
        "source-sans-italic": "SourceSansPro-It.ttf",
    }),
    **_faces("font-source-serif-pro", "OFL-1.1", {
        "source-serif": "SourceSerifPro-Semibold.ttf",
        "source-serif-regular": "SourceSerifPro-Regular.ttf",
        "source-serif-black": "SourceSerifPro-Black.ttf",
        "source-serif-italic": "SourceSerifPro-SemiboldIt.ttf",
    }),
}  # fmt: skip


def check_font(name: str) -> None:
    """Check that a name can be a font: a key of `FONTS`, or a font file by its ending.

    Raises:
        ConfigError: it is neither.
    """
    if name not in FONTS and not name.lower().endswith((".ttf", ".otf", ".ttc")):
        raise ConfigError(
            f"there is no font {name!r}{did_you_mean(name, FONTS)}; name a .ttf, .otf or .ttc file, or one of: "
            f"{', '.join(FONTS)}"
        )


@cache
def font_file(name: str) -> Path:
    """Return the path of a font.

    Args:
        name: a key of `FONTS`, or the path of a .ttf, .otf or .ttc file.

    Raises:
        ConfigError: there is no such font, or its package is not installed.

    >>> font_file("lato").name
    'Lato-Bold.ttf'
    """
    check_font(name)
    if name not in FONTS:
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(f"the font file {name!r} does not exist")
        return path
    font = FONTS[name]
    # The package is located, not imported: those modules ask for pkg_resources, which is no longer shipped.
    spec = importlib.util.find_spec(font.package.replace("-", "_"))
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "files" / font.file
        if path.is_file():
            return path
    raise ConfigError(f"the font {name!r} is not installed: {install_command('generate')}")
