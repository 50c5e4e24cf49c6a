"""The best readings under a rule: an alphabet, a pattern, a length, or several readings instead of one.

Prefix beam search sums over all the ways in which CTC can emit a text (Graves et al. 2006; Hannun et al. 2014), and
only grows texts that can still fit the rule. A length alone needs no search: the best path of that length is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.inference.charset import BLANK, Charset
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import Reading, best_path_of_length, decode_ctc, rescore

WIDTH = 24  # texts that live on from step to step
WIDTH_OF_LENGTH = 8  # and of each length, where none of those fits
LEAST = 1e-6  # a letter less likely than this at a step is not tried there, unless nothing else fits

Array = npt.NDArray[Any]


def decode(probabilities: Array, charset: Charset, rule: TextConstraint) -> list[list[Reading]]:
    """The readings of each image, best first.

    Where one reading is wanted and the best path (`decode_ctc`) fits the rule, it is the reading. Otherwise the
    readings are the likeliest texts that fit. Where no text fits, the one reading is empty and has the confidence 0.

    Args:
        probabilities: N, T, C.
        charset: C - 1 characters.
        rule: what the texts may be, and how many are wanted.

    Returns:
        N lists of one to ``rule.nbest`` readings.

    Raises:
        TextError: the charset holds none of the rule's alphabet.
        InputError: as in `decode_ctc`.
    """
    masked = rule.masked(probabilities, charset)
    results = []
    for steps, best in zip(masked, decode_ctc(masked, charset), strict=True):
        if rule.nbest == 1 and rule.fits(best.text):
            readings = [best]
        elif rule.nbest == 1 and rule.pattern is None and rule.length is not None:
            text = best_path_of_length(steps, rule.length)
            readings = [] if text is None else [rescore(steps, charset, text)]
        else:
            readings = beam_search(steps, charset, rule)
        results.append(readings or [Reading("", 0.0, [])])
    return results


def beam_search(probabilities: Array, charset: Charset, rule: TextConstraint) -> list[Reading]:
    """The likeliest texts of one image that fit the rule, best first; an empty list where no text fits.

    Prefix beam search: Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition".

    Args:
        probabilities: T, C; of the rule's alphabet already, see `TextConstraint.masked`.
        charset: C - 1 characters.
        rule: what the texts may be, and how many are wanted.

    >>> steps = np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]])
    >>> [reading.text for reading in beam_search(steps, Charset(("a", "b")), TextConstraint(nbest=2))]
    ['ab', 'bb']
    >>> [reading.text for reading in beam_search(steps, Charset(("a", "b")), TextConstraint(pattern="b+"))]
    ['bb']
    """
    texts: list[tuple[int, ...]] = []
    # Long texts are less likely than the short ones that they grow from; and what must be read may be very unlikely.
    for by_length, least in ((False, LEAST), (True, LEAST), (True, 0.0)):
        if len(texts) < (rule.nbest if least else 1):
            grown = _grow(probabilities, charset, rule, by_length, least)
            texts = [text for text in grown if rule.fits(charset.decode(text))]
    readings: list[Reading] = []
    for text in texts[: rule.nbest]:
        reading = rescore(probabilities, charset, text)
        most = readings[-1].confidence if readings else 1.0
        readings.append(reading._replace(confidence=min(reading.confidence, most)))
    return readings


def _grow(
    probabilities: Array, charset: Charset, rule: TextConstraint, by_length: bool, least: float
) -> list[tuple[int, ...]]:
    """Texts as indices, the likeliest first; ``by_length``: the beam holds so many of each length, not in all."""
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}  # ending in a blank, and in a letter
    known: dict[tuple[int, ...], bool] = {}
    width = max(WIDTH_OF_LENGTH if by_length else WIDTH, 2 * rule.nbest)
    for step in probabilities.astype(np.float64):
        candidates = [int(index) for index in np.flatnonzero(step > least) if index != BLANK]
        new: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for text, (blank, letter) in beam.items():
            new[text][0] += (blank + letter) * step[BLANK]
            if text:
                new[text][1] += letter * step[text[-1]]
            for index in candidates:
                chance = (blank if text and index == text[-1] else blank + letter) * step[index]
                if not chance:
                    continue
                longer = (*text, index)
                if longer not in known:
                    known[longer] = rule.grows(charset.decode(longer))
                if known[longer]:
                    new[longer][1] += chance
        best = sorted(new.items(), key=lambda item: (-sum(item[1]), item[0]))
        survivors: Counter[int] = Counter()
        most = sum(best[0][1]) or 1.0  # texts are compared with each other only, and products of many steps underflow
        beam = {}
        for text, (blank, letter) in best:
            survivors[length := len(text) if by_length else 0] += 1
            if survivors[length] <= width:
                beam[text] = blank / most, letter / most
    return list(beam)
