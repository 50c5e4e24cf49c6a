"""The samples are pictures of the test part as the strongest attacker reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tellapart
from tellapart.data.opening import open_catalog
from tellapart.inference.base_model import base_reader
from tellapart.pipelines.strength.samples import sample_pictures, samples


@pytest.fixture
def catalog(tmp_path):
    """Ten digits each, of which the last six judge; the last is labelled wrongly, so that it cannot be read."""
    tellapart.generate("digits", 10, tmp_path / "drawn", seed=0)
    drawn = open_catalog(tmp_path / "drawn", task="read")
    labels = [*drawn.column("label")[:-1], "77777"]
    return drawn.with_column("label", labels).with_column("split", ["train"] * 4 + ["test"] * 6)


def step(value, **more):
    return {"labels": 0, "exact_match": {"value": value}, **more}


def test_what_was_read_stands_before_what_was_not(catalog):
    found = samples(catalog, [step(0.1, model="a weaker one, never opened"), step(0.9, model=str(base_reader()))])
    assert [each["file"] for each in found] == catalog.column("file")[4:]
    assert [each["read"] == each["text"] for each in found] == [True] * 5 + [False]
    assert found[-1]["text"] == "77777"


def test_the_pictures_are_those_of_the_samples(catalog):
    file = catalog.column("file")[5]
    pictures = sample_pictures(catalog, [{"file": file, "text": "", "read": ""}])
    assert list(pictures) == [file]
    assert pictures[file].shape == (40, 120, 3)
    assert pictures[file].dtype == np.uint8
    assert Path(catalog.root / file).is_file()


def test_without_an_attack_there_are_none(catalog):
    assert samples(catalog, []) == []
