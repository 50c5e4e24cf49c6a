"""An answer as HTML: a bar a class, a colour a character; and answers of a camera made calm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tellapart.inference.prediction import Prediction
from tellapart.viz.html import package_text

MOST = 6  # bars; the other classes are one line
CALM = 0.7  # of what the camera showed before stays in what it shows now
REMEMBERED = 7  # readings of a camera's picture that vote

SHOWN = 40  # classes that the empty page names
STYLE = "\n" + package_text("tellapart.serving.ui", "page.css")
SCRIPT = package_text("tellapart.serving.ui", "page.js")
_GAP = "\u202f"  # narrow, and no line ends at it


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
    said = prediction.answer
    if prediction.task == "tag":
        said = ", ".join(prediction.value) or "none of its tags"
    group = f' <span class="note">({escape(prediction.group)})</span>' if prediction.group else ""
    bars = _bars(prediction.probabilities, together=prediction.task != "tag")
    return _box(f'<p class="said">{escape(said)}{group}</p>{unsure}{bars}')


def caption(prediction: Prediction) -> str:
    """The answer in one line."""
    if prediction.error is not None:
        return f"cannot be used: {prediction.error}"
    return f"{prediction.answer or '(nothing)'}  {percent(prediction.confidence)}" + (
        "" if _sure(prediction) else ", not sure"
    )


def render_empty(then: str = "Drop, paste or take a picture") -> str:
    """Before there is a picture: what to do."""
    return _box(f'<p class="note">{then}; the answer comes here.</p>')


def render_known(known: Mapping[str, Any]) -> str:
    """What a model can answer, and how good it was on images that it had not learnt from.

    >>> "2 classes" in render_known({"labels": ["cat", "dog"], "metrics": {}})
    True
    """
    parts = []
    if "labels" in known:
        labels = list(known["labels"])
        names = "".join(f"<li>{escape(str(each))}</li>" for each in labels[:SHOWN])
        more = f"<li>and {len(labels) - SHOWN} more</li>" if len(labels) > SHOWN else ""
        kind = "tags, several or none a picture" if known.get("several") else "classes"
        parts.append(f'<p>It knows {len(labels)} {kind}:</p><ul class="known">{names}{more}</ul>')
    elif "characters" in known:
        characters = list(known["characters"])
        length = f", in texts of {known['length']}" if known.get("length") else ""
        parts.append(
            f"<p>It knows {len(characters)} characters{length}: <code>{escape(''.join(characters))}</code></p>"
        )
    metrics = known.get("metrics") or {}
    name = next(
        (each for each in ("accuracy", "subset_accuracy", "exact_match") if isinstance(metrics.get(each), Mapping)),
        None,
    )
    if name is not None:
        figure = metrics[name]
        low, high = figure["ci95"]
        parts.append(
            f"<p>Of {figure['n']:,} images that it had not learnt from it was right about {percent(figure['value'])} "
            f"(95{_GAP}% interval {percent(low)} to {percent(high)}).</p>"
        )
    return f'<div class="answer about">{"".join(parts)}</div>' if parts else ""


def render_choices(known: Mapping[str, Any]) -> str:
    """The classes that the box for corrections offers."""
    options = "".join(f'<option value="{escape(str(each))}"></option>' for each in known.get("labels", ()))
    return f'<datalist id="known-labels">{options}</datalist>'


def render_table(rows: Sequence[tuple[str, Prediction]]) -> str:
    """Names of pictures and their answers."""
    good = [each for _, each in rows if each.error is None]
    unsure = sum(not _sure(each) for each in good)
    told = f"{len(good)} of {len(rows)} answered" + (f", {unsure} not sure" if unsure else "")
    lines = "".join(
        f'<tr><td class="file">{escape(name)}</td>'
        + (
            f'<td class="bad" colspan="2">cannot be used: {escape(each.error)}</td>'
            if each.error is not None
            else f"<td><b>{escape(each.answer or '(nothing)')}</b></td>"
            f'<td class="number">{percent(each.confidence)}{"" if _sure(each) else " not sure"}</td>'
        )
        + "</tr>"
        for name, each in rows
    )
    head = '<tr><th scope="col">picture</th><th scope="col">answer</th><th scope="col">how sure</th></tr>'
    return f'<div class="answer"><p>{told}</p><table class="answers">{head}{lines}</table></div>'


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; no line ends inside.

    >>> percent(0.441, 1)
    '44.1\u202f%'
    """
    return f"{100 * share:.{digits}f}{_GAP}%"


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
        f'title="{escape(c)}: {percent(p, 1)}"><b>{escape(c)}</b><small>{percent(p)}</small></span>'
        for c, p in prediction.characters
    )
    return (
        f'<p class="said">{escape(prediction.answer)}</p><div class="letters">{cells}</div>'
        f"<p>the whole text: {percent(prediction.confidence)} sure</p>"
    )


def _bars(probabilities: Mapping[str, float], *, together: bool) -> str:
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    bars = "".join(
        f'<div class="bar"><span class="name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="track"><span class="fill" style="display: block; width: {100 * p:.1f}%"></span></span>'
        f'<span class="number">{percent(p, 1)}</span></div>'
        for name, p in ranked[:MOST]
    )
    rest = ranked[MOST:]
    if rest and not together:
        bars += f'<p class="note">{len(rest)} other tags are less likely</p>'
    elif rest:
        bars += f'<p class="note">{len(rest)} other classes together: {percent(sum(p for _, p in rest), 1)}</p>'
    return bars
