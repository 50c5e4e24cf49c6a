"""The scheme of a CAPTCHA: one flat dataclass of sizes, fonts, colours and disturbances; YAML in and out."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.synthesis.fonts import check_font

# A pair must lie within its range and run from low to high.
_LIMITS: dict[str, tuple[float, float]] = {
    "width": (16, 2048),
    "height": (16, 2048),
    "min_length": (1, 64),
    "max_length": (1, 64),
    "font_size": (8, 512),
    "rotation": (0, 60),
    "stretch": (0.5, 2),
    "shear": (0, 0.6),
    "jitter": (0, 256),
    "gap": (-16, 64),
    "lines": (0, 200),
    "line_width": (0.5, 16),
    "spots": (0, 5000),
    "spot_radius": (0.25, 32),
    "elastic_amplitude": (0, 16),
    "elastic_period": (8, 4096),
    "noise": (0, 255),
    "jpeg_quality": (0, 100),
    "arcs": (0, 100),
    "boxes": (0, 100),
    "grid": (0, 256),
    "decoys": (0, 200),
    "warp_amplitude": (0, 16),
    "warp_period": (8, 4096),
    "perspective": (0, 0.5),
    "blur": (0, 8),
    "salt": (0, 0.5),
    "aspect": (0.4, 2.5),
    "patches": (0, 200),
    "frame": (0, 16),
    "rise": (0, 256),
    "arch": (0, 256),
}
STYLES = ("solid", "hollow", "outlined", "shadow", "embossed", "contour", "striped", "dotted")
GROUNDS = ("flat", "gradient", "stripes", "checks", "clouds", "photo", "hatch")
BADGE_SHAPES = ("round", "gear", "ring", "octagon")
_LEAST_LETTER = 8  # pixels a letter needs to be read at all
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class YamlDataclass:
    """Base of dataclasses that are read and written as YAML; checks the kind and the range of every value."""

    name: str
    min_length: int
    max_length: int
    _limits: ClassVar[Mapping[str, tuple[float, float]]]  # every number's range, both ends allowed, of a pair's too

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = _convert(self._where(field.name), str(field.type), getattr(self, field.name))
            object.__setattr__(self, field.name, value)  # a list becomes a tuple, 3 becomes 3.0
            self._check_range(field.name, value)
        if self.min_length > self.max_length:
            raise ConfigError(f"{self._where('min_length')} is {self.min_length}, above max_length {self.max_length}")

    def __str__(self) -> str:
        """Return the scheme as YAML, which `tellapart.synthesis.scheme` reads back from a file."""
        text: str = yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, default_flow_style=None)
        return text.rstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON.

        >>> from tellapart.synthesis.presets import scheme
        >>> scheme("digits").to_dict()["alphabet"]
        '0123456789'
        """
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))  # type: ignore[arg-type]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    @classmethod
    def check_options(cls, values: Mapping[str, Any], where: str) -> None:
        """Check that every value has its field.

        Args:
            values: option → value.
            where: names the source in errors.

        Raises:
            ConfigError: an option is unknown.
        """
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in values:
            if name not in known:
                raise ConfigError(f"{where}: unknown option {name!r}{did_you_mean(str(name), known)}")

    def _where(self, option: str) -> str:
        return f"scheme {self.name!r}: {option}"

    def _check_range(self, option: str, value: Any) -> None:
        if option not in self._limits:
            return
        low, high = self._limits[option]
        ends = value if isinstance(value, tuple) else (value,)
        if any(not low <= end <= high for end in ends):
            shown = list(value) if isinstance(value, tuple) else value
            raise ConfigError(f"{self._where(option)} is {shown}; it must be within {low:g} to {high:g}")
        if ends[0] > ends[-1]:
            raise ConfigError(f"{self._where(option)} is {list(value)}; the first must not exceed the second")


