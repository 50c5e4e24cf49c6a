"""Reading many pictures of one scheme: in the views that suit them, then those unlike the others again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

from tellapart.core.errors import TextError
from tellapart.core.progress import log, track
from tellapart.inference.base_model import BASE, small_reader
from tellapart.inference.constraints import MIN_TEXTS
from tellapart.inference.image_inputs import Read
from tellapart.inference.picture_view import AS_IS, Scale, View
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.inference.reader_ensemble import ReaderEnsemble
from tellapart.inference.shared_constraint import read_together
from tellapart.inference.view_selection import Readings, search_views

SAMPLE = 40  # pictures that choose the views
SURE = 0.9  # mean confidence in pictures as they are, from which no other view is looked for
VIEWS = 5  # the best of them, that answer together, and the pictures as they are

Items = Callable[[Sequence[int]], Iterable[tuple[str, Read]]]


def predict_all(
    predictor: Predictor, items: Items, count: int, *, task: str, independent: bool = False, progress: bool = True
) -> list[Prediction]:
    """Predict for many images; a reader takes them for pictures of one scheme, unless told otherwise.

    Args:
        predictor: of a reader or a classifier.
        items: gives the images of some indices with their names, in the same order.
        count: how many images there are; N.
        task: what the progress bar says, such as ``predicting``.
        independent: whether a reader reads each picture alone, as a classifier always does.
        progress: whether to show progress.

    Returns:
        N predictions.
    """
    together = predictor.bundle.task == "read" and count >= MIN_TEXTS and not independent
    reader = choose_reader(predictor, items, count) if together else predictor
    predictions = list(track(reader.stream(items(range(count))), task, count, show=progress))
    return read_together(reader, predictions, items) if together else predictions


def choose_reader(predictor: Predictor, items: Items, count: int) -> Predictor | ReaderEnsemble:
    """A reader that looks through the views that suit some pictures; where ``base`` is unsure, ``small`` beside it.

    Args:
        predictor: the reader.
        items: gives the pictures of some indices.
        count: how many there are; `SAMPLE` of them, evenly spread, are read in each view.

    Returns:
        The reader as it is where it is sure of the pictures as they are; otherwise its `VIEWS` best views and the
        pictures as they are together, and beside those of ``base`` the best view of ``small``.
    """
    views = choose_views(predictor, items, count)
    if views is None:
        return predictor
    members = [predictor.with_view(view) for view in dict.fromkeys([*views[:VIEWS], AS_IS])]
    if predictor.bundle.location == BASE:
        try:
            small = Predictor(small_reader()).with_rule(predictor.rule)
        except TextError:  # the rule asks for characters that only base knows
            return ReaderEnsemble(members)
        best, *_ = choose_views(small, items, count) or [AS_IS]
        members.append(small.with_view(best))
    return ReaderEnsemble(members)


def choose_views(predictor: Predictor, items: Items, count: int) -> list[View] | None:
    """Rank the views in which a reader reads some pictures, without labels.

    Args:
        predictor: the reader.
        items: gives the pictures of some indices.
        count: how many there are; `SAMPLE` of them, evenly spread, are read in each view.

    Returns:
        The best first; None where the reader is sure of the pictures as they are.
    """
    step = max(1, count // SAMPLE)
    sample = list(items(range(0, step * min(SAMPLE, count), step)))
    plain = copy.copy(predictor)
    plain.tta = False

    def read(view: View) -> Readings:
        predictions = [each for each in plain.with_view(view).stream(sample) if not each.error]
        return [(each.answer, each.confidence) for each in predictions]

    readings = read(AS_IS)
    if sum(sure for _, sure in readings) >= SURE * len(readings):
        return None
    scales: tuple[Scale, ...] = ("larger", "largest") if predictor.session.any_height else ()
    views = search_views(read, readings, scales=scales)
    if views[0] != AS_IS:
        log(
            f"view: pictures {views[0]}, which the reader is surest of in {len(sample)} of them "
            "(--independent reads each alone, as it is)"
        )
    return views
