"""What the texts of many pictures have in common, estimated from a reader's own answers, without labels.

The pictures of one scheme share an alphabet and often a length. A reader that knows neither takes a 0 for an O, or
loses a letter under a line, in a picture here and there. All answers together tell what the texts are like, and each
answer that is unlike them is weighed against the best one that is like them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import regex

from tellapart.core.errors import pluralize
from tellapart.core.progress import log
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import MIN_TEXTS, TextConstraint
from tellapart.inference.image_inputs import Read
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.inference.reader_ensemble import ReaderEnsemble

ODDS = 100  # a text like the others takes the place of one unlike them that the picture makes so many times likelier
RARE_KIND = 0.04  # share of the characters below which a kind (digits, capitals, lower case, signs) counts as misread
USUAL_LENGTH = 0.5  # share of the texts from which their commonest length counts as that of all


@dataclass(frozen=True)
class SharedConstraint:
    """What texts of one scheme may be.

    Args:
        alphabet: the characters of all kinds that are not rare.
        kinds: the names of these kinds.
        length: the number of characters of all texts; None: it differs.
    """

    alphabet: str
    kinds: tuple[str, ...]
    length: int | None

    def __str__(self) -> str:
        """Say it in words."""
        length = "" if self.length is None else f"{pluralize(self.length, 'character')} of "
        return length + ", ".join(self.kinds)

    def to_rule(self) -> TextConstraint:
        """Return it as a rule for a reader.

        >>> SharedConstraint("01", ("digits",), 4).to_rule().pattern
        '[01]{4}'
        """
        letters = "".join(map(regex.escape, self.alphabet))
        return TextConstraint(pattern=f"[{letters}]" + ("+" if self.length is None else f"{{{self.length}}}"))


def estimate_constraint(texts: Sequence[tuple[str, float]], charset: Charset) -> SharedConstraint | None:
    """Estimate what texts of one scheme may be.

    Args:
        texts: each reading and its confidence, which is its weight.
        charset: of the reader.

    Returns:
        None: there are fewer than `MIN_TEXTS` texts.

    >>> charset = Charset(tuple("0123456789abcO"))
    >>> str(estimate_constraint([("4711", 0.9)] * 30 + [("47O", 0.5)], charset))
    '4 characters of digits'
    """
    texts = [(text, weight) for text, weight in texts if text and weight > 0]
    if len(texts) < MIN_TEXTS:
        return None
    kinds: defaultdict[str, float] = defaultdict(float)
    lengths: defaultdict[int, float] = defaultdict(float)
    for text, weight in texts:
        lengths[len(text)] += weight
        for character in text:
            kinds[_kind(character)] += weight
    common = [kind for kind in sorted(kinds) if kinds[kind] >= RARE_KIND * sum(kinds.values())]
    alphabet = "".join(character for character in charset.characters if _kind(character) in common)
    length = max(lengths, key=lambda each: lengths[each])
    is_usual = lengths[length] >= USUAL_LENGTH * sum(lengths.values())
    return SharedConstraint(alphabet, tuple(common), length if is_usual else None)


def read_together(
    predictor: Predictor | ReaderEnsemble,
    predictions: Sequence[Prediction],
    items: Callable[[Sequence[int]], Iterable[tuple[str, Read]]],
) -> list[Prediction]:
    """Read again the pictures whose text is unlike what all texts have in common.

    The new text takes the place of the old one where it is at most `ODDS` times less likely: pictures of another scheme
    among the others keep their text, as a text of another length or alphabet is far less likely for them.

    Args:
        predictor: a reader without a rule of its own; any other predictor changes nothing.
        predictions: its answers, each picture read alone; N.
        items: gives the pictures of some indices again, with their names, in the same order.

    Returns:
        N predictions.
    """
    own_rule = TextConstraint(nbest=predictor.rule.nbest)
    if predictor.bundle.task != "read" or predictor.rule != own_rule:
        return list(predictions)
    readings = [(each.answer, each.confidence) for each in predictions if not each.error]
    shared = estimate_constraint(readings, predictor.bundle.charset)
    if shared is None:
        return list(predictions)
    rule = replace(shared.to_rule(), nbest=own_rule.nbest)
    unlike = [
        index for index, each in enumerate(predictions) if not each.error and each.answer and not rule.fits(each.answer)
    ]
    results, changed = list(predictions), 0
    guided = predictor.with_rule(rule).stream(items(unlike)) if unlike else iter(())
    for index, prediction in zip(unlike, guided, strict=True):
        if prediction.answer and prediction.confidence * ODDS >= predictions[index].confidence:
            results[index], changed = prediction, changed + 1
    if changed:
        log(
            f"texts alike: {shared}, as most of the {pluralize(len(readings), 'picture')} are; {changed:,} that seemed "
            "otherwise are read so (--independent reads each alone)"
        )
    return results


def _kind(character: str) -> str:
    if character.isdigit():
        return "digits"
    if character.isalpha():
        return "capitals" if character.isupper() else "lower-case letters" if character.islower() else "letters"
    return "signs"
