"""The view of its pictures that a reader is trained in: the one in which the shipped reader reads them best already."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tellapart.core.errors import pluralize
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.inference.base_model import BASE_SMALL
from tellapart.inference.picture_view import AS_IS, View
from tellapart.inference.predictor import Predictor
from tellapart.inference.view_selection import Readings, search_views
from tellapart.metrics.text import edit_distance
from tellapart.training.config import TrainConfig
from tellapart.training.tasks.recognition import beginning_of, initial_reader

SAMPLE = 40  # training images
ENOUGH = 0.95  # share of the characters read in pictures as they are, from which no other view is looked for
GAIN = 0.05  # of that share, below which pictures stay as they are


def with_preprocess(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration with ``preprocess`` decided where it was left to the data.

    A classifier's pictures stay as they are; a reader that begins with another than `small` sees them as that does.

    Args:
        config: what somebody decided.
        catalog: the data, split.
    """
    if config.preprocess != "auto":
        return config
    code = ""
    if catalog.task == "read" and initial_reader(config, catalog) == BASE_SMALL:
        code = choose_training_view(catalog).code
    elif catalog.task == "read" and (begin := beginning_of(config, catalog)) is not None:
        code = begin.view
    return replace(config, preprocess=code or "none")


def choose_training_view(catalog: Catalog) -> View:
    """Choose the view in which the shipped reader reads most characters of the training images, by their labels.

    Letters that are lost in the usual grey, in wide margins or at an odd aspect are hard to learn too, most of all from
    few labels.

    Args:
        catalog: the data, split; at most `SAMPLE` of its training images, evenly spread, are read.

    Returns:
        The view; the picture as it is where no other gains `GAIN` on it.
    """
    labels, rows = catalog.column("label"), catalog.training_rows()
    rows = sorted(set(rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]))
    images = [(str(row), data) for row, data in catalog.read(rows)]
    reader = Predictor(BASE_SMALL, threads=1)

    @cache
    def read(view: View) -> Readings:
        """The right texts, each with the share of its characters that the reader has."""
        predictions = reader.with_view(view).stream(images)
        return [(labels[int(each.file)], _share(each.answer, labels[int(each.file)])) for each in predictions]

    def mean(readings: Readings) -> float:
        return sum(share for _, share in readings) / len(readings)

    as_is = read(AS_IS)
    if mean(as_is) >= ENOUGH:
        return AS_IS
    best, *_ = search_views(read, as_is, ("trim", "zoom", "pad"))
    gained = mean(read(best))
    if gained < mean(as_is) + GAIN:
        return AS_IS
    log(
        f"trained on: pictures {best}, of whose characters the shipped reader has {gained:.2f} in "
        f"{pluralize(len(images), 'training image')} instead of {mean(as_is):.2f} "
        "(--preprocess none leaves them as they are)"
    )
    return best


def _share(text: str, truth: str) -> float:
    """The share of the characters that is right, case ignored."""
    text, truth = text.casefold(), truth.casefold()
    return max(0.0, 1 - edit_distance(text, truth) / max(1, len(truth)))
