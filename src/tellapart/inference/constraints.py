"""What a text may be: its alphabet, its pattern and its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError, TextError, join_some
from tellapart.inference.charset import BLANK, Charset

MIN_TEXTS = 20  # texts of one length that let this length be expected of others

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
    return lengths.pop() if len(lengths) == 1 and len(texts) >= MIN_TEXTS else None
