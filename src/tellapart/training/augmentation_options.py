"""A list of augmentations of one's own: what each changes, by how much, and how often, as YAML writes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tellapart.core.errors import ConfigError, did_you_mean, join_some


class Kind(NamedTuple):
    """What a kind of change takes.

    Args:
        usual: the range where none is given.
        allowed: the lowest and the highest value of a range.
        description: what the number means.
    """

    usual: tuple[float, float]
    allowed: tuple[float, float]
    description: str


KINDS = {
    "flip": Kind((0, 0), (0, 0), "mirror left and right; it has no range"),
    "rotate": Kind((-10, 10), (-180, 180), "degrees, counter-clockwise"),
    "scale": Kind((0.8, 1.25), (0.1, 10), "factor of the size, about the middle"),
    "translate": Kind((-0.1, 0.1), (-1, 1), "share of the width, and of the height anew"),
    "shear": Kind((-8, 8), (-60, 60), "degrees, sideways"),
    "brightness": Kind((-0.1, 0.1), (-1, 1), "added to the pixels, which are 0 to 1"),
    "contrast": Kind((0.8, 1.2), (0, 10), "factor of the distance from the picture's mean"),
    "saturation": Kind((0.7, 1.3), (0, 10), "factor of the distance from grey"),
    "hue": Kind((-18, 18), (-180, 180), "degrees on the circle of colours"),
    "noise": Kind((0, 0.05), (0, 1), "standard deviation of what is added to the pixels, which are 0 to 1"),
    "blur": Kind((0, 1.5), (0, 20), "standard deviation of a Gaussian, in px of what the network sees"),
    "jpeg": Kind((40, 95), (1, 100), "quality of a JPEG that the picture is saved as in between"),
    "pixelate": Kind((0.4, 1), (0.02, 1), "share of the pixels across that is left"),
    "erase": Kind((0.1, 0.4), (0, 1), "side of a square of mid-grey, as a share of the height"),
}


@dataclass(frozen=True)
class AugmentStep:
    """One change of training images.

    Args:
        kind: see `KINDS`.
        range: the lowest and the highest value, between which each image draws its own evenly; by default the usual.
        p: the share of the images that are changed.

    >>> AugmentStep("rotate").limits
    (-10, 10)
    """

    kind: str
    range: tuple[float, float] | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ConfigError(
                f"augmentations: kind {self.kind!r}{did_you_mean(self.kind, KINDS)}; there are: {join_some(KINDS, 20)}"
            )
        if not 0 <= self.p <= 1:
            raise ConfigError(f"augmentations: {self.kind}: p {self.p}: give a share from 0 to 1")
        (low, high), (lowest, highest) = self.limits, kind.allowed
        if self.kind == "flip" and self.range is not None:
            raise ConfigError("augmentations: flip: it has no range; leave it out")
        if not lowest <= low <= high <= highest or not math.isfinite(high):
            raise ConfigError(
                f"augmentations: {self.kind}: range {[low, high]}: give the lower and the upper end, "
                f"from {lowest:g} to {highest:g} ({kind.description})"
            )

    @property
    def limits(self) -> tuple[float, float]:
        """The range, the usual one where none was given."""
        return KINDS[self.kind].usual if self.range is None else self.range
