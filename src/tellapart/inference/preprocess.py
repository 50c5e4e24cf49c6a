"""The one way from a picture to the pixels a model eats, the same in training, evaluation and serving.

Fit inside, then pad: a picture is scaled with its aspect kept until it fits the canvas, and what is left
of the canvas is padded; nothing is ever cropped. A classifier's canvas is fixed. A reader's has a fixed
height and is as wide as the picture needs, in whole ``step``s, so that pictures of like width share a
batch and an answer never depends on which pictures shared it.

Scaling to 0..1 and normalising are not done here: they lie inside the exported graph, which eats uint8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from PIL import Image

from tellapart.core import image_io
from tellapart.core.errors import BundleError
from tellapart.core.image_conversion import EARLIER, Decoding
from tellapart.core.image_io import Pixels
from tellapart.inference.picture_view import AS_IS, View

READ_HEIGHT = 40  # px; what the shipped reader sees, and the height that texts are judged at
ROWS = 8  # px; heights that a reader's pictures are scaled to are multiples of it
PIXELS_A_STEP = 4  # of a reader's picture, for one step of CTC


@dataclass(frozen=True)
class Preprocess:
    """The preprocessing spec; JSON in and out.

    >>> spec = Preprocess(height=48, width=None, channels=1, pad="edge")
    >>> spec.apply(np.zeros((50, 200, 3), np.uint8)).shape
    (48, 192, 1)
    >>> Preprocess.from_json(spec.to_json()) == spec
    True
    """

    height: int  # px
    width: int | None  # px; None: as wide as the picture needs
    channels: Literal[1, 3]
    pad: Literal["grey", "edge"] = "grey"  # mid-grey (photos), or the outermost pixels repeated (texts)
    step: int = 32  # px; widths are multiples of it where the width is open
    max_width: int = 1024  # px; a wider picture is scaled down to it
    mean: tuple[float, ...] = (0.5,)  # of the 0..1 range, one a channel or one for all; used in the graph
    std: tuple[float, ...] = (0.5,)
    decoding: Decoding = field(default_factory=Decoding)  # how transparency, deep grey and animations become RGB
    view: View = AS_IS  # how the picture is changed first; of readers

    def load(self, data: bytes, file: str = "image", notes: list[str] | None = None) -> Pixels:
        """Encoded bytes to model pixels: ``uint8`` (height, width, channels).

        Args:
            data: an encoded image.
            file: its name, for messages.
            notes: what was guessed or left out is added to it, a line each.

        Raises:
            ImageError: the bytes are no usable image.
        """
        # A smaller decode rounds the sides, and an open width must be that of the picture's own size.
        at_least = 0 if self.width is None else max(self.height, self.width)
        return self.apply(image_io.decode(data, file, at_least=at_least, decoding=self.decoding, notes=notes))

    @property
    def open_height(self) -> bool:
        """Whether a reader's graph for these pictures takes them in other heights too, see `scaled`."""
        return self.width is None and self.height >= READ_HEIGHT and self.height % ROWS == 0

    def scaled(self, factor: float) -> Preprocess:
        """The same for pictures that are to be so many times as high, in whole `ROWS`.

        >>> Preprocess(height=40, width=None, channels=1).scaled(1.6).height
        64
        """
        return self if factor == 1 else replace(self, height=round(self.height * factor / ROWS) * ROWS)

    def apply(self, pixels: Pixels) -> Pixels:
        """RGB ``uint8`` (h, w, 3) of any size to ``uint8`` (height, width, channels)."""
        image = Image.fromarray(self.view.apply(pixels))
        if self.channels == 1:
            image = image.convert("L")
        width, height = self.fitted(image.width, image.height)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        array = np.asarray(image).reshape(height, width, self.channels)
        return self._padded(array)

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """Size in px of a picture of this size once it fits the canvas, before padding."""
        limit = self.width or self.max_width
        scale = min(self.height / height, limit / width)
        fit_width = limit if scale == limit / width else round(width * scale)
        fit_height = self.height if scale == self.height / height else round(height * scale)
        return min(max(fit_width, 1), limit), min(max(fit_height, 1), self.height)

    def canvas_width(self, width: int, height: int) -> int:
        """Width in px of the canvas for a picture of this size, before anything is trimmed off it."""
        if self.width is not None:
            return self.width
        return -(-self.fitted(*self.view.geometry.size(width, height))[0] // self.step) * self.step

    def time_steps(self, width: int, height: int) -> int:
        """Number of CTC steps that a reader has for a picture of this size in px.

        >>> Preprocess(height=40, width=None, channels=1).time_steps(120, 50)
        24
        """
        return self.canvas_width(width, height) // PIXELS_A_STEP

    def _padded(self, array: Pixels) -> Pixels:
        height, width = array.shape[:2]
        right = (self.width or -(-width // self.step) * self.step) - width
        below = self.height - height
        if not right and not below:
            return np.ascontiguousarray(array)
        # A text begins at the left edge; a photo stands in the middle.
        left, above = (0, below // 2) if self.width is None else (right // 2, below // 2)
        margins = ((above, below - above), (left, right - left), (0, 0))
        if self.pad == "edge":
            return np.pad(array, margins, mode="edge")
        return np.pad(array, margins, constant_values=128)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        values = asdict(self) | {"mean": list(self.mean), "std": list(self.std), "view": self.view.code}
        return {name: value for name, value in values.items() if name != "view" or value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preprocess:
        """From what `to_json` gave; a spec that does not say how pictures are decoded is of an earlier version.

        Raises:
            BundleError: keys are missing or unknown.
        """
        try:
            decoding = Decoding(**value["decoding"]) if "decoding" in value else EARLIER
            tuples = {name: tuple(value[name]) for name in ("mean", "std")}
            return cls(**{**value, **tuples, "decoding": decoding, "view": View.parse(value.get("view", ""))})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(f"preprocessing spec: {error}; the bundle is from another version") from error
