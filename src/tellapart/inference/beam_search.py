"""The best readings under a rule: an alphabet, a pattern, a length, or several readings instead of one.

Prefix beam search sums over all the ways in which CTC can emit a text (Graves et al. 2006; Hannun et al. 2014), and
only grows texts that can still fit the rule. A length alone needs no search: the best path of that length is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError, TextError, join_some
from tellapart.inference.charset import BLANK, Charset, Reading, decode_ctc

WIDTH = 24  # texts that live on from step to step
OF_EACH = 8  # and of each length, where none of those fits
TOLD = 20  # texts of one length that let it be expected of others
LEAST = 1e-6  # a letter less likely than this at a step is not tried there, unless nothing else fits

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TextConstraint:
    """What a text may be.

    Args:
        alphabet: the characters it may hold; None: any.
        pattern: a regular expression that the whole of it matches; None: any text.
        nbest: how many readings are wanted.
        length: how many characters it has; None: any number.

    Raises:
        ConfigError: no character, a pattern that is none or empty, or less than one reading.

    >>> rule = TextConstraint(pattern="[0-9]{2}")
    >>> rule.grows("1"), rule.grows("123"), rule.fits("1"), rule.fits("12")
    (True, False, False, True)
    """

    alphabet: str | None = None
    pattern: str | None = None
    nbest: int = 1
    length: int | None = None

    def __post_init__(self) -> None:
        if self.alphabet is not None and not self.alphabet:
            raise ConfigError("the alphabet is empty: give the characters that a text may hold")
        if self.nbest < 1:
            raise ConfigError(f"nbest {self.nbest}: ask for at least 1 reading")
        if self.pattern == "":
            raise ConfigError("the pattern is empty: write it as in [0-9]{5}, or leave it out")
        if self.pattern is not None:
            import regex

            try:
                regex.compile(self.pattern)
            except regex.error as error:
                raise ConfigError(f"pattern {self.pattern!r}: {error}; write it as in [0-9]{{5}}") from error

    @cached_property
    def _compiled(self) -> Any:
        import regex

        return regex.compile(self.pattern or ".*", regex.DOTALL)

    def grows(self, text: str) -> bool:
        """Whether a text that begins so can fit."""
        if self.length is not None and len(text) > self.length:
            return False
        return self.pattern is None or self._compiled.fullmatch(text, partial=True) is not None

    def fits(self, text: str) -> bool:
        """Whether the whole text has the length and matches the pattern."""
        if self.length is not None and len(text) != self.length:
            return False
        return self.pattern is None or self._compiled.fullmatch(text) is not None

    def check(self, charset: Charset) -> None:
        """Make sure that characters of a model can begin a text that fits.

        Raises:
            TextError: the charset holds none of the alphabet's characters, or none that the pattern begins with.
        """
        letters = [charset.characters[index - 1] for index in self._allowed(charset)]
        if self.pattern is not None and not self.fits("") and not any(map(self.grows, letters)):
            raise TextError(
                f"pattern {self.pattern!r}: no text of the characters that the model may read begins so: "
                f"{join_some(letters, 100)}"
            )

    def _allowed(self, charset: Charset) -> list[int]:
        """The charset's indices of what the alphabet allows."""
        if self.alphabet is None:
            return list(range(1, charset.size))
        allowed = [index for index, character in enumerate(charset.characters, 1) if character in self.alphabet]
        if not allowed:
            raise TextError(
                f"the alphabet {self.alphabet!r} has no character in common with what the model knows: "
                f"{join_some(charset.characters, 100)}"
            )
        return allowed

    def masked(self, probabilities: Array, charset: Charset) -> Array:
        """Probabilities (N, T, C) given that only the blank and the alphabet's characters come.

        Raises:
            TextError: the charset holds none of the alphabet's characters.
        """
        if self.alphabet is None:
            return probabilities
        allowed = self._allowed(charset)
        kept = np.zeros_like(probabilities)
        kept[..., [BLANK, *allowed]] = probabilities[..., [BLANK, *allowed]]
        kept[..., BLANK] += kept.sum(axis=-1) == 0  # nothing that is allowed has a chance: then no letter
        result: Array = kept / kept.sum(axis=-1, keepdims=True)
        return result


