"""Named schemes, and schemes in YAML files."""

from __future__ import annotations

from collections.abc import Mapping

from tellapart.core.documents import read_yaml
from tellapart.core.errors import CatalogError, ConfigError, did_you_mean
from tellapart.synthesis.random_scheme import RandomScheme
from tellapart.synthesis.scheme import Scheme

_LIGHT = ("#ffffff", "#f4f1ea", "#eaf2f8", "#eef7ee", "#f9eff3", "#f2f2f2")
_DARK = ("#1d2b53", "#7e2553", "#00603a", "#8a3b12", "#3b3b98", "#2d3436", "#a01c1c", "#0b5563")

SCHEMES: dict[str, Scheme | RandomScheme] = {
    each.name: each
    for each in (
        RandomScheme(),
        Scheme(
            "characters",
            width=52,
            height=32,
            alphabet="234678ACDEFHKMNPRTXY",  # none that one bit confuses: no B beside 8, no G beside 6
            min_length=1,
            max_length=1,
            fonts=("lato", "source-serif", "caladea", "hanken-grotesk", "fredoka-one"),
            font_size=(26, 32),
            rotation=15.0,
            stretch=(0.85, 1.1),
            shear=0.15,
            jitter=2.0,
            elastic_amplitude=1.0,
            elastic_period=32.0,
            spots=(0, 8),
            spot_radius=(0.5, 0.8),
            black_and_white=True,
        ),
        Scheme(
            "classic",
            width=256,
            height=64,
            # Both cases only where they differ in shape: a stretched "c" is a "C", and so is a bent "e".
            alphabet="23456789ABCDEFGHJKLMNPQRSTUVWXYZadfhnrt",
            min_length=6,
            max_length=10,
            fonts=("lato", "source-sans", "source-serif", "caladea", "hanken-grotesk", "manrope"),
            font_size=(34, 42),
            mixed=True,
            rotation=25.0,
            stretch=(0.85, 1.1),
            shear=0.2,
            jitter=5.0,
            gap=(-2.0, 1.0),
            elastic_amplitude=2.5,
            elastic_period=80.0,
            lines=(4, 7),
            line_width=(1.0, 1.8),
            spots=(60, 120),
            spot_radius=(0.6, 1.6),
            paper=_LIGHT,
            ink=_DARK,
            noise=12,
        ),
        Scheme(
            "plain",
            width=160,
            height=60,
            alphabet="23456789abcdefghkmnpqrstuvwxyz",  # no 0 o, no 1 i j l
            min_length=5,
            max_length=5,
            fonts=("lato", "source-sans", "hanken-grotesk", "manrope"),
            font_size=(36, 40),
            rotation=8.0,
            stretch=(0.9, 1.05),
            jitter=3.0,
            gap=(2.0, 5.0),
            lines=(1, 2),
            line_width=(1.0, 1.5),
            paper=_LIGHT,
            ink=_DARK,
        ),
        Scheme(
            "digits",
            width=120,
            height=40,
            alphabet="0123456789",
            min_length=5,
            max_length=5,
            fonts=("lato", "source-sans", "caladea"),
            font_size=(28, 31),
            rotation=4.0,
            stretch=(0.95, 1.05),
            jitter=2.0,
            gap=(2.0, 4.0),
            spots=(10, 25),
            spot_radius=(0.5, 0.8),
            paper=("#f0f0f0", "#e4e4e4"),
            ink=("#202020", "#404040", "#585858"),
            noise=16,
        ),
    )
}


def check_pictures(target: str) -> None:
    """Check that what names no scheme names labelled images.

    Raises:
        CatalogError: there are none; a scheme that is spelt alike is named.

    >>> check_pictures("digit")
    Traceback (most recent call last):
    ...
    tellapart.core.errors.CatalogError: digit: there is no such file or folder (did you mean the scheme 'digits'?)
    """
    from tellapart.data.opening import check_source

    try:
        check_source(target)
    except CatalogError as error:
        hint = did_you_mean(target, SCHEMES).replace("mean ", "mean the scheme ")
        raise CatalogError(f"{error}{hint}") from error


def scheme(name: str) -> Scheme | RandomScheme:
    """Return a named scheme, or the one in a YAML file.

    Args:
        name: a key of `SCHEMES`, or a file that ends in .yaml or .yml.

    Raises:
        ConfigError: there is no such scheme or file, or the file holds none.

    >>> scheme("plain").width
    160
    """
    if name in SCHEMES:
        return SCHEMES[name]
    if not name.endswith((".yaml", ".yml")):
        raise ConfigError(
            f"there is no scheme {name!r}{did_you_mean(name, SCHEMES)}; known: {', '.join(SCHEMES)}, or a .yaml file"
        )
    values = read_yaml(name, "the scheme")
    many = isinstance(values, Mapping) and "alphabets" in values
    try:
        return RandomScheme.from_dict(values) if many else Scheme.from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
