"""Test-time augmentation of a reader: an unsure text is read again in other views.

The text that is likeliest on the mean over all views is more often right than that of one view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.inference.beam_search import decode
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import Reading, likelihoods, rescore
from tellapart.inference.picture_view import View

UNSURE = 0.7  # confidence of a text, below which the picture is read in these views too
TTA_VIEWS = tuple(View.parse(code) for code in ("flattened smoothed", "larger", "largest", "1.5", "0.75"))

Array = npt.NDArray[Any]


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


def consensus(views: Sequence[Array], charset: Charset, rule: TextConstraint) -> Reading:
    """The text of one image that is likeliest on the mean over its views; its confidence is that mean.

    How far views agree is a better sign of a right reading than the confidence of any of them, but lower than how often
    it is right.

    >>> sure, other = np.array([[0.1, 0.9, 0.0]]), np.array([[0.1, 0.3, 0.6]])
    >>> consensus([sure, other], Charset(("a", "b")), TextConstraint())[:2]
    ('a', 0.6)

    Raises:
        TextError: the charset holds none of the rule's alphabet.
        InputError: as in `decode_ctc`.
    """
    texts, chances, _ = _chances(views, charset, rule)
    if not texts:
        return Reading("", 0.0, [])
    best = int(chances.mean(axis=0).argmax())
    return Reading(charset.decode(texts[best]), float(chances[:, best].mean()), [])


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
