"""An answer as HTML: a bar a class, a colour a character; and answers of a camera made calm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from tellapart.inference.prediction import Prediction
from tellapart.viz.html import package_text

MOST = 6  # bars; the other classes are one line
CALM = 0.7  # of what the camera showed before stays in what it shows now
REMEMBERED = 7  # readings of a camera's picture that vote

STYLE = "\n" + package_text("tellapart.serving.ui", "page.css")


def render_answer(prediction: Prediction) -> str:
    """The answer for people; whatever stands in it is escaped.

    >>> "cat" in render_answer(Prediction("a.png", "classify", "cat", 0.9, {"cat": 0.9, "dog": 0.1}))
    True
    """
    if prediction.error is not None:
        return _box(f'<p class="said">This picture cannot be used</p><p>{escape(prediction.error)}</p>')
    unsure = (
        '<p class="note">not sure: below the level at which this model abstains</p>' if not _sure(prediction) else ""
    )
    if prediction.task == "read":
        return _box(_letters(prediction) + unsure)
    group = f' <span class="note">({escape(prediction.group)})</span>' if prediction.group else ""
    return _box(f'<p class="said">{escape(prediction.answer)}{group}</p>{unsure}{_bars(prediction.probabilities)}')


def caption(prediction: Prediction) -> str:
    """The answer in one line."""
    if prediction.error is not None:
        return f"cannot be used: {prediction.error}"
    return f"{prediction.answer or '(nothing)'}  {100 * prediction.confidence:.0f} %" + (
        "" if _sure(prediction) else ", not sure"
    )


def render_empty(then: str = "Drop, paste or take a picture") -> str:
    """Before there is a picture: what to do."""
    return _box(f'<p class="note">{then}; the answer comes here.</p>')


def smooth_probabilities(before: Mapping[str, float] | None, now: Prediction) -> dict[str, float]:
    """The probabilities of a camera's pictures, the older ones ever less: a mean that moves.

    >>> smooth_probabilities({"a": 1.0, "b": 0.0}, Prediction("", "classify", "b", 1.0, {"a": 0.0, "b": 1.0}))["a"]
    0.7
    """
    if before is None or set(before) != set(now.probabilities):
        return dict(now.probabilities)
    return {name: CALM * before[name] + (1 - CALM) * p for name, p in now.probabilities.items()}


def majority_vote(before: list[str], now: str) -> tuple[str, list[str]]:
    """The text that most of the last pictures read, the newest of these if there are several.

    >>> majority_vote(["ab", "ab", "xb"], "xb")
    ('xb', ['ab', 'ab', 'xb', 'xb'])
    """
    texts = [*before, now][-REMEMBERED:]
    count = Counter(texts)
    return max(reversed(texts), key=lambda text: count[text]), texts


def _sure(prediction: Prediction) -> bool:
    return prediction.accepted is not False


def _box(inside: str) -> str:
    return f'<div class="answer" role="status" aria-live="polite">{inside}</div>'


def _letters(prediction: Prediction) -> str:
    if not prediction.characters:
        return '<p class="said">no text found</p>'
    cells = "".join(
        f'<span class="letter" style="background: hsl({round(110 * p)} 75% 72%)" '
        f'title="{escape(c)}: {100 * p:.1f} %"><b>{escape(c)}</b><small>{100 * p:.0f} %</small></span>'
        for c, p in prediction.characters
    )
    return (
        f'<p class="said">{escape(prediction.answer)}</p><div class="letters">{cells}</div>'
        f"<p>the whole text: {100 * prediction.confidence:.0f} % sure</p>"
    )


def _bars(probabilities: Mapping[str, float]) -> str:
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    bars = "".join(
        f'<div class="bar"><span class="name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="track"><span class="fill" style="display: block; width: {100 * p:.1f}%"></span></span>'
        f'<span class="number">{100 * p:.1f} %</span></div>'
        for name, p in ranked[:MOST]
    )
    rest = ranked[MOST:]
    if rest:
        bars += f'<p class="note">{len(rest)} other classes together: {100 * sum(p for _, p in rest):.1f} %</p>'
    return bars
