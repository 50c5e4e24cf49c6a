"""How a picture is changed before it is preprocessed: its colours and strokes, what of it is seen, and how wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from tellapart.core.image_io import Pixels
from tellapart.inference.geometry import WHOLE, Frame, Geometry
from tellapart.inference.ink import USUAL, Grey, Ink, Stroke

Scale = Literal["usual", "larger", "largest"]

SCALES: dict[Scale, float] = {"usual": 1.0, "larger": 1.2, "largest": 1.6}
_WORDS = {"grey": get_args(Grey), "stroke": get_args(Stroke), "frame": get_args(Frame), "scale": get_args(Scale)}
_NARROWEST, _WIDEST = 0.25, 4.0


@dataclass(frozen=True)
class View:
    """How a picture is changed before it is preprocessed.

    Args:
        ink: its colours and strokes.
        geometry: what of it is seen, and how wide.
        scale: how high it is for the reader, of `SCALES`: small letters in tall pictures need more pixels.
    """

    ink: Ink = USUAL
    geometry: Geometry = WHOLE
    scale: Scale = "usual"

    def __str__(self) -> str:
        """Say it in words."""
        size = "" if self.scale == "usual" else f"{SCALES[self.scale]:g} times as large"
        return ", ".join(each for each in (str(self.geometry), size, str(self.ink)) if each)

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the picture in this view: RGB ``uint8`` (h, w, 3) to (h', w', 3)."""
        return self.geometry.apply(self.ink.apply(pixels))

    @property
    def code(self) -> str:
        """Its words as `parse` takes them; empty for the picture as it is.

        >>> View.parse("darkest trim 1.2").code, AS_IS.code
        ('darkest trim 1.2', '')
        """
        frame, width = self.geometry.frame, self.geometry.width
        words = (self.ink.grey, self.ink.stroke, self.scale, frame, "" if width == 1 else f"{width:g}")
        return " ".join(word for word in words if word not in ("usual", "whole", ""))

    @classmethod
    def parse(cls, code: str) -> View:
        """From words in any order: a grey, a stroke, a frame, a scale, a factor of the width; the rest is as usual.

        Raises:
            ValueError: a word is none of these, or a property is named twice.
        """
        values: dict[str, Any] = {}
        for word in code.split():
            name = next((name for name, words in _WORDS.items() if word in words), "width")
            if name in values:
                raise ValueError(f"{code!r} names the {name} twice")
            try:
                values[name] = float(word) if name == "width" else word
            except ValueError:
                known = ", ".join(word for words in _WORDS.values() for word in words if word != "usual")
                raise ValueError(f"{word!r} is none of {known}, nor a number") from None
        if not _NARROWEST <= values.get("width", 1.0) <= _WIDEST:
            raise ValueError(f"width {values['width']:g}: give a factor from {_NARROWEST} to {_WIDEST}")
        ink = Ink(**{name: values[name] for name in ("grey", "stroke") if name in values})
        geometry = Geometry(**{name: values[name] for name in ("frame", "width") if name in values})
        return cls(ink, geometry, values.get("scale", "usual"))


AS_IS = View()
