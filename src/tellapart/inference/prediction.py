"""The answer for one image, and the name that it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tellapart.core.image_io import Pixels

ANSWER = {"classify": "label", "read": "text"}  # what the answer of a task is called in tables and JSON

_Item = TypeVar("_Item", bound=str | Path | bytes | Pixels)


@dataclass(frozen=True)
class Prediction:
    """The answer for one image: a label or a text with its confidence, or an error.

    Args:
        file: the name of the image.
        task: ``classify`` or ``read``.
        answer: the label or the text.
        confidence: 0..1.
        probabilities: Classifiers: class → probability.
        characters: Readers: each character with its confidence.
        group: the coarse label whose classes are the likeliest together, which need not be that of the answer; None
            where there are none.
        error: why there is no answer; None where there is one.
        accepted: whether the confidence reaches the level of the bundle; None where the bundle never abstains.
        alternatives: Readers: the next best texts with their confidences, where they were asked for.
        group_confidence: the sum of the probabilities of the group's classes, 0..1; None where there are no groups.
    """

    file: str
    task: str
    answer: str = ""
    confidence: float = 0.0
    probabilities: Mapping[str, float] = field(default_factory=dict)
    characters: Sequence[tuple[str, float]] = ()
    group: str | None = None
    error: str | None = None
    accepted: bool | None = None
    alternatives: Sequence[tuple[str, float]] = ()
    group_confidence: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The row of ``predict --json``."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        if self.task == "read":
            characters = [{"character": c, "confidence": round(p, 6)} for c, p in self.characters]
            alternatives = [{"text": text, "confidence": round(p, 6)} for text, p in self.alternatives]
            return {
                "file": self.file,
                "text": self.answer,
                "confidence": round(self.confidence, 6),
                "characters": characters,
                **({"accepted": self.accepted} if self.accepted is not None else {}),
                **({"alternatives": alternatives} if alternatives else {}),
            }
        row: dict[str, Any] = {
            "file": self.file,
            "label": self.answer,
            "confidence": round(self.confidence, 6),
        }
        if self.group is not None:
            row["group"] = self.group
        if self.group_confidence is not None:
            row["group_confidence"] = round(self.group_confidence, 6)
        if self.accepted is not None:
            row["accepted"] = self.accepted
        return row | {"probabilities": {name: round(p, 6) for name, p in self.probabilities.items()}}

    @classmethod
    def from_json(cls, row: Mapping[str, Any], task: str) -> Prediction:
        """From a row of `to_json`.

        >>> row = Prediction("a.png", "read", "ab", 0.9, characters=[("a", 0.9), ("b", 1.0)]).to_json()
        >>> Prediction.from_json(row, "read").to_json() == row
        True
        """
        if "error" in row:
            return cls(row["file"], task, error=row["error"])
        return cls(
            row["file"], task, row[ANSWER[task]], row["confidence"],
            row.get("probabilities", {}),
            [(each["character"], each["confidence"]) for each in row.get("characters", [])],
            row.get("group"), accepted=row.get("accepted"),
            alternatives=[(each["text"], each["confidence"]) for each in row.get("alternatives", [])],
            group_confidence=row.get("group_confidence"),
        )  # fmt: skip


def with_names(items: Iterable[_Item]) -> Iterator[tuple[str, _Item]]:
    """Images with what their answers call them: a path its own words, anything else its number.

    >>> [name for name, _ in with_names(["a.png", b"", Path("b/c.png")])]
    ['a.png', 'image 1', 'b/c.png']
    """
    for number, item in enumerate(items):
        yield (str(item) if isinstance(item, str | Path) else f"image {number}"), item
