"""Labels at the wrong pictures are shown by names, by kinds of pictures and by texts; hard labels are not."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.label_evidence import misplaced_labels, named_classes, principal_axes, separation
from tellapart.pipelines.run_evidence import RunEvidence
from tellapart.training.config import TrainConfig
from tellapart.training.run_folder import Run


def evidence_of(data, folder, task):
    """The facts of a run that has learnt nothing: labels are judged by the data."""
    catalog = split(open_catalog(data, task=task), seed=0)
    figure = {"value": 0.0, "ci95": [0.0, 0.1], "n": 9}
    return RunEvidence(Run.create(folder, catalog, TrainConfig(task=task)), {"exact_match": figure})


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("cat/1.png", "cat"),
        ("Cat_12.PNG", "cat"),
        ("photos/hot dog/1.jpg", "hot dog"),
        ("x/dog-3.jpg", "dog"),
        ("cat/dog.png", None),
        ("concatenate.png", None),
        ("12.png", None),
    ],
)
def test_the_class_that_a_name_says(file, expected):
    assert named_classes([file], ["cat", "dog", "hot dog", "a"]) == [expected]


def points(seed, apart):
    dice = np.random.default_rng(seed)
    labels = ["a", "b", "c"] * 30
    features = dice.normal(size=(90, 40)) + np.eye(40)[np.arange(90) % 3] * apart
    return features.astype(np.float32), labels


@pytest.mark.parametrize("seed", range(4))
def test_separation_tells_labels_from_shuffled_ones(seed):
    features, labels = points(seed, 4.0)
    assert separation(features, labels, list(range(90))) > 5
    assert separation(features, np.random.default_rng(seed).permutation(labels).tolist(), list(range(90))) < 3


def test_copies_do_not_make_labels_seem_told():
    features, labels = points(0, 0.0)
    twice, labels_twice = np.concatenate([features, features]), labels * 2
    assert separation(twice, labels_twice, list(range(90)) * 2) < 3
    assert separation(twice, labels_twice, list(range(180))) > 3


def test_axes_are_few_and_of_one_scale():
    axes = principal_axes(points(0, 0.0)[0])
    assert axes.shape == (90, 40)
    assert axes.std() == pytest.approx(1)
    assert np.argmax(axes.std(axis=0)) == 0


@pytest.fixture(scope="module")
def captchas(tmp_path_factory):
    """Texts that the shipped reader reads, with their table."""
    folder = tmp_path_factory.mktemp("captchas") / "data"
    tellapart.generate("plain", 40, folder, seed=3)
    return folder


@pytest.mark.parametrize("wrong", [False, True])
def test_texts_of_other_pictures_are_found_by_the_shipped_reader(captchas, tmp_path, copied, wrong):
    data = copied(captchas)
    table = data / "labels.csv"
    head, *rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    texts = [row[1] for row in rows]
    if wrong:
        texts = texts[1:] + texts[:1]
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head[:2], *zip((row[0] for row in rows), texts, strict=True)])
    said = misplaced_labels(evidence_of(data, tmp_path / "run", "read"))
    if wrong:
        assert said.startswith("the shipped reader reads the label of another picture in ")
        assert " and is labelled " in said
    else:
        assert said is None
