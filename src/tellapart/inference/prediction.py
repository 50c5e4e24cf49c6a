"""The answer for one image, and the name that it goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tellapart.core.notebook import data_frame, html_table
from tellapart.core.tag_sets import join_tags, split_tags

ANSWER = {"classify": "label", "read": "text", "tag": "tags"}  # what the answer of a task is called in tables and JSON
SHOWN = 20  # answers of many, and classes of one, that a notebook shows


@dataclass(frozen=True, repr=False)
class Prediction:
    """The answer for one image: a label, a text or tags with the confidence, or an error.

    Args:
        file: the name of the image.
        task: ``classify``, ``read`` or ``tag``.
        answer: the label, the text, or the tags as one text, see `tellapart.core.tag_sets`.
        confidence: 0..1.
        probabilities: Classifiers and taggers: class or tag → probability.
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

    @property
    def value(self) -> str | list[str]:
        """The answer as JSON has it: the label, the text, or the list of the tags."""
        return list(split_tags(self.answer)) if self.task == "tag" else self.answer

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
            ANSWER[self.task]: self.value,
            "confidence": round(self.confidence, 6),
        }
        if self.group is not None:
            row["group"] = self.group
        if self.group_confidence is not None:
            row["group_confidence"] = round(self.group_confidence, 6)
        if self.accepted is not None:
            row["accepted"] = self.accepted
        return row | {"probabilities": {name: round(p, 6) for name, p in self.probabilities.items()}}

    def __repr__(self) -> str:
        """Without what this answer does not have.

        >>> Prediction("a.png", "classify", "cat", 0.9, {"cat": 0.9, "dog": 0.1})
        Prediction(file='a.png', task='classify', answer='cat', confidence=0.9, probabilities={'cat': 0.9, 'dog': 0.1})
        >>> Prediction("a.png", "read", error="the file is empty")
        Prediction(file='a.png', task='read', error='the file is empty')
        """
        missing = {"answer", "confidence"} if self.error is not None else set()
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in missing}
        shown = {name: value for name, value in values.items() if name == "answer" or value not in (None, (), [], {})}
        return f"Prediction({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def _repr_html_(self) -> str:
        if self.error is not None:
            return html_table(self.file, [("error", self.error)])
        rows: list[tuple[object, object]] = [("confidence", self.confidence)]
        rows += [("group", self.group)] if self.group is not None else []
        rows += [("accepted", "yes" if self.accepted else "no")] if self.accepted is not None else []
        likeliest = sorted(self.probabilities.items(), key=lambda each: -each[1])[:SHOWN]
        rows += [*likeliest, *self.characters, *self.alternatives]
        return html_table(f"{self.file}: {self.answer}", rows)

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
            row["file"], task, answer_text(row[ANSWER[task]]), row["confidence"],
            row.get("probabilities", {}),
            [(each["character"], each["confidence"]) for each in row.get("characters", [])],
            row.get("group"), accepted=row.get("accepted"),
            alternatives=[(each["text"], each["confidence"]) for each in row.get("alternatives", [])],
            group_confidence=row.get("group_confidence"),
        )  # fmt: skip


def answer_text(value: str | Sequence[str]) -> str:
    """The answer of a `Prediction` from the value that JSON or a table has of it.

    >>> answer_text("cat"), answer_text(["dog", "cat"])
    ('cat', 'cat|dog')
    """
    return value if isinstance(value, str) else join_tags(value)


class Predictions(list[Prediction]):
    """The answers for several images, in their order: a list that shows itself in a notebook as a table."""

    def to_pandas(self) -> Any:
        """A DataFrame, a row an image: file, label, text or tags, confidence, group, accepted, error.

        Raises:
            ConfigError: pandas is not installed.
        """
        return data_frame([_row(each) for each in self])

    def _repr_html_(self) -> str:
        rows = [_row(each) for each in self[:SHOWN]]
        shown = [name for name in (rows[0] if rows else {}) if any(row[name] is not None for row in rows)]
        title = f"{len(self):,} answers" + (f", the first {SHOWN}" if len(self) > SHOWN else "")
        return html_table(title, [[row[name] for name in shown] for row in rows], head=shown)


def _row(answer: Prediction) -> dict[str, Any]:
    failed = answer.error is not None
    return {
        "file": answer.file,
        ANSWER[answer.task]: None if failed else answer.value,
        "confidence": None if failed else answer.confidence,
        "group": answer.group,
        "accepted": answer.accepted,
        "error": answer.error,
    }
