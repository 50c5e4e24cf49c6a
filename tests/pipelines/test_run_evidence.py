"""What a finished run shows of how it went."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.inference.predictor import Predictor
from tellapart.pipelines.run_evidence import RunEvidence, largest, skill, spread
from tellapart.training.run_folder import Run


@pytest.fixture(scope="module")
def evidence(shape_run):
    run = Run.open(shape_run)
    return RunEvidence(run, run.metrics())


@pytest.mark.parametrize(
    ("score", "chance", "expected"), [(1, 0.25, 1), (0.25, 0.25, 0), (0, 0.5, -1), (1, 1, 1), (0.5, 1, 0)]
)
def test_skill_is_zero_at_chance_and_one_when_always_right(score, chance, expected):
    assert skill(score, chance) == expected


def test_the_largest_share():
    assert largest(["a", "b", "b"]) == pytest.approx(2 / 3)
    assert largest([]) == 0


@pytest.mark.parametrize(("n", "most"), [(10, 3), (10, 10), (10, 100), (7, 3), (1, 1)])
def test_a_spread_is_even_and_never_too_much(n, most):
    rows = spread(list(range(n)), most)
    assert 0 < len(rows) <= most
    assert rows[0] == 0
    assert len(set(np.diff(rows))) <= 1


def test_the_sample_is_of_the_training_part_and_of_all_classes(evidence):
    rows = [row for row, _ in evidence.sample]
    assert set(rows) == set(evidence.catalog.rows("train"))  # all of a set as small as this
    assert set(evidence.sample_labels) == {"bar", "disc", "ring"}
    assert evidence.class_counts.total() == len(evidence.catalog.training_rows())


def test_the_answers_are_those_of_the_bundle(evidence, shape_run):
    expected = Predictor(shape_run).predict(data for _, data in evidence.sample)
    assert evidence.predictions == [each.answer for each in expected]
    right = [answer == name for answer, name in zip(evidence.predictions, evidence.sample_labels, strict=True)]
    assert evidence.train_accuracy == pytest.approx(np.mean(right))
    assert evidence.learnt == (skill(evidence.train_accuracy, largest(evidence.sample_labels)) >= 0.7)
    assert (
        evidence.train_accuracy_note == f"even of the training images {evidence.train_accuracy:.0%} are answered right"
    )


def test_the_curves_are_those_of_the_history(evidence, shape_run):
    lines = (shape_run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    curves = evidence.curves
    assert [stage for stage, _ in curves] == evidence.run.config.stages[-len(curves) :]
    assert sum(len(losses) for _, losses in curves) == sum('"train_loss"' in line for line in lines)


def test_thumbnails_and_what_shapes_alone_tell(evidence):
    assert evidence.thumbnails.shape[0] == len(evidence.sample)
    assert evidence.thumbnails.dtype == np.uint8
    share, low, high, chance = evidence.shape_baseline
    assert low <= share <= high
    assert chance == pytest.approx(largest(evidence.sample_labels), abs=0.1)


def test_a_reader_has_no_classes_to_tell_by_shape(text_run):
    run = Run.open(text_run)
    evidence = RunEvidence(run, run.metrics())
    assert evidence.shape_baseline is None
    assert len(evidence.sample) == len(run.catalog().rows("train"))
    assert evidence.figure == run.metrics()["exact_match"]