def common_length(texts: Sequence[str]) -> int | None:
    """How many characters texts have, if all of these agree and are enough to say so.

    >>> common_length(["4711"] * 20), common_length(["4711"] * 19), common_length(["4711"] * 20 + ["42"])
    (4, None, None)
    """
    lengths = {len(text) for text in texts}
    return lengths.pop() if len(lengths) == 1 and len(texts) >= TOLD else None


def decode(probabilities: Array, charset: Charset, rule: TextConstraint) -> list[list[Reading]]:
    """The readings of each image, best first: the best path's alone (`decode_ctc`), if it fits and one is wanted.

    Else the likeliest that fit; where none is found, the one reading is empty and has no confidence.

    Args:
        probabilities: N, T, C.

    Raises:
        TextError: the charset holds none of the rule's alphabet.
        InputError: as in `decode_ctc`.
    """
    masked = rule.masked(probabilities, charset)
    found = []
    for steps, best in zip(masked, decode_ctc(masked, charset), strict=True):
        if rule.nbest == 1 and rule.fits(best.text):
            readings = [best]
        elif rule.nbest == 1 and rule.pattern is None and rule.length is not None:
            text = best_path_of_length(steps, rule.length)
            readings = [] if text is None else [rescore(steps, charset, text)]
        else:
            readings = beam_search(steps, charset, rule)
        found.append(readings or [Reading("", 0.0, [])])
    return found


def beam_search(probabilities: Array, charset: Charset, rule: TextConstraint) -> list[Reading]:
    """The likeliest texts of one image that fit the rule, best first; none, if none is found.

    Args:
        probabilities: T, C; of the rule's alphabet already, see `TextConstraint.masked`.

    >>> steps = np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]])
    >>> [reading.text for reading in beam_search(steps, Charset(("a", "b")), TextConstraint(nbest=2))]
    ['ab', 'bb']
    >>> [reading.text for reading in beam_search(steps, Charset(("a", "b")), TextConstraint(pattern="b+"))]
    ['bb']
    """
    texts: list[tuple[int, ...]] = []
    # Long texts are less likely than the short ones that they grow from; and what must be read may be very unlikely.
    for each, least in ((False, LEAST), (True, LEAST), (True, 0.0)):
        if len(texts) < (rule.nbest if least else 1):
            grown = _grown(probabilities, charset, rule, each, least)
            texts = [text for text in grown if rule.fits(charset.decode(text))]
    readings: list[Reading] = []
    for text in texts[: rule.nbest]:
        found = rescore(probabilities, charset, text)
        most = readings[-1].confidence if readings else 1.0
        readings.append(found._replace(confidence=min(found.confidence, most)))
    return readings


def _grown(
    probabilities: Array, charset: Charset, rule: TextConstraint, each: bool, least: float
) -> list[tuple[int, ...]]:
    """Texts as indices, the likeliest first; ``each``: so many of each length live on, instead of so many of all."""
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}  # ending in a blank, and in a letter
    known: dict[tuple[int, ...], bool] = {}
    width = max(OF_EACH if each else WIDTH, 2 * rule.nbest)
    for step in probabilities.astype(np.float64):
        tried = [int(index) for index in np.flatnonzero(step > least) if index != BLANK]
        new: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for text, (blank, letter) in beam.items():
            new[text][0] += (blank + letter) * step[BLANK]
            if text:
                new[text][1] += letter * step[text[-1]]
            for index in tried:
                chance = (blank if text and index == text[-1] else blank + letter) * step[index]
                if not chance:
                    continue
                longer = (*text, index)
                if longer not in known:
                    known[longer] = rule.grows(charset.decode(longer))
                if known[longer]:
                    new[longer][1] += chance
        best = sorted(new.items(), key=lambda item: (-sum(item[1]), item[0]))
        kept: Counter[int] = Counter()
        most = sum(best[0][1]) or 1.0  # texts are compared with each other only, and products of many steps underflow
        beam = {}
        for text, (blank, letter) in best:
            kept[length := len(text) if each else 0] += 1
            if kept[length] <= width:
                beam[text] = blank / most, letter / most
    return list(beam)


