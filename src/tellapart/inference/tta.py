"""Test-time augmentation of a reader: an unsure text is read again in other widths.

The text that is likeliest on the mean over all views is more often right than that of one view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.inference.beam_search import decode
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import Reading, likelihoods, rescore

# A text of less than this confidence so far is read in these widths too, as factors of the picture's own.
TTA_SCHEDULE = (
    (0.7, (0.75, 1.25)),
    (0.5, (0.6, 1.5)),
)

Array = npt.NDArray[Any]


def resize_width(pixels: npt.NDArray[np.uint8], by: float, step: int) -> npt.NDArray[np.uint8]:
    """Model pixels N, H, W, C in another width, a multiple of ``step`` px.

    >>> resize_width(np.zeros((2, 40, 96, 1), np.uint8), 0.8, 8).shape
    (2, 40, 80, 1)
    """
    if by == 1:
        return pixels
    height, width = pixels.shape[1:3]
    size = max(step, -(-round(width * by) // step) * step), height
    flat = pixels[..., 0] if pixels.shape[3] == 1 else pixels
    images = [np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BILINEAR)) for each in flat]
    return np.stack(images).reshape(len(pixels), height, size[0], pixels.shape[3])


def ensemble_views(views: Sequence[Array], charset: Charset, rule: TextConstraint) -> list[Reading]:
    """The readings of one image that are likeliest on the mean over its views, best first.

    Each view proposes its own readings, and says how likely it finds those of the others (test-time augmentation by a
    mixture, Krizhevsky et al. 2012). Confidences are those of the view that finds the text likeliest.

    Args:
        views: T, C each, with a T of its own.
        charset: C - 1 characters.
        rule: what the texts may be, and how many readings are wanted.

    Raises:
        TextError: the charset holds none of the rule's alphabet.
        InputError: as in `decode_ctc`.
    """
    texts, chances, masked = _chances(views, charset, rule)
    if not texts:
        return [Reading("", 0.0, [])]
    order = np.argsort(-chances.mean(axis=0), kind="stable")[: rule.nbest]
    return [rescore(masked[int(chances[:, place].argmax())], charset, texts[place]) for place in order]


def consensus(views: Sequence[Array], charset: Charset, rule: TextConstraint) -> tuple[str, float]:
    """The text of one image that is likeliest on the mean over its views, and that mean: how far they agree on it.

    A better sign of a right reading than the confidence of any view, but lower than how often it is right.

    >>> sure, other = np.array([[0.1, 0.9, 0.0]]), np.array([[0.1, 0.3, 0.6]])
    >>> consensus([sure, other], Charset(("a", "b")), TextConstraint())
    ('a', 0.6)

    Raises:
        TextError: the charset holds none of the rule's alphabet.
        InputError: as in `decode_ctc`.
    """
    texts, chances, _ = _chances(views, charset, rule)
    if not texts:
        return "", 0.0
    best = int(chances.mean(axis=0).argmax())
    return charset.decode(texts[best]), float(chances[:, best].mean())


def _chances(
    views: Sequence[Array], charset: Charset, rule: TextConstraint
) -> tuple[list[tuple[int, ...]], Array, list[Array]]:
    """The texts that any view reads, as indices; how likely each view finds each: V, N; what of the views is allowed.

    No text: V, 0.
    """
    masked = [rule.masked(view[None], charset)[0] for view in views]
    candidates = {each.text for view in views for each in decode(view[None], charset, rule)[0]}
    texts = [tuple(charset.encode(text)) for text in sorted(candidates) if rule.fits(text)]
    return texts, likelihoods(masked, texts) if texts else np.zeros((len(views), 0)), masked
