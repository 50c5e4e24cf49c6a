"""The usual causes of a poor reader, each with its evidence: see `tellapart.pipelines.diagnose`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tellapart.core.errors import join_some, pluralize
from tellapart.inference.ctc import required_steps
from tellapart.inference.preprocess import PIXELS_A_STEP
from tellapart.pipelines.run_evidence import Cause, RunEvidence, largest
from tellapart.training.build_model import build_preprocess
from tellapart.training.colour import is_colour_coded

TIGHT = 1.5  # steps a letter: CTC wants a blank between two of them


def reading_causes(facts: RunEvidence) -> Iterator[Cause]:
    """What only a reader suffers from: colour, nothing read, width, alphabet and case."""
    yield from _colour_unseen(facts)
    yield from _empty_readings(facts)
    yield from _width_too_small(facts)
    yield from _unknown_characters(facts)
    yield from _label_case(facts)


def _colour_unseen(facts: RunEvidence) -> Iterator[Cause]:
    """Colour may say what is the text, and the reader sees grey. One that has learnt its pictures had enough of it."""
    if facts.run.config.colour == "grey" and not facts.learnt and is_colour_coded(facts.catalog):
        yield Cause(
            "colour not seen",
            "nearly every picture has strokes of one same hue beside others, but the reader sees grey; "
            f"{facts.train_accuracy_note}",
            "read in colour (--colour rgb)",
        )


def _empty_readings(facts: RunEvidence) -> Iterator[Cause]:
    text, number = Counter(facts.predictions).most_common(1)[0]
    if number > 0.9 * len(facts.predictions) and largest(facts.sample_labels) < 0.5:
        yield Cause(
            "nothing read",
            f"{number:,} of {pluralize(len(facts.predictions), 'training image')} are read as "
            f"{repr(text) if text else 'nothing at all'}; the character error rate is "
            f"{facts.metrics['cer']['value']:.2f}",
            "CTC learns to answer nothing first: train for more epochs, or with another lr; see that the texts are "
            "legible at the height the network sees",
        )


def _width_too_small(facts: RunEvidence) -> Iterator[Cause]:
    """Letters so close that CTC has hardly a step for each and none for the blanks between them."""
    spec = build_preprocess(facts.run)
    rows = facts.catalog.rows("train")
    widths, heights = facts.catalog.column("width"), facts.catalog.column("height")
    steps = [spec.time_steps(widths[row], heights[row]) for row in rows]
    room = [count / max(1, required_steps(facts.labels[row])) for count, row in zip(steps, rows, strict=True)]
    tight = sum(share < TIGHT for share in room)
    if tight > len(rows) / 10:
        yield Cause(
            "width too small for the text",
            f"{tight:,} of {pluralize(len(rows), 'training picture')} are so narrow for their text that a letter has "
            f"under {TIGHT:g} steps of {PIXELS_A_STEP} px, and the tightest has {min(room):.1f}",
            f"raise the height from {spec.height} px: the width the network sees grows with it",
        )


def _unknown_characters(facts: RunEvidence) -> Iterator[Cause]:
    """Characters that are asked for and were never shown."""
    trained_characters = set().union(*(facts.labels[row] for row in facts.catalog.training_rows()))
    tested = [facts.labels[row] for row in facts.catalog.rows("test") or facts.catalog.rows()]
    new = [text for text in tested if set(text) - trained_characters]
    if len(new) > len(tested) / 20:
        characters = join_some(map(repr, sorted(set().union(*new) - trained_characters)))
        yield Cause(
            "alphabet mismatch",
            f"{len(new):,} of {pluralize(len(tested), 'test text')} hold characters that no training text has: "
            f"{characters}",
            "label images that show them, or see whether the labels of one part are written another way",
        )


def _label_case(facts: RunEvidence) -> Iterator[Cause]:
    """Right but for upper and lower case."""
    exact, folded = (facts.metrics[name]["value"] for name in ("exact_match", "exact_match_folded"))
    if folded - exact > max(0.1, (1 - exact) / 2):
        yield Cause(
            "case of the labels",
            f"{exact:.0%} of the test texts are read exactly, but {folded:.0%} if case is ignored",
            "where the pictures show one case only, write the labels in it; where case does not count, compare without",
        )
