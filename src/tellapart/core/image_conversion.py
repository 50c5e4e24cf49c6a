"""Pictures of any kind to RGB: transparency, deep grey, WhiteIsZero, the first frame that shows something.

A file often leaves open what a pixel looks like: on what ground a transparent one lies, and which number is white
where a camera keeps 12 bits in 16. `Decoding` says how that is settled; it is a part of a bundle's preprocessing spec,
so that training and serving see the same picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.errors import join_some, pluralize

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey (ITU-R BT.601), as Pillow's "L" has it
DEPTHS = (8, 10, 12, 14, 16)  # bits a pixel that cameras and scanners write; beyond them, any number
LIGHT = 192  # of 255; where half of what is visible is lighter, it would be lost on white
COVERED = 0.9  # share of a picture that is visible, from which the ground shows at its edges alone
SLACK = 0.05  # of the range; what resampling leaves above white and below black
UNSCALED = 16  # floats up to this hold no known range: the peak is white
_BAND = 2**21  # pixels that are converted at a time

_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")

Array = npt.NDArray[Any]
_NUMBER = re.compile(r"-?\d[\d,.]*(e[-+]?\d+)?")
Lines = list[str]  # what was guessed about a picture


@dataclass(frozen=True)
class Decoding:
    """How a picture becomes RGB where its file leaves that open.

    Args:
        transparency: the ground of transparent pixels. ``contrast``: black where more than half of what is visible is
            lighter than three quarters of white, and that covers less than nine tenths of it; else white. ``white``:
            always white.
        deep_grey: which number is white in a picture of more than 8 bits. ``content``: the largest number of the
            fewest bits of 8, 10, 12, 14, 16 and more that hold the picture; floats by 1, these numbers or their peak.
            ``type``: the largest number of the file's type.
        frame: of an animation, or the page of a TIFF. ``visible``: the first that is not of one colour; the very first
            where there is none. ``first``: the very first.

    >>> Decoding().transparency
    'contrast'
    """

    transparency: Literal["contrast", "white"] = "contrast"
    deep_grey: Literal["content", "type"] = "content"
    frame: Literal["visible", "first"] = "visible"

    def to_json(self) -> dict[str, str]:
        """As plain JSON values."""
        return asdict(self)


EARLIER = Decoding("white", "type", "first")  # of bundles that do not say


@dataclass(frozen=True)
class Source:
    """What a loaded picture does not say of its file.

    Args:
        bits: of one sample.
        deep_colour: makes of the picture the high and the low bytes of its 16-bit samples, each as RGB or RGBA; None
            where the samples are not colours of 16 bits.
        white_is_zero: whether large numbers are dark.
        unsigned: whether 32-bit numbers have no sign.
        signed: whether 8-bit numbers have one.
        no_alpha: whether an alpha of zero throughout means nothing, as in BMP files.
    """

    bits: int = 8
    deep_colour: Callable[[Image.Image], tuple[Image.Image, Image.Image]] | None = None
    white_is_zero: bool = False
    unsigned: bool = False
    signed: bool = False
    no_alpha: bool = False


def to_rgb(image: Image.Image, source: Source, decoding: Decoding, notes: Lines) -> Image.Image:
    """A loaded picture of any mode as one of mode RGB.

    Args:
        image: the picture.
        source: what its file says beside.
        decoding: how what the file leaves open is settled.
        notes: what was settled otherwise than by the file's own words is added here.

    >>> notes = []
    >>> to_rgb(Image.new("LA", (1, 1), (255, 255)), Source(), Decoding(), notes).getpixel((0, 0)), notes
    ((255, 255, 255), [])
    """
    key = image.info.get("transparency")
    if source.deep_colour is not None and (rgb := _deep_colour(image, source, decoding, notes)) is not None:
        return rgb
    if _is_deep(image, source, decoding):
        grey = _deep_grey(image, source, decoding, notes)
        return grey.convert("RGB") if key is None else _compose(_with_key(image, source, grey, key), decoding, notes)
    if key is None and image.mode not in _WITH_ALPHA:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode == "L" and isinstance(key, int) and source.bits in (2, 4):
        image.info["transparency"] = key * 255 // (2**source.bits - 1)
    if source.no_alpha and image.mode == "RGBA" and _extrema(image)[3] == (0, 0):
        return image.convert("RGB")
    return _compose(image, decoding, notes)


def _is_deep(image: Image.Image, source: Source, decoding: Decoding) -> bool:
    """Whether the numbers of a grey picture are other than 0 to 255."""
    if image.mode == "L":
        return source.signed and decoding.deep_grey == "content"
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def group_notes(notes: Iterable[tuple[str, str]]) -> list[str]:
    """A line a kind of guess, with the images that it was made for.

    Args:
        notes: pairs of an image's name and what was guessed; guesses that differ in numbers alone are of one kind.

    >>> group_notes([("a", "floats: 0 is black and 7 is white"), ("b", "floats: 0 is black and 5 is white")])
    ['2 images: floats: 0 is black and 7 is white, or other numbers: a, b']
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, note in notes:
        kinds.setdefault(_NUMBER.sub("", note), []).append((name, note))
    lines = []
    for kind in kinds.values():
        others = ", or other numbers" if len({note for _, note in kind}) > 1 else ""
        lines.append(f"{pluralize(len(kind), 'image')}: {kind[0][1]}{others}: {join_some(name for name, _ in kind)}")
    return lines


