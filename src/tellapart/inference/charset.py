"""The charset of a reader: characters to output indices and back. Index 0 is the CTC blank."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tellapart.core.errors import TextError, join_some

BLANK = 0
_MOST_SHOWN = 100  # a charset of thousands would drown its own error message


@dataclass(frozen=True)
class Charset:
    """The characters a reader can emit, in the order of its outputs; output 0 is the CTC blank.

    A character is one Unicode code point, taken as given: nothing is normalised or folded.

    Raises:
        TextError: no characters, one twice, or an entry that is not exactly one code point.

    >>> charset = Charset(("a", "b"))
    >>> charset.size, charset.encode("abba"), charset.decode([1, 2, 2, 1])
    (3, [1, 2, 2, 1], 'abba')
    """

    characters: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "characters", tuple(self.characters))
        if not self.characters:
            raise TextError("the charset is empty: give at least one character")
        odd = [entry for entry in self.characters if not isinstance(entry, str) or len(entry) != 1]
        if odd:
            raise TextError(f"charset entries that are not one character: {join_some(map(repr, odd))}; split them")
        twice = [entry for entry, times in Counter(self.characters).items() if times > 1]
        if twice:
            raise TextError(f"characters twice in the charset: {join_some(map(repr, twice))}; name each once")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Charset:
        """The charset of these texts: their distinct code points, sorted.

        Raises:
            TextError: the texts hold no character.

        >>> Charset.of(["bee", "a"]).characters
        ('a', 'b', 'e')
        """
        characters = sorted(set().union(*texts))
        if not characters:
            raise TextError("the texts hold no character: give at least one text that is not empty")
        return cls(tuple(characters))

    @classmethod
    def from_json(cls, value: object) -> Charset:
        """The charset that `to_json` wrote.

        Raises:
            TextError: ``value`` is not a list of distinct single characters.

        >>> Charset.from_json(["a", "b"]).size
        3
        """
        if not isinstance(value, list):
            raise TextError(f"a charset is a list of characters, not {type(value).__name__}")
        return cls(tuple(value))

    def to_json(self) -> list[str]:
        """The characters as a list of strings, without the blank.

        >>> Charset(("a", "b")).to_json()
        ['a', 'b']
        """
        return list(self.characters)

    @property
    def size(self) -> int:
        """The number of outputs a reader needs: the characters and the blank.

        >>> Charset(("a", "b")).size
        3
        """
        return len(self.characters) + 1

    def encode(self, text: str) -> list[int]:
        """The index of each character, 1 and up; the blank is never among them.

        Raises:
            TextError: the text holds characters that the charset lacks.

        >>> Charset(("a", "b")).encode("ba")
        [2, 1]
        """
        try:
            return [self._index[character] for character in text]
        except KeyError:
            missing = join_some(map(repr, self.unknown([text])), most=10)
        shown = "".join(self.characters[:_MOST_SHOWN])
        more = len(self.characters) - _MOST_SHOWN
        known = f"{shown!r}" + (f" and {more:,} more" if more > 0 else "")
        raise TextError(
            f"{text!r}: characters not in the charset: {missing} (known: {known}); "
            "leave the text out, or train a reader whose charset holds them"
        )

    def decode(self, indices: Iterable[int]) -> str:
        """The text of these indices, the inverse of `encode`; blanks are skipped, repeats are kept.

        Raises:
            TextError: an index is outside the charset.

        >>> Charset(("a", "b")).decode([2, 0, 1, 1])
        'baa'
        """
        numbers = [int(index) for index in indices]
        outside = [index for index in numbers if not 0 <= index < self.size]
        if outside:
            raise TextError(f"indices outside 0..{self.size - 1}: {join_some(outside)}; they come from another charset")
        return "".join(self.characters[index - 1] for index in numbers if index != BLANK)

    def unknown(self, texts: Iterable[str]) -> dict[str, int]:
        """The characters of these texts that the charset lacks, and how often each occurs; frequent first.

        >>> Charset(("a", "b")).unknown(["abc", "ccd"])
        {'c': 3, 'd': 1}
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return {character: n for character, n in counts.most_common() if character not in self._index}

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {character: index for index, character in enumerate(self.characters, start=1)}
