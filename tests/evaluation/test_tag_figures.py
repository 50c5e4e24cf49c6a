"""Figures of several labels an image, against scikit-learn, from the bundle's own answers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

import tellapart
from tellapart.core.errors import CatalogError, InputError
from tellapart.core.tag_sets import split_tags
from tellapart.data.opening import open_catalog

LABELS = ["blue", "green", "red"]


def flags(texts):
    return np.array([[label in split_tags(text) for label in LABELS] for text in texts])


@pytest.fixture
def new(tagged, renewed):
    return renewed(tagged)


def test_the_figures_are_those_of_scikit_learn(new, tag_bundle):
    report = tellapart.evaluate(tag_bundle, new)
    catalog = open_catalog(new, task="tag")
    predictions = tellapart.load(tag_bundle).predict(catalog.root / name for name in catalog.column("file"))
    true, said = flags(catalog.column("label")), flags([each.answer for each in predictions])
    chances = np.array([[each.probabilities[label] for label in LABELS] for each in predictions])
    assert report["n"] == len(true) == 100
    assert report["macro_f1"]["value"] == pytest.approx(f1_score(true, said, average="macro"))
    assert report["micro_f1"]["value"] == pytest.approx(f1_score(true, said, average="micro"))
    assert report["mean_average_precision"]["value"] == pytest.approx(average_precision_score(true, chances), rel=1e-5)
    assert report["subset_accuracy"]["value"] == pytest.approx((true == said).all(axis=1).mean())
    at = np.array([report["thresholds"]["at"][label] for label in LABELS])
    assert ((chances >= at) == said).all()
    assert 0 <= report["ece"] <= 1


def test_what_taught_is_scored_apart(tagged, tag_bundle):
    report = tellapart.evaluate(tag_bundle, tagged)
    assert set(report["seen"]) == {"train", "val"}
    assert {"macro_f1", "micro_f1", "mean_average_precision", "subset_accuracy"} <= set(report["seen"]["train"])


def test_unknown_tags_are_refused(new, tag_bundle, refuses):
    table = new / "labels.csv"
    table.write_text(table.read_text().replace("red", "pink"))
    with pytest.raises(CatalogError, match=r"labels the model does not know: pink; it knows: blue, green, red"):
        tellapart.evaluate(tag_bundle, new)


def test_there_is_no_picture_of_a_confusion(tagged, tag_bundle, tmp_path, refuses):
    with refuses(InputError, f"{tag_bundle}: several labels an image (tag); --picture knows classify and read only"):
        tellapart.evaluate(tag_bundle, tagged, picture=tmp_path / "x.png")


def test_a_gate_on_images_with_all_tags_right(new, tag_bundle):
    from tellapart.core.errors import GateError

    with pytest.raises(GateError, match=r"^subset accuracy 0\.\d+ is below 1$"):
        tellapart.evaluate(tag_bundle, new, fail_below=1.0)


def test_a_notebook_and_a_frame_show_the_figures(new, tag_bundle):
    report = tellapart.evaluate(tag_bundle, new)
    assert "mean average precision" in report._repr_html_()
    assert set(report.to_pandas()["figure"]) >= {"macro f1", "micro f1"} or "figure" in report.to_pandas()