def is_blank(rgb: Image.Image) -> bool:
    """Whether all pixels of an RGB picture are of one colour.

    >>> is_blank(Image.new("RGB", (3, 3), "red"))
    True
    """
    return rgb.getcolors(1) is not None


# --- transparency


def _compose(image: Image.Image, decoding: Decoding, notes: Lines) -> Image.Image:
    if image.mode == "RGBA" and _extrema(image)[3] == (255, 255):
        return image.convert("RGB")
    ground = "white" if decoding.transparency == "white" else _ground(image, notes)
    result = Image.new("RGB", image.size)
    for top, band in _bands(image):
        colour = band.convert("RGBA")
        laid = Image.alpha_composite(Image.new("RGBA", colour.size, ground), colour)
        result.paste(laid.convert("RGB"), (0, top))
    return result


def _ground(image: Image.Image, notes: Lines) -> str:
    """White or black: on which more of what is visible stands out."""
    visible, opaque = np.zeros(256), True
    for _, band in _bands(image):
        colour = band.convert("RGBA")
        alpha = colour.getchannel("A")
        least, most = alpha.getextrema()
        opaque = opaque and least == 255
        if most:
            visible += np.bincount(np.asarray(colour.convert("L")).ravel(), np.asarray(alpha).ravel(), 256)
    if opaque:
        return "white"
    if not visible.any():
        notes.append("transparent throughout: blank")
        return "white"
    if visible.sum() >= COVERED * 255 * image.width * image.height:  # it brings its own paper
        return "white"
    if visible[LIGHT:].sum() <= visible.sum() / 2:
        return "white"
    notes.append("light on a transparent ground: laid on black")
    return "black"


def _with_key(image: Image.Image, source: Source, grey: Image.Image, key: object) -> Image.Image:
    """Grey with an alpha that hides one number of the deep picture."""
    alpha = np.empty((image.height, image.width), np.uint8)
    for top, values in _values(image, source):
        alpha[top : top + len(values)] = np.where(values == key, 0, 255)
    grey.putalpha(Image.fromarray(alpha))
    return grey


# --- more than 8 bits


def _deep_grey(image: Image.Image, source: Source, decoding: Decoding, notes: Lines) -> Image.Image:
    """16-bit, 32-bit and float grey to 8 bits: scaled, never clipped but for what lies outside of the range."""
    low, high = np.inf, -np.inf
    for _, values in _values(image, source):
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:  # no number among them
        low = high = 0.0
    floats = image.mode == "F"
    if decoding.deep_grey == "type":
        black, white = 0.0, _type_range(image.mode, high)
    else:
        black, white, words = _float_range(low, high) if floats else _integer_range(low, high, source.bits)
        if words:
            notes.append(words)
    grey = np.empty((image.height, image.width), np.uint8)
    for top, values in _values(image, source):
        exact = values.astype(np.float64)
        if floats:
            exact = np.nan_to_num(exact, nan=black)
        scaled = (np.clip((exact - black) / (white - black), 0, 1) * 255).round().astype(np.uint8)
        grey[top : top + len(values)] = 255 - scaled if source.white_is_zero else scaled
    return Image.fromarray(grey)


