"""Connectionist temporal classification (CTC, Graves et al. 2006): from probabilities a step to texts.

Shapes: ``probabilities`` are T, C of one image or N, T, C of a batch; T steps, C outputs, output 0 the blank. A text is
a tuple of output indices where it is not a string.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import InputError
from tellapart.inference.charset import BLANK, Charset

Array = npt.NDArray[Any]


class Reading(NamedTuple):
    """One decoded image: its text, the confidence of the whole, and of each character (both 0..1)."""

    text: str
    confidence: float
    characters: list[tuple[str, float]]


def required_steps(text: str) -> int:
    """The fewest CTC steps that can emit a text: one a character, and a blank between equal neighbours.

    From the definition of CTC (Graves et al. 2006).

    >>> required_steps("abc"), required_steps("hello"), required_steps("")
    (3, 6, 0)
    """
    return len(text) + sum(left == right for left, right in itertools.pairwise(text))


def decode_ctc(probabilities: npt.ArrayLike, charset: Charset) -> list[Reading]:
    """Read CTC probabilities of shape (N, T, C) by their best path (Graves et al. 2006): N readings.

    The likeliest output of each step is taken (the lowest index among equals), runs of the same output
    become one, and blanks are dropped. The confidence of a character is the highest probability in the
    run of steps that emitted it; that of a text is the product over its characters, and of an empty text
    the mean probability of the blank over all steps.

    Raises:
        InputError: the shape does not fit the charset, there are no steps, or the values are no
            probabilities (logits, logarithms, NaN).

    >>> steps = [[0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]
    >>> decode_ctc([steps], Charset(("a", "b")))
    [Reading(text='aa', confidence=0.45, characters=[('a', 0.9), ('a', 0.5)])]
    """
    values = np.asarray(probabilities)
    if values.ndim != 3 or values.shape[2] != charset.size or values.shape[1] < 1:
        raise InputError(
            f"probabilities of the shape {values.shape}: give (images, steps, {charset.size}), "
            "at least one step, the blank first and then the characters of the charset"
        )
    if not len(values):
        return []
    n, steps = values.shape[:2]
    best = values.argmax(axis=2)
    peak = np.take_along_axis(values, best[..., None], axis=2)[..., 0].astype(np.float64)
    # A NaN is its step's peak too; the slack is for the rounding of a half-precision softmax.
    bad = peak[~((peak >= 0) & (peak <= 1.01))]
    if len(bad):
        raise InputError(f"{bad[0]:g} is not a probability: apply a softmax over the last axis first")
    peak = np.minimum(peak, 1.0)

    # All images as one line of steps; the first step of each image always begins a run.
    begins = np.ones((n, steps), dtype=bool)
    begins[:, 1:] = best[:, 1:] != best[:, :-1]
    starts = np.flatnonzero(begins)
    outputs = best.ravel()[starts]
    heights = np.maximum.reduceat(peak.ravel(), starts)
    emitted = outputs != BLANK
    image = starts[emitted] // steps
    lengths = np.bincount(image, minlength=n)
    confidences = values[:, :, BLANK].astype(np.float64).mean(axis=1).clip(0.0, 1.0)
    confidences[lengths > 0] = 1.0
    np.multiply.at(confidences, image, heights[emitted])

    characters = [charset.characters[output - 1] for output in outputs[emitted].tolist()]
    emissions = list(zip(characters, heights[emitted].tolist(), strict=True))
    ends = np.cumsum(lengths).tolist()
    readings = []
    for end, length, confidence in zip(ends, lengths.tolist(), confidences.tolist(), strict=True):
        own = emissions[end - length : end]
        readings.append(Reading("".join(character for character, _ in own), confidence, own))
    return readings


def best_path_of_length(probabilities: Array, length: int) -> tuple[int, ...] | None:
    """The letters, as indices, of the likeliest path that emits so many (Viterbi 1967); None where no path does.

    Args:
        probabilities: T, C.
        length: the number of letters.

    >>> best_path_of_length(np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]]), 1)
    (1,)
    """
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities.astype(np.float64))
    symbols, emitted = np.arange(scores.shape[1]), np.arange(length + 1)
    best = np.full((len(emitted), len(symbols)), -np.inf)  # of the paths so far: letters emitted, the last symbol
    best[0, BLANK] = scores[0, BLANK]
    best[1:2, 1:] = scores[0, 1:]
    previous_symbol = np.zeros((len(scores), *best.shape), int)
    for step in range(1, len(scores)):
        first = best.argmax(axis=1)
        others = best.copy()
        others[emitted, first] = -np.inf
        # A letter is new after any other symbol, and goes on after itself; a blank comes after any.
        other = np.where(symbols == first[:, None], others.argmax(axis=1)[:, None], first[:, None])
        new, before = np.full_like(best, -np.inf), np.zeros_like(other)
        new[1:], before[1:] = np.take_along_axis(best, other, axis=1)[:-1], other[:-1]
        stays = best >= new
        previous_symbol[step] = np.where(stays, symbols, before)
        previous_symbol[step, :, BLANK] = first
        new = np.where(stays, best, new)
        new[:, BLANK] = best[emitted, first]
        best = new + scores[step]
    symbol, left = int(best[length].argmax()), length
    if best[length, symbol] == -np.inf:
        return None
    letters = []
    for step in range(len(scores) - 1, -1, -1):
        previous = int(previous_symbol[step, left, symbol]) if step else BLANK
        if symbol not in (BLANK, previous):
            letters.append(symbol)
            left -= 1
        symbol = previous
    return tuple(reversed(letters))


def align_text(probabilities: Array, charset: Charset, text: tuple[int, ...]) -> Reading:
    """A text, as indices, with the confidence of each letter: the highest probability among the steps that emit it.

    The steps are those of the likeliest path that emits the text (Viterbi 1967).
    """
    if not text:
        return Reading("", float(probabilities[:, BLANK].mean()), [])
    states, skips = _lattice(text)
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities[:, states].astype(np.float64))
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, :2]
    stride = np.zeros(scores.shape, int)  # how many states a step advances
    for step in range(1, len(scores)):
        ways = np.full((3, len(states)), -np.inf)
        ways[0], ways[1, 1:] = best, best[:-1]
        ways[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        stride[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[step]
    state = len(states) - 1 if best[-1] >= best[-2] else len(states) - 2
    peaks = np.zeros(len(text))
    for step in range(len(scores) - 1, -1, -1):
        if state % 2:
            peaks[state // 2] = max(peaks[state // 2], probabilities[step, states[state]])
        state -= int(stride[step, state])
    characters = list(zip(charset.decode(text), peaks.clip(0, 1).tolist(), strict=True))
    return Reading("".join(name for name, _ in characters), float(np.prod(peaks.clip(0, 1))), characters)


def rescore(probabilities: Array, charset: Charset, text: tuple[int, ...]) -> Reading:
    """A text, as indices, as `align_text` gives it, but no surer than the best path's by as much as it is less likely.

    The letters of a text say nothing of those that it leaves out.

    >>> steps = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.2, 0.0, 0.8]])
    >>> round(rescore(steps, Charset(("a", "b")), (1,)).confidence, 2)  # not the 1.0 of its letter
    0.2
    """
    (best,) = decode_ctc(probabilities[None], charset)
    most = tuple(charset.encode(best.text))
    if text == most:
        return best
    result = align_text(probabilities, charset, text)
    own, highest = likelihoods([probabilities], [text, most])[0].tolist()
    share = min(1.0, own / highest) if highest else 0.0
    return result._replace(confidence=min(result.confidence, best.confidence * share))


def likelihoods(views: Sequence[Array], texts: Sequence[tuple[int, ...]]) -> Array:
    """How likely each view finds each text, as indices: V, N; the sum over all ways to emit it.

    The forward pass of Graves et al. 2006, of all at once.

    Args:
        views: T, C each, with a T of its own.
        texts: N, as indices.

    >>> steps = np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]])
    >>> likelihoods([steps, steps[:1]], [(1, 2), (2,)]).round(2).tolist()
    [[0.54, 0.04], [0.0, 0.4]]
    """
    paths = [_lattice(text) for text in texts]
    most = max(len(states) for states, _ in paths)
    states, skips = np.full((len(texts), most), BLANK), np.zeros((len(texts), most))
    real = np.zeros((len(texts), most))  # of shorter texts the last states are none, and lead nowhere
    for row, (own, over) in enumerate(paths):
        states[row, : len(own)], skips[row, : len(own)], real[row, : len(own)] = own, over, 1
    # Views end together: further steps that can only be blank change no likelihood.
    longest = max(map(len, views))
    chances = np.zeros((longest, len(views), views[0].shape[1]))
    chances[:, :, BLANK] = 1
    for number, view in enumerate(views):
        chances[: len(view), number] = view
    ways = chances[0][:, states] * real
    ways[..., 2:] = 0
    scale = np.zeros(ways.shape[:2])  # the logarithm of what was divided out: products of many steps underflow
    for number, step in enumerate(chances[1:]):
        skipped = ways[..., :-2] * skips[:, 2:]
        ways[..., 1:] += ways[..., :-1]
        ways[..., 2:] += skipped
        ways *= step[:, states] * real
        if number % 6 == 0:  # six steps of the smallest float32 are still a float64
            highest = ways.max(axis=-1)
            highest[highest == 0] = 1
            ways /= highest[..., None]
            scale += np.log(highest)
    ends = np.array([len(own) for own, _ in paths])
    last = ways[:, np.arange(len(texts)), ends - 1]
    result: Array = np.exp(scale) * (last + np.where(ends > 1, ways[:, np.arange(len(texts)), ends - 2], 0))
    return result


def _lattice(text: tuple[int, ...]) -> tuple[Array, Array]:
    """What may be emitted, in its order: the letters and blanks between them; and which may follow the last but one."""
    states = np.full(2 * len(text) + 1, BLANK)
    states[1::2] = text
    skips = np.zeros(len(states), bool)  # over the blank between two different letters
    skips[3::2] = states[3::2] != states[1:-2:2]
    return states, skips
