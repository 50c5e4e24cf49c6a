"""Why is it bad? Which of the usual causes of a poor training a run shows, each with its evidence.

The evidence is the run's own files, and the answers of its bundle for a few hundred of the training images: whether
these are right separates "has not learnt" from "has learnt by heart". Source for what to look at, and in which order:
Karpathy, "A recipe for training neural networks" (2019).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tellapart.core.errors import ConfigError, join_some, pluralize
from tellapart.data.duplicates.hashing import connected_components
from tellapart.data.split import near_duplicates
from tellapart.inference.ctc import required_steps
from tellapart.inference.preprocess import PIXELS_A_STEP
from tellapart.pipelines.run_evidence import RunEvidence, largest, skill
from tellapart.training.build_model import build_preprocess
from tellapart.training.run_folder import Run

POOR = 0.5  # skill, see `tellapart.pipelines.run_evidence.skill`
FEW = 20  # training images of a class
USUAL = (1e-5, 2e-2)  # rates that AdamW, whose steps are about as long as the rate, gets along with
TIGHT = 1.5  # steps a letter: CTC wants a blank between two of them
SAME = 4.0  # of 255: pictures that differ less, where they differ most, are all alike
LEAKED = 0.01  # share of the test part


@dataclass(frozen=True)
class Cause:
    """A cause of a poor training.

    Args:
        name: of the cause.
        evidence: what shows it in this run, with numbers.
        advice: what to do.
    """

    name: str
    evidence: str
    advice: str


def poor(run: Run) -> bool:
    """Whether the test score stands nearer to always giving the most frequent answer than to always being right.

    The score is accuracy, of the groups where there are any, or exact match. A run without figures is not poor.
    """
    metrics = run.metrics() or {}
    figure = metrics.get("accuracy") or metrics.get("exact_match")
    if figure is None:
        return False
    if "confusion" in metrics:
        support = [sum(row) for row in metrics["confusion"]["counts"]]
        return skill(figure["value"], max(support) / sum(support)) < POOR
    return skill(figure["value"], RunEvidence(run, metrics).chance) < POOR


def diagnose(run: Run) -> list[Cause]:
    """The usual causes of a poor training that this run shows; of a run with a good score only leakage.

    `poor` decides whether a score is poor. Labels count as shuffled where a closed-form classifier on shapes and
    colours cannot separate the classes either; otherwise they are merely hard.

    Args:
        run: a finished run.

    Returns:
        The causes, the most likely one first.

    Raises:
        ConfigError: the training has not come to its end.
        ImageError: an image of the catalog has gone.
    """
    metrics = run.metrics()
    if metrics is None:
        raise ConfigError(f"{run.path}: not finished yet; run its train command again")
    facts = RunEvidence(run, metrics)
    causes = []
    if facts.skill < POOR:
        if alike := list(_identical_images(facts)):
            return alike  # there is nothing else to see
        causes = (
            list(_rate_too_high(facts)) or list(_shuffled_labels(facts)) or [*_rate_too_low(facts), *_few_images(facts)]
        )
        causes += [
            *_one_class(facts),
            *_empty_readings(facts),
            *_width_too_small(facts),
            *_unknown_characters(facts),
            *_label_case(facts),
        ]
    return [*causes, *leakage(run)]


def leakage(run: Run) -> list[Cause]:
    """Copies of training images in the test part, which flatter any score; worth a look after a good training too."""
    catalog = run.catalog()
    parts, files, pixels = catalog.column("split"), catalog.column("file"), catalog.column("pixels")
    rows = [row for row in catalog.rows() if parts[row] is not None]
    first: dict[str, int] = {}
    same = [(first.setdefault(pixels[row], row), row) for row in rows]
    pairs = []
    for group in connected_components(
        [*(pair for pair in same if pair[0] != pair[1]), *near_duplicates(catalog, rows)]
    ):
        known = [row for row in group if parts[row] != "test"]
        pairs += [(row, known[0]) for row in group if parts[row] == "test" and known]
    tested = len(catalog.rows("test"))
    if len(pairs) <= LEAKED * tested:
        return []
    examples = join_some(f"{files[one]} and {files[other]}" for one, other in pairs)
    return [
        Cause(
            "leakage",
            f"{len(pairs):,} of {pluralize(tested, 'test image')} also stand, the same or nearly so, among those that "
            f"the training saw: {examples}",
            "leave the data's own split out, or let `tellapart clean` drop the copies; exact ones are scored apart, "
            "the others make the test score too good",
        )
    ]


# --- the causes --------------------------------------------------------------------------------------


def _identical_images(facts: RunEvidence) -> Iterator[Cause]:
    rows = facts.catalog.rows()
    pixels = facts.catalog.column("pixels")
    same = Counter(pixels[row] for row in rows).most_common(1)[0][1]
    advice = "look at the files: a download, a conversion or a crop may have gone wrong"
    if same > len(rows) / 2:
        yield Cause("images all alike", f"{same:,} of {pluralize(len(rows), 'image')} are one and the same", advice)
    elif (apart := float(np.percentile(facts.thumbnails.std(axis=0), 99))) < SAME:
        evidence = f"where the images differ most, they do so by {apart:.1f} of 255 steps of brightness"
        yield Cause("images all alike", evidence, advice)


def _rate_too_high(facts: RunEvidence) -> Iterator[Cause]:
    for stage, losses in facts.curves:
        bad = [loss for loss in losses if not math.isfinite(loss)]
        if bad:
            evidence = f"the training loss was no number in {len(bad)} of {pluralize(len(losses), 'epoch')}"
        elif facts.learnt:
            continue
        elif (jump := _jump(losses)) is not None:
            evidence = f"the training loss jumped from {jump[0]:.2f} to {jump[1]:.2f}; {facts.train_accuracy_note}"
        elif facts.classify and max(losses) > 2 * (guess := math.log(len(facts.class_counts))):
            evidence = f"the training loss stood at {max(losses):.1f}, where guessing costs {guess:.2f}"
            evidence = f"{evidence}; {facts.train_accuracy_note}"
        elif stage.lr > USUAL[1]:
            evidence = f"the rate {stage.lr:g} is far above the usual, and {facts.train_accuracy_note}"
        else:
            continue
        advice = f"give the stage {stage.train!r} a tenth of its lr of {stage.lr:g}"
        if stage.lr > USUAL[1]:
            advice = f"give the stage {stage.train!r} an lr between 0.0001 and 0.003 instead of {stage.lr:g}"
        yield Cause("learning rate too high", evidence, advice)
        return


def _shuffled_labels(facts: RunEvidence) -> Iterator[Cause]:
    """Nothing of what the test shows was learnt, with a rate that learns, and a closed form learns nothing either."""
    if facts.figure["ci95"][0] > facts.chance or facts.shape_baseline is None:
        return
    share, low, high, chance = facts.shape_baseline
    tried = facts.learnt or all(stage.lr >= USUAL[0] for stage, _ in facts.curves)
    if tried and low <= chance and high < (1 + chance) / 2:
        losses = facts.curves[-1][1] if facts.curves else []
        fell = f", while the training loss went from {losses[0]:.2f} to {losses[-1]:.2f}" if len(losses) > 1 else ""
        yield Cause(
            "labels shuffled",
            f"the test accuracy of {facts.figure['value']:.2f} is what always answering the same gives "
            f"({facts.chance:.2f}){fell}; a simple classifier, judged on training images it has not seen, is right for "
            f"{share:.0%} of them, and chance is {chance:.0%}",
            "look at a few images of each class with their labels: a table out of step with its files, or a wrong "
            "column, makes such data",
        )


def _rate_too_low(facts: RunEvidence) -> Iterator[Cause]:
    """The training images are not known, although there is something to know or the loss had still a way to go."""
    if facts.learnt or not facts.curves:
        return
    stage, losses = facts.curves[-1]
    third = -(-len(losses) // 3)
    late, before = float(np.mean(losses[-third:])), float(np.mean(losses[-2 * third : -third] or losses))
    simple = facts.shape_baseline
    if not (stage.lr < USUAL[0] or len(losses) < 3 or late < 0.99 * before or (simple and simple[1] > simple[3])):
        return
    more = (
        f"; a simple classifier is right for {simple[0]:.0%} of those it has not seen"
        if simple and simple[1] > simple[3]
        else ""
    )
    went = f"went only from {losses[0]:.2f} to {losses[-1]:.2f}" if losses[1:] else f"came to {losses[0]:.2f}"
    yield Cause(
        "learning rate too low",
        f"in {pluralize(len(losses), 'epoch')} the training loss {went}, and {facts.train_accuracy_note}{more}",
        f"train for more epochs than {len(losses)}, or give the stage {stage.train!r} a higher lr than {stage.lr:g}",
    )


def _few_images(facts: RunEvidence) -> Iterator[Cause]:
    scarce = sorted(facts.class_counts.values())[len(facts.class_counts) // 2] < FEW / 2
    if facts.learnt or (facts.classify and scarce):
        small = [f"{name} ({number})" for name, number in reversed(facts.class_counts.most_common()) if number < FEW]
        each = f"; classes with under {FEW}: {join_some(small)}" if facts.classify and small else ""
        yield Cause(
            "too few images",
            f"of its {pluralize(facts.class_counts.total(), 'training image')} it answers "
            f"{facts.train_accuracy:.0%} right, of new ones "
            f"{facts.figure['value']:.0%}{each}",
            "collect more images, above all of the small classes; meanwhile a pretrained backbone and stronger "
            "augmentation go furthest"
            if facts.classify
            else "label more, or draw some that look like them with `tellapart generate --like`",
        )


def _one_class(facts: RunEvidence) -> Iterator[Cause]:
    table = facts.metrics.get("fine_confusion") or facts.metrics.get("confusion")
    if table is None:
        return
    counts = np.array(table["counts"])
    truth, predicted = counts.sum(axis=1) / counts.sum(), counts.sum(axis=0) / counts.sum()
    most = int(predicted.argmax())
    if predicted[most] > 0.9 and truth[most] < 0.9 * predicted[most]:
        yield Cause(
            "one class predicted",
            f"{predicted[most]:.0%} of the answers are {table['labels'][most]!r}, which {truth[most]:.0%} of the test "
            "images are",
            "where this class fills the training part, try class_weights balanced; else see the other causes",
        )


def _empty_readings(facts: RunEvidence) -> Iterator[Cause]:
    if facts.classify:
        return
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
    if facts.classify:
        return
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
    if facts.classify:
        return
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
    if facts.classify:
        return
    exact, folded = (facts.metrics[name]["value"] for name in ("exact_match", "exact_match_folded"))
    if folded - exact > max(0.1, (1 - exact) / 2):
        yield Cause(
            "case of the labels",
            f"{exact:.0%} of the test texts are read exactly, but {folded:.0%} if case is ignored",
            "where the pictures show one case only, write the labels in it; where case does not count, compare without",
        )


def _jump(losses: list[float]) -> tuple[float, float] | None:
    """From where to where a loss rose by a third of what it began with, if it did.

    >>> _jump([1.0, 0.6, 1.4]), _jump([1.0, 0.6, 0.7])
    ((0.6, 1.4), None)
    """
    lowest = losses[0]
    for loss in losses:
        lowest = min(lowest, loss)
        if loss > lowest + losses[0] / 3:
            return lowest, loss
    return None