@dataclass(frozen=True)
class Scheme(YamlDataclass):
    """The look of a CAPTCHA. Lengths are in pixels, angles in degrees, pairs are (least, most).

    Raises:
        ConfigError: a value is of the wrong kind or out of its range.

    >>> tiny = Scheme("tiny", width=40, height=20, alphabet="01", min_length=2, max_length=2)
    >>> print(tiny)  # doctest: +ELLIPSIS
    name: tiny
    width: 40
    height: 20
    alphabet: '01'
    ...
    >>> Scheme.from_dict(tiny.to_dict()) == tiny
    True
    """

    _limits = _LIMITS

    name: str
    width: int
    height: int
    alphabet: str
    min_length: int
    max_length: int

    fonts: tuple[str, ...] = ("lato",)  # keys of `fonts.FONTS`, or font files
    font_size: tuple[int, int] = (28, 32)  # shrunk where the text would not fit
    mixed: bool = False  # every letter has its own font, size, ink and style, not one for the whole text
    styles: tuple[str, ...] = ("solid",)  # of `STYLES`

    # How a letter lies.
    rotation: float = 0.0  # turned by up to this, either way
    stretch: tuple[float, float] = (1.0, 1.0)  # of its width and its height, each on its own
    aspect: float = 1.0  # width of all letters, as a factor of the font's own
    shear: float = 0.0  # leans by up to this part of its height
    jitter: float = 0.0  # moved up or down by up to this
    rise: float = 0.0  # the line of text climbs or falls by up to this from its first letter to its last
    arch: float = 0.0  # the middle of the line of text lies above or below its ends by up to this
    gap: tuple[float, float] = (1.0, 3.0)  # between the ink of neighbours; below zero they overlap
    elastic_amplitude: float = 0.0  # bends of a sum of waves, moving no point by more than this
    elastic_period: float = 64.0  # the mean length of those waves

    # What lies behind the letters, or over them.
    grounds: tuple[str, ...] = ("flat",)  # of `GROUNDS`
    over: bool = False  # lines, spots and the like lie over the letters
    clutter_ink: tuple[str, ...] = ()  # theirs; that of the letters if none is given
    lines: tuple[int, int] = (0, 0)
    line_width: tuple[float, float] = (1.0, 2.0)
    bent: bool = False  # lines are straight with sharp bends, not curves
    negative: bool = False  # where they lie over the letters, they turn what they cover into its negative
    spots: tuple[int, int] = (0, 0)
    spot_radius: tuple[float, float] = (0.5, 1.5)
    arcs: tuple[int, int] = (0, 0)
    boxes: tuple[int, int] = (0, 0)
    grid: tuple[int, int] = (0, 0)  # pixels between the lines of a grid; 0 is none
    decoys: tuple[int, int] = (0, 0)  # small faint letters that are not of the text

    patches: tuple[int, int] = (0, 0)  # filled discs and boxes behind the letters, each in a colour of `clutter_ink`
    badges: tuple[str, ...] = ()  # colours of a disc or a box behind each letter
    badge_shape: str = "round"  # of `BADGE_SHAPES`; of "round", three in ten are boxes
    frame: int = 0  # width of a line around the picture

    # What is done to the whole picture.
    warp_amplitude: float = 0.0  # waves
    warp_period: float = 64.0
    perspective: float = 0.0  # how far each corner may move inwards, of the way to the middle

    # Colour, and what a bad copy does to it.
    paper: tuple[str, ...] = ("#ffffff",)
    ink: tuple[str, ...] = ("#000000",)
    blur: tuple[float, float] = (0.0, 0.0)  # mean over so many pixels to each side
    grey: bool = False  # all colour is lost
    salt: float = 0.0  # share of the pixels that become any colour
    noise: int = 0  # grey levels, uniform, either way
    black_and_white: bool = False  # every pixel is black or white, as a one-bit scan
    jpeg_quality: int = 0  # compressed and decoded again; 0 is never

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_text()
        self._check_choices()

    def of(self, seed: int, index: int) -> Scheme:
        """Return the scheme of one picture: always this one."""
        return self

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scheme:
        """Return the scheme of plain values; an option that is left out takes its default.

        Raises:
            ConfigError: an option is unknown, missing, of the wrong kind or out of its range.

        >>> Scheme.from_dict({"name": "x", "widht": 9})
        Traceback (most recent call last):
        ...
        tellapart.core.errors.ConfigError: scheme 'x': unknown option 'widht' (did you mean 'width'?)
        """
        if not isinstance(values, Mapping):
            raise ConfigError("no scheme: it has options and their values, one a line, such as width: 160")
        fields = dataclasses.fields(cls)
        where = f"scheme {values.get('name', 'without a name')!r}"
        cls.check_options(values, where)
        missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in values]
        if missing:
            needed = ", ".join(f.name for f in fields if f.default is dataclasses.MISSING)
            raise ConfigError(f"{where}: missing {', '.join(missing)}; a scheme has {needed}, and the rest by default")
        return cls(**values)

    def _check_text(self) -> None:
        if not self.alphabet:
            raise ConfigError(f"{self._where('alphabet')} is empty")
        twice = sorted({character for character in self.alphabet if self.alphabet.count(character) > 1})
        if twice:
            raise ConfigError(f"{self._where('alphabet')} holds {twice[0]!r} more than once")
        for character in self.alphabet:
            if character.isspace() or not character.isprintable():
                raise ConfigError(f"{self._where('alphabet')} holds {character!r}, which leaves no ink")
        if self.width < _LEAST_LETTER * self.max_length:
            raise ConfigError(
                f"{self._where('width')} is {self.width}; {self.max_length} letters need "
                f"at least {_LEAST_LETTER * self.max_length}"
            )
        room = min(self.width, self.height) - 2 * math.ceil(self.warp_amplitude)
        if room < _LEAST_LETTER:
            raise ConfigError(
                f"{self._where('warp_amplitude')} is {self.warp_amplitude:g}: {max(0, room)} px are left for letters; "
                f"make it smaller, or height and width larger: {_LEAST_LETTER} px are needed"
            )

    def _check_choices(self) -> None:
        for option, values in (("fonts", self.fonts), ("paper", self.paper), ("ink", self.ink)):
            if not values:
                raise ConfigError(f"{self._where(option)} is empty")
        for font in self.fonts:
            try:
                check_font(font)
            except ConfigError as error:
                raise ConfigError(f"{self._where('fonts')}: {error}") from error
        for option, entries, known in (
            ("styles", self.styles, STYLES),
            ("grounds", self.grounds, GROUNDS),
            ("badge_shape", (self.badge_shape,), BADGE_SHAPES),
        ):
            for each in entries or ("",):
                if each not in known:
                    raise ConfigError(f"{self._where(option)} holds {each!r}{did_you_mean(each, known)}; "
                                      f"known: {', '.join(known)}")  # fmt: skip
        for option in ("paper", "ink", "clutter_ink", "badges"):
            for colour in getattr(self, option):
                if not _COLOUR.fullmatch(colour):
                    raise ConfigError(f"{self._where(option)} holds {colour!r}; write a colour as '#1a2b3c'")
        both = set(self.paper) & set(self.ink)
        if both:
            raise ConfigError(f"{self._where('ink')} holds {min(both)!r}, which is also a paper: unreadable")


