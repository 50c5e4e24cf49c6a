"""Models are compared on images that none has met; the differences are those of their answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.evaluation import compare as room
from tellapart.evaluation.compare import compare
from tellapart.inference.bundle import Bundle
from tellapart.metrics.paired import accuracy_difference, mcnemar_exact


@pytest.fixture
def rival(shape_bundle, copied):
    """The bundle under another name, whose graph is another by its digest: it answers with the next class."""
    return copied(shape_bundle, "rival")


@pytest.fixture
def two(monkeypatch, rival):
    """Two models of one graph: the second answers ``bar`` wherever the first is unsure."""
    real = room._answers

    def answers(bundle, catalog, rows, truth):
        said = real(bundle, catalog, rows, truth)
        return [("bar" if row % 3 == 0 else each) for row, each in zip(rows, said, strict=True)] if (
            bundle.path == rival
        ) else said  # fmt: skip

    version = Bundle.version.fget
    monkeypatch.setattr(room, "_answers", answers)
    monkeypatch.setattr(Bundle, "version", property(lambda self: version(self) + str(self.path)))
    return rival


def test_a_run_beside_another_model_on_its_own_test_part(shape_run, two, tmp_path):
    result = compare([shape_run, two], out=tmp_path / "result.json", report=tmp_path / "page.html")
    assert json.loads((tmp_path / "result.json").read_text("utf-8")) == result
    assert (result["split"], result["n"], result["task"]) == ("test", 9, "classify")
    assert result["notes"][-1] == "note: 9 images tell little apart; name others (--data)"
    (pair,) = result["pairs"]
    assert (pair["first"], pair["second"]) == (shape_run.name, "rival")
    first, second = result["models"]
    assert pair["difference"]["value"] == pytest.approx(second["accuracy"]["value"] - first["accuracy"]["value"])
    assert pair["macro_f1_difference"]["value"] == pytest.approx(
        second["macro_f1"]["value"] - first["macro_f1"]["value"]
    )
    assert pair["p_value"] == pair["p_adjusted"] == mcnemar_exact(pair["only_first"], pair["only_second"])
    assert sum(each["n"] for each in pair["per_class"].values()) == 9
    assert sum(each["only_first"] for each in pair["per_class"].values()) == pair["only_first"]
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "rival" in text
    assert "cannot be told from chance" in text


def test_several_models_stand_beside_the_first_and_p_is_raised(shape_run, two, shape_bundle, copied):
    third = copied(shape_bundle, "third")
    result = compare([shape_run, two, third])
    assert [(pair["first"], pair["second"]) for pair in result["pairs"]] == [
        (shape_run.name, "rival"), (shape_run.name, "third"),
    ]  # fmt: skip
    same = result["pairs"][1]
    assert (same["difference"]["value"], same["only_first"], same["only_second"], same["p_value"]) == (0, 0, 0, 1)
    assert all(pair["p_adjusted"] >= pair["p_value"] for pair in result["pairs"])
    assert accuracy_difference(np.ones(9, bool), np.ones(9, bool))["ci95"] != [0, 0]


def test_images_that_taught_a_model_are_left_out(shape_run, two, shapes):
    result = compare([shape_run, two], data=shapes)
    assert result["n"] == 9
    assert any(note.startswith("note: 51 images of 60 taught or chose one of the models") for note in result["notes"])


def test_what_cannot_be_compared_is_refused(shape_run, shape_bundle, text_run, shapes, refuses):
    with refuses(ConfigError, "compare: give two models or more, such as: tellapart compare runs/a runs/b"):
        compare([shape_run])
    with refuses(ConfigError, f"{shape_run}, {shape_bundle}: one and the same model; give different ones"):
        compare([shape_run, shape_bundle])
    with refuses(ConfigError, "models of different tasks (classify and read) cannot be compared"):
        compare([shape_run, text_run])


def test_a_bundle_alone_has_no_test_part(shape_bundle, two, refuses):
    text = "not a run, so it has no test part of its own; name labelled images (--data)"
    with refuses(ConfigError, f"{two}: {text}"):
        compare([two, shape_bundle])


def test_images_that_all_taught_are_no_test(shape_run, two):
    with pytest.raises(CatalogError, match=r"none of these images is new to .*: all were in its training; give others"):
        compare([shape_run, two], split="train")


def test_readers_are_compared_by_exact_match_and_length(text_run, text_bundle, copied, monkeypatch):
    version = Bundle.version.fget
    monkeypatch.setattr(Bundle, "version", property(lambda self: version(self) + str(self.path)))
    result = compare([text_run, copied(text_bundle, "other")])
    (pair,) = result["pairs"]
    assert result["models"][0]["exact_match"] == result["models"][1]["exact_match"]
    assert pair["per_length"].keys() == {"3"}
    assert "macro_f1_difference" not in pair


def test_models_one_by_one_are_as_a_list_of_them(shape_run, two):
    assert compare(shape_run, two) == compare([shape_run, two])


def test_one_model_is_too_few(shape_run, refuses):
    with refuses(ConfigError, "compare: give two models or more, such as: tellapart compare runs/a runs/b"):
        compare(shape_run)