def best_path_of_length(probabilities: Array, length: int) -> tuple[int, ...] | None:
    """The letters, as indices, of the likeliest path that emits so many (Viterbi 1967); None where no path does.

    Args:
        probabilities: T, C.

    >>> best_path_of_length(np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]]), 1)
    (1,)
    """
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities.astype(np.float64))
    symbols, emitted = np.arange(scores.shape[1]), np.arange(length + 1)
    best = np.full((len(emitted), len(symbols)), -np.inf)  # of the paths so far: letters emitted, the last symbol
    best[0, BLANK] = scores[0, BLANK]
    best[1:2, 1:] = scores[0, 1:]
    came = np.zeros((len(scores), *best.shape), int)  # the symbol before
    for step in range(1, len(scores)):
        first = best.argmax(axis=1)
        others = best.copy()
        others[emitted, first] = -np.inf
        # A letter is new after any other symbol, and goes on after itself; a blank comes after any.
        other = np.where(symbols == first[:, None], others.argmax(axis=1)[:, None], first[:, None])
        new, before = np.full_like(best, -np.inf), np.zeros_like(other)
        new[1:], before[1:] = np.take_along_axis(best, other, axis=1)[:-1], other[:-1]
        stays = best >= new
        came[step] = np.where(stays, symbols, before)
        came[step, :, BLANK] = first
        new = np.where(stays, best, new)
        new[:, BLANK] = best[emitted, first]
        best = new + scores[step]
    symbol, left = int(best[length].argmax()), length
    if best[length, symbol] == -np.inf:
        return None
    letters = []
    for step in range(len(scores) - 1, -1, -1):
        previous = int(came[step, left, symbol]) if step else BLANK
        if symbol not in (BLANK, previous):
            letters.append(symbol)
            left -= 1
        symbol = previous
    return tuple(reversed(letters))


def rescore(probabilities: Array, charset: Charset, text: tuple[int, ...]) -> Reading:
    """A text, as indices, as `reading` gives it, but no surer than the best path's by as much as it is less likely.

    The letters of a text say nothing of those that it leaves out.

    >>> steps = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.2, 0.0, 0.8]])
    >>> round(rescore(steps, Charset(("a", "b")), (1,)).confidence, 2)  # not the 1.0 of its letter
    0.2
    """
    (best,) = decode_ctc(probabilities[None], charset)
    most = tuple(charset.encode(best.text))
    if text == most:
        return best
    found = reading(probabilities, charset, text)
    own, highest = likelihoods([probabilities], [text, most])[0].tolist()
    share = min(1.0, own / highest) if highest else 0.0
    return found._replace(confidence=min(found.confidence, best.confidence * share))


def likelihoods(views: Sequence[Array], texts: Sequence[tuple[int, ...]]) -> Array:
    """How likely each view finds each text, as indices: V, N; the sum over all ways to emit it.

    The forward pass of Graves et al. 2006, of all at once.

    Args:
        views: T, C each, with a T of its own.

    >>> steps = np.array([[0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]])
    >>> likelihoods([steps, steps[:1]], [(1, 2), (2,)]).round(2).tolist()
    [[0.54, 0.04], [0.0, 0.4]]
    """
    paths = [_states(text) for text in texts]
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


def _states(text: tuple[int, ...]) -> tuple[Array, Array]:
    """What may be emitted, in its order: the letters and blanks between them; and which may follow the last but one."""
    states = np.full(2 * len(text) + 1, BLANK)
    states[1::2] = text
    skips = np.zeros(len(states), bool)  # over the blank between two different letters
    skips[3::2] = states[3::2] != states[1:-2:2]
    return states, skips


def reading(probabilities: Array, charset: Charset, text: tuple[int, ...]) -> Reading:
    """A text, as indices, with the confidence of each letter: the highest probability among the steps that emit it.

    The steps are those of the likeliest path that emits the text (Viterbi 1967).
    """
    if not text:
        return Reading("", float(probabilities[:, BLANK].mean()), [])
    states, skips = _states(text)
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities[:, states].astype(np.float64))
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, :2]
    came = np.zeros(scores.shape, int)
    for step in range(1, len(scores)):
        ways = np.full((3, len(states)), -np.inf)
        ways[0], ways[1, 1:] = best, best[:-1]
        ways[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        came[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[step]
    state = len(states) - 1 if best[-1] >= best[-2] else len(states) - 2
    peaks = np.zeros(len(text))
    for step in range(len(scores) - 1, -1, -1):
        if state % 2:
            peaks[state // 2] = max(peaks[state // 2], probabilities[step, states[state]])
        state -= int(came[step, state])
    characters = list(zip(charset.decode(text), peaks.clip(0, 1).tolist(), strict=True))
    return Reading("".join(name for name, _ in characters), float(np.prod(peaks.clip(0, 1))), characters)
