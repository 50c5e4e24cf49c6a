"""The readers that ship with the package: whole, small, and worth beginning with."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.inference.base_model import BASE, BASE_SMALL, is_shipped
from tellapart.inference.bundle import Bundle
from tellapart.inference.preprocess import READ_HEIGHT


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Drawn with another seed than anything that was taught."""
    folder = tmp_path_factory.mktemp("base") / "digits"
    tellapart.generate("digits", 60, folder, seed=77)
    return folder


@pytest.mark.parametrize(("name", "channels"), [(BASE, 3), (BASE_SMALL, 1)])
def test_each_is_whole_and_small(name, channels):
    bundle = Bundle.open(name)
    assert is_shipped(name)
    assert bundle.task == "read"
    assert sum(file.stat().st_size for file in bundle.path.iterdir()) <= 9_000_000
    assert (bundle.preprocess.height, bundle.preprocess.channels) == (READ_HEIGHT, channels)
    assert set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") <= set(bundle.charset.characters)


def test_they_say_how_they_were_trained():
    base, small = Bundle.open(BASE).manifest, Bundle.open(BASE_SMALL).manifest
    assert small.training["init_from"] is None
    assert small.data.n >= 200_000
    for manifest in (base, small):
        assert manifest.training["seed"] == 0
        assert manifest.parity.different_answers == 0


def test_it_reads_what_it_has_never_seen(digits):
    for name in (BASE, BASE_SMALL):
        report = tellapart.evaluate(name, digits, split="all", alphabet="0123456789")
        assert report["exact_match"]["value"] > 0.7, name


def test_a_training_that_begins_with_it_needs_few_labels(digits, tmp_path):
    brief = {"task": "read", "stages": [{"train": "all", "epochs": 2, "lr": 3e-4}], "precision": "float32"}
    begun = tellapart.train(digits, out=tmp_path / "begun", **brief)
    scratch = tellapart.train(digits, out=tmp_path / "scratch", pretrained=False, **brief)
    assert Bundle.open(begun["bundle"]).manifest.training["init_from"] == BASE
    assert Bundle.open(scratch["bundle"]).manifest.training["init_from"] is None
    assert begun["test"]["exact_match"]["value"] > 0.6
    assert scratch["test"]["exact_match"]["value"] == 0