def _convert(where: str, kind: str, value: Any) -> Any:
    """Return a value as the kind that a field's annotation names; a list may stand for a tuple.

    Raises:
        ConfigError: the value is of another kind.
    """
    converted = _convert_tuple(kind, value) if kind.startswith("tuple") else _convert_scalar(kind, value)
    if converted is None:
        raise ConfigError(f"{where} is {value!r}; it must be {_KINDS[kind]}")
    return converted


def _convert_tuple(kind: str, value: Any) -> tuple[Any, ...] | None:
    """Return a tuple of texts, or a pair of numbers; None for a value of another kind."""
    if not isinstance(value, (list, tuple)):
        return None
    if kind == "tuple[str, ...]":
        return tuple(value) if all(isinstance(item, str) for item in value) else None
    number = int if "int" in kind else float
    if len(value) != 2 or not all(_is_number(item, number) for item in value):
        return None
    return tuple(number(item) for item in value)


def _convert_scalar(kind: str, value: Any) -> str | bool | int | float | None:
    """Return a text, a truth value or a number; None for a value of another kind."""
    if kind in ("str", "bool"):
        return value if isinstance(value, str if kind == "str" else bool) else None
    number = int if kind == "int" else float
    return number(value) if _is_number(value, number) else None


_KINDS = {
    "str": "text (in quotes, if it looks like a number)",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[int, int]": "two whole numbers: [least, most]",
    "tuple[float, float]": "two numbers: [least, most]",
    "tuple[str, ...]": "a list of texts",
}


def _is_number(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) if kind is int else math.isfinite(value)