def _type_range(mode: str, peak: float) -> float:
    """What is white by the type alone; floats hold 0..1 by convention, or else what their peak tells."""
    if mode == "F":
        return 1.0 if peak <= 1 else 255.0 if peak <= 255 else max(65535.0, peak)
    return 65535.0 if mode != "I" or peak <= 65535 else float(2**31 - 1)


def _integer_range(low: float, high: float, bits: int) -> tuple[float, float, str]:
    """Black, white, and words for it unless all of 16 bits are used."""
    if low < 0:
        return low, max(high, low + 1), f"numbers with a sign: {low:,.0f} is black and {high:,.0f} is white"
    needed = max(int(high).bit_length(), 1)
    depth = next((each for each in DEPTHS if each >= needed), needed)
    if bits < 16:  # the file says so
        depth = max(depth, bits)
    white = float(2**depth - 1)
    plain = bits <= 16 and depth in (16, bits)
    return 0.0, white, "" if plain else f"{depth} of {bits} bits in use: {white:,.0f} is white"


def _float_range(low: float, high: float) -> tuple[float, float, str]:
    """Black, white, and words for it unless the numbers are 0..1."""
    ranges = [1.0, *(2.0**depth - 1 for depth in DEPTHS)]
    if UNSCALED < high <= ranges[-1]:
        white = next(each for each in ranges if high <= each)
    elif 1 / UNSCALED <= high <= 1 + SLACK:
        white = 1.0
    else:
        white = high
    black = low if low < -SLACK * abs(white) else 0.0
    white = white if white > black else black + 1
    plain = (black, white) == (0.0, 1.0)
    return black, white, "" if plain else f"floats: {black:,.6g} is black and {white:,.6g} is white"


def _deep_colour(image: Image.Image, source: Source, decoding: Decoding, notes: Lines) -> Image.Image | None:
    """Colours of 16 bits of which 8 would not do: few bits in use, or a transparent colour; None where they do."""
    assert source.deep_colour is not None
    key = image.info.get("transparency")
    peak = max(high for _, high in _extrema(image)[:3])
    few = decoding.deep_grey == "content" and peak < 64
    if not few and key is None:
        return None
    high, low = source.deep_colour(image)
    white = 65535
    if few:
        top = max(int(values[..., :3].max()) for _, values in _joined(high, low))
        depth = next(each for each in DEPTHS if top < 2**each)
        white = 2**depth - 1
        notes.append(f"{depth} of 16 bits in use: {white:,} is white")
    result = Image.new("RGBA", image.size)
    for start, values in _joined(high, low):
        result.paste(_shallow(values, white, key), (0, start))
    return _compose(result, decoding, notes)


def _joined(high: Image.Image, low: Image.Image) -> Iterator[tuple[int, Array]]:
    """16-bit numbers, H, W, C, from each top, of their high and their low bytes."""
    for (top, upper), (_, lower) in zip(_bands(high), _bands(low), strict=True):
        yield top, np.asarray(upper).astype(np.uint16) << 8 | np.asarray(lower)


def _shallow(deep: Array, white: int, key: object) -> Image.Image:
    """``uint16`` H, W, 3 or 4 as RGBA of 8 bits; with all 16 bits in use by their high bytes, as Pillow does."""
    shallow = np.full((*deep.shape[:2], 4), 255, np.uint8)
    colours = deep[..., :3]
    shallow[..., :3] = colours >> 8 if white == 65535 else (colours / white * 255).round()
    if deep.shape[2] == 4:
        shallow[..., 3] = deep[..., 3] >> 8
    if key is not None:
        shallow[..., 3] = np.where((colours == np.array(key, np.uint16)).all(axis=2), 0, 255)
    return Image.fromarray(shallow)


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    """The smallest and the largest number of each channel, of several."""
    return [(int(low), int(high)) for low, high in image.getextrema()]  # type: ignore[misc]


# --- a picture in bands of rows, so that no conversion holds it a second time


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _values(image: Image.Image, source: Source) -> Iterator[tuple[int, Array]]:
    """The numbers of a deep picture, H, W, from each top."""
    for top, band in _bands(image):
        values = np.asarray(band)
        if source.unsigned and values.dtype == np.int32:
            values = values.view(np.uint32)
        elif source.signed and values.dtype == np.uint8:
            values = values.view(np.int8)
        yield top, values
