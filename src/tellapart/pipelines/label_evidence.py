"""Whether labels belong to other pictures than they stand at: by names, by kinds of pictures, by texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.errors import ConfigError, join_some
from tellapart.core.image_io import decode
from tellapart.core.parallel import map_threads
from tellapart.curation.checks.label_errors import gradients
from tellapart.inference.base_model import BASE_SMALL
from tellapart.inference.predictor import Predictor
from tellapart.metrics.clustering import clusteredness
from tellapart.metrics.lda import fit_lda, softmax
from tellapart.pipelines.run_evidence import RunEvidence, spread

NAMED = 3  # letters of a class's name, below which a file may hold it by chance
AGREED = 0.6  # share of the files whose name says their class, from where on names and labels go together
MOST = 240  # images that are clustered
FEWEST = 24  # images, below which nothing can be told
PERMUTATIONS = 40
FOLDS, AXES, SHRINK = 5, 64, 0.5  # of the discriminant
SEPARATED = 3.0  # standard deviations above shuffled labels: one of 700 shuffled sets reaches it
CLUSTERED = 0.9  # see `clusteredness`: below it the pictures fall into kinds
OTHERS = 0.3  # share of the readings that are the label of another picture
SURE = 0.9  # median confidence of readings that are believed where texts are few
BY_CHANCE = 0.1  # how likely any text is a label

Array = npt.NDArray[np.float32]


def misplaced_labels(facts: RunEvidence) -> str | None:
    """What shows that labels stand at the wrong pictures; None where nothing shows it.

    That a classifier does not find a class is no evidence: classes may be hard to tell. It needs one of these: the
    names of the files say another class than the labels do; the pictures fall into kinds, and no features tell the
    labels better than shuffled ones; the shipped reader reads in pictures the texts of others.
    """
    if not facts.classify:
        return _texts_of_others(facts)
    return _names_of_others(facts) or _kinds_without_labels(facts)


def named_classes(files: list[str], labels: list[str]) -> list[str | None]:
    """The class that each file's name or folders say, where they say one class alone.

    >>> named_classes(["cat/1.png", "my dog_2.png", "cat-dog.png", "3.png"], ["cat", "dog", "cat", "dog"])
    ['cat', 'dog', None, None]
    """
    classes = {name.casefold(): name for name in set(labels) if len(name) >= NAMED}
    found: list[str | None] = []
    for file in files:
        parts = PurePosixPath(file.casefold()).with_suffix("").parts
        words = {word for part in parts for word in ([part] if part in classes else re.split(r"[\W\d_]+", part))}
        here = words & classes.keys()
        found.append(classes[here.pop()] if len(here) == 1 else None)
    return found


def _names_of_others(facts: RunEvidence) -> str | None:
    """Names say each class as often as the labels do, and seldom the same one: a table out of step."""
    rows = facts.catalog.rows()
    files, labels = facts.catalog.column("file"), [facts.labels[row] for row in rows]
    named = named_classes([files[row] for row in rows], labels)
    if None in named or Counter(named) != Counter(labels):
        return None
    agreed = np.array([name == label for name, label in zip(named, labels, strict=True)])
    if agreed.mean() >= AGREED:
        return None
    examples = [
        f"{files[row]} is labelled {label!r}" for row, label, same in zip(rows, labels, agreed, strict=True) if not same
    ]
    return (
        f"the names of the files say each class as often as the labels do, but of {len(rows):,} only "
        f"{int(agreed.sum()):,} the same one: {join_some(examples)}"
    )


def _kinds_without_labels(facts: RunEvidence) -> str | None:
    chosen = spread(list(range(len(facts.sample))), MOST)
    labels = [facts.sample_labels[place] for place in chosen]
    if len(chosen) < FEWEST:
        return None
    pixels = facts.catalog.column("pixels")
    group_numbers: dict[str, int] = {}
    groups = [group_numbers.setdefault(pixels[facts.sample[place][0]], len(group_numbers)) for place in chosen]
    tightest = 1.0
    for features in _features(facts, chosen):
        if separation(features, labels, groups) > SEPARATED:
            return None
        tightest = min(tightest, clusteredness(features, min(len(set(labels)), len(chosen) // 4)))
    if tightest >= CLUSTERED or facts.shape_baseline is None:
        return None
    share, _, _, chance = facts.shape_baseline
    losses = facts.curves[-1][1] if facts.curves else []
    fell = f", while the training loss went from {losses[0]:.2f} to {losses[-1]:.2f}" if len(losses) > 1 else ""
    return (
        f"the test accuracy of {facts.figure['value']:.2f} is no better than always answering the same "
        f"({facts.chance:.2f}){fell}; the pictures fall into kinds, but no features tell the labels better than "
        f"shuffled ones: a simple classifier, judged on training images it has not seen, is right for {share:.0%} of "
        f"them, and chance is {chance:.0%}"
    )


def _features(facts: RunEvidence, chosen: list[int]) -> Iterator[Array]:
    """Shapes and colours; then what is shown and how it was made, where the pretrained network is installed."""
    yield gradients(facts.thumbnails[chosen])
    from tellapart.training.embedder import SIZE, Embedder  # a network is loaded only where shapes tell nothing

    try:
        embed = Embedder()
    except ConfigError:
        return

    def small(data: bytes) -> npt.NDArray[np.uint8]:
        image = Image.fromarray(decode(data, at_least=2 * SIZE))
        return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0))

    pictures = np.stack([*map_threads(small, [facts.sample[place][1] for place in chosen])])
    yield from (part.astype(np.float32) for part in embed(pictures))


def separation(features: Array, labels: list[str], groups: list[int]) -> float:
    """How much better features tell the labels than shuffled ones, in standard deviations of a permutation test.

    The features are principal components, the classifier a discriminant that has not seen the image or its copies. Each
    class counts as much as any other (Ojala & Garriga, "Permutation tests for studying classifier performance", 2010).

    Args:
        features: N, F.
        labels: N.
        groups: N numbers; images of one number are copies.
    """
    axes = principal_axes(features)
    _, target = np.unique(np.array(labels), return_inverse=True)
    folds = np.random.default_rng(1).permutation(max(groups) + 1)[np.asarray(groups)] % FOLDS
    generator = np.random.default_rng(0)
    shuffled = [_balanced_chance(axes, generator.permutation(target), folds) for _ in range(PERMUTATIONS)]
    above = _balanced_chance(axes, target, folds) - float(np.mean(shuffled))
    return above / max(float(np.std(shuffled)), 1e-9)


def principal_axes(features: Array) -> Array:
    """Standardised features on their first principal axes, N, AXES at most, on one common scale."""
    values = features.astype(np.float32)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    left, scales, _ = np.linalg.svd(values, full_matrices=False)
    axes = left[:, :AXES] * scales[:AXES]
    result: Array = (axes / max(float(axes.std()), 1e-9)).astype(np.float32)
    return result


def _balanced_chance(axes: Array, target: npt.NDArray[np.int64], folds: npt.NDArray[np.int64]) -> float:
    """The mean over the classes of the probability that images get for their label, from those of other folds."""
    own = np.full(len(target), np.nan)
    classes = int(target.max()) + 1
    for number in range(FOLDS):
        judge = np.flatnonzero(folds == number)
        learn = np.flatnonzero(folds != number)
        if len(judge) and len(np.unique(target[learn])) == classes:
            slopes, offsets = fit_lda(axes[learn], target[learn], classes, shrink=SHRINK)
            own[judge] = softmax(axes[judge] @ slopes + offsets)[np.arange(len(judge)), target[judge]]
    known = np.isfinite(own)
    return float(np.mean([own[known & (target == k)].mean() for k in np.unique(target[known])])) if known.any() else 0.0


def _texts_of_others(facts: RunEvidence) -> str | None:
    """The shipped reader reads other pictures' labels in pictures, and seldom their own."""
    labels = [label.casefold() for label in facts.sample_labels]
    if len(labels) < FEWEST:
        return None
    read = Predictor(BASE_SMALL, pattern=".*").predict(data for _, data in facts.sample)
    known = set(map(str.casefold, (facts.labels[row] for row in facts.catalog.rows())))
    answers = [each.answer.casefold() for each in read]
    own = sum(answer == label for answer, label in zip(answers, labels, strict=True))
    others = [
        place
        for place, (answer, label) in enumerate(zip(answers, labels, strict=True))
        if answer != label and answer in known
    ]
    characters, length = set("".join(known)), int(np.median([len(text) for text in known]))
    hit = len(known) / max(1, len(characters)) ** length
    believed = hit <= BY_CHANCE or float(np.median([each.confidence for each in read])) >= SURE
    if not believed or len(others) < OTHERS * len(labels) or own > len(others) / 4:
        return None
    files = facts.catalog.column("file")
    examples = [
        f"{files[facts.sample[place][0]]} reads {answers[place]!r} and is labelled {labels[place]!r}"
        for place in others
    ]
    return (
        f"the shipped reader reads the label of another picture in {len(others):,} of {len(labels):,} training "
        f"pictures, and their own in {own:,}: {join_some(examples)}"
    )
