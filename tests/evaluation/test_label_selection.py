"""What to label next: the least sure first, one of copies, and no two alike."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.evaluation.label_selection import farthest_first, margin, unsure_first
from tellapart.inference.manifest import DecisionThreshold
from tellapart.inference.prediction import Prediction


def test_the_margin_is_that_of_the_decision():
    chances = {"cat": 0.7, "dog": 0.3}
    answer = Prediction("a.png", "classify", "cat", 0.7, chances)
    assert margin(answer) == pytest.approx(0.4)
    assert margin(answer, DecisionThreshold("dog", 0.25, "f1")) == pytest.approx(0.05)  # near to another answer
    assert margin(Prediction("a.png", "classify", "cat", 1.0, {"cat": 1.0})) == 1
    assert margin(Prediction("a.png", "read", "abc", 0.25)) == 0.25
    assert margin(Prediction("a.png", "read")) == 0  # no text at all


def test_of_copies_the_least_sure_stands_for_all():
    assert unsure_first([0.3, 0.9, 0.1, 0.2], [[0, 3], [1], [2]]) == [2, 3, 1]
    assert unsure_first([0.5, 0.5], [[0, 1]]) == [0]


def test_the_farthest_is_chosen_whatever_the_length_of_its_features():
    angles = np.radians([0, 1, 2, 90, 91, 180])
    lengths = np.array([1, 50, 3, 1, 2, 0.1])[:, None]
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths
    assert farthest_first(features, 3) == [0, 5, 3]
    assert sorted(farthest_first(features, 6)) == list(range(6))  # each once
    assert sorted(farthest_first(features, 9)) == list(range(6))
    assert sorted(farthest_first(np.zeros((3, 2)), 3)) == [0, 1, 2]
