"""The figures of a tagger's answers, with the thresholds that decided them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.tag_sets import split_tags
from tellapart.inference.bundle import Bundle
from tellapart.inference.postprocess import EVEN
from tellapart.inference.prediction import Prediction
from tellapart.metrics.tagging import tag_scores


def tag_figures(bundle: Bundle, truth: Sequence[str], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return what `tellapart.metrics.tagging.tag_scores` says, and ``thresholds``: of each tag, and their aim.

    Args:
        bundle: the model.
        truth: the tags of each image as one text, N.
        predictions: the answers, N.
    """
    labels = bundle.labels
    chances = np.array([[answer.probabilities[label] for label in labels] for answer in predictions])
    scores = tag_scores(_flags(truth, labels), _flags([each.answer for each in predictions], labels), chances, labels)
    chosen = bundle.calibration.thresholds if bundle.calibration else None
    at = dict.fromkeys(labels, EVEN) if chosen is None else dict(chosen.at)
    return {**scores, "thresholds": {"at": at, "aim": chosen.aim if chosen else None}}


def _flags(texts: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each text has each label, N, K."""
    sets = [set(split_tags(text)) for text in texts]
    return np.array([[label in each for label in labels] for each in sets])
