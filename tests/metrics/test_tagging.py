"""Scores of several labels an image, beside scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

from tellapart.core.errors import InputError
from tellapart.metrics.tagging import average_precision, tag_scores

NAMES = ["a", "b", "c", "d"]


def drawn(seed, n=200, rates=(0.5, 0.3, 0.1, 0.05), digits=None):
    dice = np.random.default_rng(seed)
    truth = dice.random((n, len(rates))) < rates
    chances = 1 / (1 + np.exp(-(dice.normal(size=truth.shape) + 2 * truth - 1)))
    chances = chances if digits is None else chances.round(digits)
    return truth, chances > 0.5, chances


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [None, 1])  # equal scores too
def test_the_figures_are_those_of_scikit_learn(seed, digits):
    truth, said, chances = drawn(seed, digits=digits)
    scores = tag_scores(truth, said, chances, NAMES)
    assert scores["macro_f1"]["value"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert scores["micro_f1"]["value"] == pytest.approx(f1_score(truth, said, average="micro"))
    assert scores["mean_average_precision"]["value"] == pytest.approx(average_precision_score(truth, chances))
    assert scores["subset_accuracy"]["value"] == pytest.approx((truth == said).all(axis=1).mean())
    expected = zip(*precision_recall_fscore_support(truth, said), strict=True)
    for (name, own), (precision, recall, f1, support), place in zip(
        scores["per_label"].items(), expected, range(4), strict=True
    ):
        assert name == NAMES[place]
        assert [own["precision"], own["recall"], own["f1"]] == pytest.approx([precision, recall, f1])
        assert own["support"] == support
        assert own["average_precision"] == pytest.approx(average_precision_score(truth[:, place], chances[:, place]))


def test_a_label_that_never_occurs_counts_nowhere():
    truth, said, chances = drawn(0)
    truth[:, 3] = said[:, 3] = False
    scores, without = (
        tag_scores(truth, said, chances, NAMES),
        tag_scores(*(each[:, :3] for each in (truth, said, chances)), NAMES[:3]),
    )
    for name in ("macro_f1", "micro_f1", "mean_average_precision", "subset_accuracy"):
        assert scores[name] == without[name]
    assert scores["per_label"]["d"] == {
        "precision": 0.0, "recall": 0.0, "f1": 0.0, "average_precision": None, "support": 0,
    }  # fmt: skip


def test_nothing_to_find_and_nothing_said():
    none = np.zeros((5, 2))
    scores = tag_scores(none, none, none + 0.1, ["a", "b"])
    assert scores["subset_accuracy"]["value"] == 1.0
    assert scores["macro_f1"]["value"] == scores["mean_average_precision"]["value"] == 0.0


@pytest.mark.parametrize("figure", ["macro_f1", "micro_f1", "mean_average_precision"])
def test_the_intervals_cover_the_true_value_about_as_often_as_they_say(figure):
    big = tag_scores(*drawn(99, n=20_000), NAMES)[figure]["value"]
    inside = [low <= big <= high for low, high in (tag_scores(*drawn(s), NAMES)[figure]["ci95"] for s in range(30))]
    assert sum(inside) >= 25


def test_many_images_have_a_narrow_interval():
    few, many = (tag_scores(*drawn(3, n=n), NAMES)["mean_average_precision"]["ci95"] for n in (100, 3000))
    assert many[1] - many[0] < (few[1] - few[0]) / 3


def test_no_warning_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tag_scores(*drawn(1, n=4), NAMES)
        tag_scores([[True]], [[True]], [[1.0]], ["a"])


def test_what_does_not_fit_is_refused(refuses):
    with pytest.raises(InputError, match=r"shapes \(1, 2\), \(1, 1\) and \(1, 2\) for 2 labels"):
        tag_scores([[1, 0]], [[1]], [[0.5, 0.5]], ["a", "b"])
    with refuses(InputError, "no image to score; give one at least"):
        tag_scores(np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1)), ["a"])
    with refuses(InputError, "average precision: no image has the label; leave the label out"):
        average_precision([False], [0.5])
