"""Why is it bad? Which of the usual causes of a poor training a run shows, each with its evidence.

The evidence is the run's own files, and the answers of its bundle for a few hundred of the training images: whether
these are right separates "has not learnt" from "has learnt by heart". Source for what to look at, and in which order:
Karpathy, "A recipe for training neural networks" (2019).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from tellapart.core.errors import ConfigError, join_some, pluralize
from tellapart.data.duplicates.hashing import connected_components
from tellapart.data.split import near_duplicates
from tellapart.pipelines.diagnose_reading import reading_causes
from tellapart.pipelines.label_evidence import misplaced_labels
from tellapart.pipelines.run_evidence import LEARNT, Cause, RunEvidence, skill
from tellapart.training.run_folder import Run

POOR = 0.5  # skill, see `tellapart.pipelines.run_evidence.skill`
FEW = 20  # training images of a class
# Rates that AdamW, whose steps are about as long as the rate, gets along with.
USUAL = {"new": (1e-4, 2e-2), "begun": (1e-5, 3e-3)}
AS_ADAMW = {"adamw": 1.0, "adam": 1.0, "sgd": 30.0}  # a rate of each that learns as AdamW's of 1, as a rule of thumb
ENOUGH = 600  # steps of the weights, half of what learning from nothing takes by default
STILL_FALLING = 0.9  # the loss of the last third of the epochs over that of the third before
ONE_CLASS = 0.9  # share of the answers
FOUND = 0.1  # share of the other classes' images that are found, up to which they are not
SAME = 4.0  # of 255: pictures that differ less, where they differ most, are all alike
LEAKED = 0.01  # share of the test part


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

    `poor` decides whether a score is poor. A cause is named where the run or the data shows it, and never because no
    other was found: of a hard set that was learnt as well as it can be, nothing is said.

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
            list(_rate_too_high(facts))
            or list(_shuffled_labels(facts))
            or list(_rate_too_low(facts))
            or [*_too_few_epochs(facts), *(list(_unlike_parts(facts)) or _few_images(facts))]
        )
        causes += [*_one_class(facts)] if facts.classify else [*reading_causes(facts)]
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
    usual, as_adamw = USUAL["begun" if facts.begun else "new"], AS_ADAMW[facts.run.config.optimizer]
    guess = math.log(len(facts.class_counts)) if facts.classify else 0.0
    for stage, losses in facts.curves:
        bad = [loss for loss in losses if not math.isfinite(loss)]
        most = (USUAL["new"][1] if stage.train == "head" else usual[1]) * as_adamw
        if bad:
            evidence = f"the training loss was no number in {len(bad)} of {pluralize(len(losses), 'epoch')}"
        elif facts.learnt:
            continue
        elif (jump := _jump(losses)) is not None and jump[1] > guess:
            evidence = f"the training loss jumped from {jump[0]:.2f} to {jump[1]:.2f}; {facts.train_accuracy_note}"
        elif facts.classify and losses[-1] > 2 * guess:
            evidence = f"the training loss stood at {losses[-1]:.1f}, where guessing costs {guess:.2f}"
            evidence = f"{evidence}; {facts.train_accuracy_note}"
        elif stage.lr > most:
            evidence = f"the rate {stage.lr:g} is far above the usual, and {facts.train_accuracy_note}"
        else:
            continue
        advice = f"give the stage {stage.train!r} a tenth of its lr of {stage.lr:g}"
        if stage.lr > most:
            advice = f"give the stage {stage.train!r} {_usual_rates(facts)} instead of {stage.lr:g}"
        yield Cause("learning rate too high", evidence, advice)
        return


def _usual_rates(facts: RunEvidence) -> str:
    as_adamw = AS_ADAMW[facts.run.config.optimizer]
    return f"an lr between {0.0001 * as_adamw:g} and {0.003 * as_adamw:g}"


def _shuffled_labels(facts: RunEvidence) -> Iterator[Cause]:
    """Nothing of what the test shows was learnt, and something shows that the labels belong to other pictures."""
    if facts.figure["ci95"][0] > facts.chance or (evidence := misplaced_labels(facts)) is None:
        return
    yield Cause(
        "labels shuffled",
        evidence,
        "look at a few images of each class with their labels: a table out of step with its files, or a wrong "
        "column, makes such data"
        if facts.classify
        else "look at a few pictures with their texts: a table out of step with its files, or a wrong column, makes "
        "such data",
    )


def _rate_too_low(facts: RunEvidence) -> Iterator[Cause]:
    """The training images are not known, and no stage had a rate that learns."""
    if facts.learnt or not facts.curves:
        return
    stage, losses = max(facts.curves, key=lambda curve: curve[0].lr)
    least = USUAL["begun" if facts.begun else "new"][0] * AS_ADAMW[facts.run.config.optimizer]
    if stage.lr < least:
        yield Cause(
            "learning rate too low",
            f"the highest rate is {stage.lr:g}, where {least:g} is little; {_went(losses)}, and "
            f"{facts.train_accuracy_note}",
            f"give the stage {stage.train!r} {_usual_rates(facts)} instead of {stage.lr:g}",
        )


def _too_few_epochs(facts: RunEvidence) -> Iterator[Cause]:
    """The training images are not known, and the training was short, or its loss still fell fast.

    Not where nearly all images are of one class: to call them all that is learnt at once.
    """
    if facts.learnt or not facts.curves or (facts.classify and facts.sample_chance >= ONE_CLASS):
        return
    losses = facts.curves[-1][1]
    third = -(-len(losses) // 3)
    late, before = float(np.mean(losses[-third:])), float(np.mean(losses[-2 * third : -third] or losses))
    updates = sum(facts.updates(each) for _, each in facts.curves) // facts.run.count
    if updates < ENOUGH or (len(losses) > 2 and late < STILL_FALLING * before):
        yield Cause(
            "too few epochs",
            f"the weights took {pluralize(updates, 'step')}, {_went(losses)}, and {facts.train_accuracy_note}",
            f"train for more epochs than {len(losses)}",
        )


def _went(losses: list[float]) -> str:
    """How a loss went, in words: it may have come down far or not.

    >>> _went([2.0, 1.0]), _went([2.0])
    ('in 2 epochs the training loss went from 2.00 to 1.00', 'in 1 epoch the training loss came to 2.00')
    """
    went = f"went from {losses[0]:.2f} to {losses[-1]:.2f}" if losses[1:] else f"came to {losses[0]:.2f}"
    return f"in {pluralize(len(losses), 'epoch')} the training loss {went}"


def _unlike_parts(facts: RunEvidence) -> Iterator[Cause]:
    """What was learnt holds for the validation part, and not for the test part."""
    if not facts.learnt or not facts.catalog.rows("test") or facts.metrics.get("split", "test") != "test":
        return
    right, low, chance = facts.validation
    if skill(right, chance) >= LEARNT and low > facts.figure["ci95"][1]:
        yield Cause(
            "test part unlike the training part",
            f"of the validation images {right:.0%} are answered right, of the test images {facts.figure['value']:.0%}",
            "see whether the test part has other pictures, or labels written or meant another way, than the others",
        )


def _few_images(facts: RunEvidence) -> Iterator[Cause]:
    """What is known by heart does not hold for new images, or small classes make up most of what is missed."""
    small = [name for name, number in reversed(facts.class_counts.most_common()) if number < FEW]
    tiny = [name for name in small if facts.class_counts[name] < FEW / 2]
    if facts.learnt or (facts.classify and _mostly_missed(facts, tiny)):
        named = [f"{name} ({facts.class_counts[name]})" for name in small]
        each = f"; classes with under {FEW}: {join_some(named)}" if facts.classify and small else ""
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


def _mostly_missed(facts: RunEvidence, names: Sequence[str]) -> bool:
    """Whether more than half of the wrong answers are for images of these classes."""
    table = facts.metrics.get("fine_confusion") or facts.metrics["confusion"]
    counts = np.array(table["counts"])
    wrong = counts.sum(axis=1) - counts.diagonal()
    missed = sum(int(wrong[table["labels"].index(name)]) for name in names if name in table["labels"])
    return missed > int(wrong.sum()) / 2


def _one_class(facts: RunEvidence) -> Iterator[Cause]:
    """Nearly all answers are one class, and hardly an image of the others is found."""
    table = facts.metrics.get("fine_confusion") or facts.metrics["confusion"]
    counts = np.array(table["counts"])
    predicted, truth = counts.sum(axis=0), counts.sum(axis=1)
    most, number = int(predicted.argmax()), counts.sum()
    others, found = number - truth[most], counts.trace() - counts[most, most]
    if not others or predicted[most] <= ONE_CLASS * number or found > FOUND * others:
        return
    missed = [name for name, n in zip(table["labels"], truth, strict=True) if n and name != table["labels"][most]]
    trained = [f"{name} ({facts.class_counts[name]:,})" for name in missed]
    said, true = predicted[most] / number, truth[most] / number
    yield Cause(
        "one class predicted",
        f"{said:.0%} of the answers are {table['labels'][most]!r}, which {true:.0%} of the test images are; of the "
        f"other {pluralize(int(others), 'image')} {found:,} "
        f"{'is' if found == 1 else 'are'} found. Training images of the others: {join_some(trained)}",
        "where this class fills the training part, collect more of the others, and try class_weights balanced; else "
        "see the other causes",
    )


def _jump(losses: Sequence[float]) -> tuple[float, float] | None:
    """From where to where a loss rose by a third of what it began with, if it did and did not come back.

    >>> _jump([1.0, 0.6, 1.4]), _jump([1.0, 0.6, 0.7]), _jump([1.0, 0.6, 1.4, 0.5])
    ((0.6, 1.4), None, None)
    """
    lowest = losses[0]
    for loss in losses:
        lowest = min(lowest, loss)
        if loss > lowest + losses[0] / 3 and losses[-1] > lowest + losses[0] / 6:
            return lowest, loss
    return None
