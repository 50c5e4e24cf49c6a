"""Checks of scores' inputs: what they let pass, and their words."""

from __future__ import annotations

import numpy as np

from tellapart.core.errors import InputError
from tellapart.metrics.checks import check_one_dimensional, check_same_length


def test_lists_of_one_length_pass():
    check_same_length([1, 2], np.array([3, 4]))


def test_other_lengths_and_nothing_are_refused(refuses):
    with refuses(InputError, "1,000 true answers but 2 predictions: give one of each an image, in the same order"):
        check_same_length(range(1000), [1, 2])
    with refuses(InputError, "1 confidences but 2 outcomes: give one of each an image, in the same order"):
        check_same_length([0.5], [True, False], ("confidences", "outcomes"))
    with refuses(InputError, "nothing to score: give at least one image"):
        check_same_length([], [])


def test_only_one_dimension_passes(refuses):
    check_one_dimensional(truth=np.zeros(3), predicted=np.zeros(0))
    for odd in (np.zeros(()), np.zeros((2, 3))):
        with refuses(InputError, f"predicted has the shape {odd.shape}: give one value an image, shape (n,)"):
            check_one_dimensional(truth=np.zeros(2), predicted=odd)
