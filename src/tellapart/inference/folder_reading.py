"""Reading many pictures of one scheme: their common geometry first, then each, then those unlike the others again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tellapart.core.progress import log, track
from tellapart.inference.constraints import MIN_TEXTS
from tellapart.inference.geometry import GEOMETRIES, WHOLE, Geometry, rank_geometries
from tellapart.inference.graph_session import Floats
from tellapart.inference.image_inputs import Read
from tellapart.inference.postprocess import text_predictions
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.inference.shared_constraint import read_together
from tellapart.inference.tta import TTA_SCHEDULE, ensemble_views

SAMPLE = 40  # pictures that choose the geometry
SURE = 0.9  # mean confidence in the whole picture from which no other geometry is looked for

_WINDOW = 256  # unsure pictures whose views are held at a time
# Confidence below which a picture is read in further geometries, and these: from, to.
_SCHEDULE = ((TTA_SCHEDULE[0][0], 0, 3), (TTA_SCHEDULE[1][0], 3, 5))

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
    geometries = choose_geometries(predictor, items, count) if together else [WHOLE]
    reader = predictor if geometries == [WHOLE] else _without_tta(predictor).with_geometry(geometries[0])
    stream = reader.stream(items(range(count)))
    predictions = list(track(stream, task, count, show=progress))
    if not together:
        return predictions
    if predictor.tta and reader is not predictor:
        predictions = _look_again(reader, items, predictions, geometries)
    return read_together(reader, predictions, items)


def choose_geometries(predictor: Predictor, items: Items, count: int) -> list[Geometry]:
    """Choose the geometries in which a reader reads some pictures best, without labels.

    Args:
        predictor: the reader.
        items: gives the pictures of some indices.
        count: how many there are; `SAMPLE` of them, evenly spread, are read in each geometry.

    Returns:
        The best first; the whole picture alone where the reader is sure of it.
    """
    step = max(1, count // SAMPLE)
    sample = [(name, item) for name, item in items(range(0, step * min(SAMPLE, count), step))]
    plain = _without_tta(predictor)
    readings: dict[Geometry, list[tuple[str, float]]] = {}
    for geometry in GEOMETRIES:
        predictions = [each for each in plain.with_geometry(geometry).stream(sample) if not each.error]
        readings[geometry] = [(each.answer, each.confidence) for each in predictions]
        if not predictions:
            return [WHOLE]
        if geometry == WHOLE and sum(sure for _, sure in readings[WHOLE]) >= SURE * len(predictions):
            return [WHOLE]
    ranked = rank_geometries(readings)
    if ranked[0] != WHOLE:
        log(
            f"read as: pictures {ranked[0]}, which the reader is surest of in {len(sample)} of them "
            "(--independent reads each alone, as it is)"
        )
    return ranked


def _without_tta(predictor: Predictor) -> Predictor:
    plain = predictor.with_geometry(WHOLE)
    plain.tta = False
    return plain


def _look_again(
    reader: Predictor, items: Items, predictions: Sequence[Prediction], geometries: Sequence[Geometry]
) -> list[Prediction]:
    """Read unsure pictures in the next best geometries too; the text that is likeliest over all of them is the answer.

    The limits of confidence and the number of looks are those of `TTA_SCHEDULE`.
    """
    results = list(predictions)
    unsure = [index for index, each in enumerate(results) if not each.error and each.confidence < TTA_SCHEDULE[0][0]]
    for start in range(0, len(unsure), _WINDOW):
        views: dict[int, list[Floats]] = {index: [] for index in unsure[start : start + _WINDOW]}
        for limit, used, stop in _SCHEDULE:
            indices = [index for index in views if results[index].confidence < limit]
            images = list(items(indices))
            for geometry in geometries[used:stop]:
                seen = reader.with_geometry(geometry).probabilities(images)
                for index, view in zip(indices, seen, strict=True):
                    views[index].append(view)
            readings = [ensemble_views(views[index], reader.bundle.charset, reader.rule) for index in indices]
            names = [name for name, _ in images]
            for index, better in zip(indices, text_predictions(names, readings, reader.bundle.manifest), strict=True):
                results[index] = better
    return results
