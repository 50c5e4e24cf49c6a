"""Figures against scikit-learn and jiwer, both levels of groups, and which images are scored."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil

import jiwer
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.inference.bundle import Bundle

GROUP = {"bar": "straight", "disc": "round", "ring": "round"}


def answers(model, catalog, rows):
    files = [catalog.root / catalog.column("file")[row] for row in rows]
    return [prediction.answer for prediction in tellapart.load(model).predict(files)]


def truth(catalog, rows):
    return [catalog.column("label")[row] for row in rows]


def without_clock(report):
    return {key: value for key, value in report.items() if key not in ("model", "data", "images_per_second")}


def table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["file", "label"], *rows])
    return path


# --- figures -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def all_shapes(shape_bundle, shapes):
    """The report over all shapes, and what was true and answered."""
    catalog = open_catalog(shapes)
    report = tellapart.evaluate(shape_bundle, shapes, split="all")
    true, said = truth(catalog, catalog.rows()), answers(shape_bundle, catalog, catalog.rows())
    assert 0.3 < accuracy_score(true, said) < 1  # wrongly labelled images keep it from telling nothing
    return report, true, said


def assert_scores(report, prefix, true, said, labels):
    precision, recall, f1, support = precision_recall_fscore_support(true, said, labels=labels, zero_division=0)
    assert report[f"{prefix}accuracy"]["value"] == pytest.approx(accuracy_score(true, said))
    assert report[f"{prefix}accuracy"]["n"] == len(true)
    assert report[f"{prefix}macro_f1"]["value"] == pytest.approx(f1_score(true, said, average="macro", zero_division=0))
    per_class = report[f"{prefix}per_class"]
    assert list(per_class) == labels
    for place, label in enumerate(labels):
        expected = (precision[place], recall[place], f1[place], support[place])
        found = [per_class[label][name] for name in ("precision", "recall", "f1", "support")]
        assert found == pytest.approx(expected), label
    confusion = report[f"{prefix}confusion"]
    assert confusion["labels"] == labels
    assert confusion["counts"] == confusion_matrix(true, said, labels=labels).tolist()


def test_fine_figures_are_scikit_learns(all_shapes):
    report, true, said = all_shapes
    assert_scores(report, "fine_", true, said, ["bar", "disc", "ring"])


def test_figures_of_the_groups_are_scikit_learns(all_shapes):
    report, true, said = all_shapes
    coarse = [[GROUP[label] for label in labels] for labels in (true, said)]
    assert_scores(report, "", *coarse, ["round", "straight"])
    micro = f1_score(*coarse, average="micro")
    assert report["micro_f1"]["value"] == pytest.approx(micro)


def test_every_figure_lies_in_its_interval(all_shapes):
    figures = {name: value for name, value in all_shapes[0].items() if isinstance(value, dict) and "ci95" in value}
    assert figures.keys() == {"accuracy", "macro_f1", "micro_f1", "fine_accuracy", "fine_macro_f1"}
    for figure in figures.values():
        low, high = figure["ci95"]
        assert 0 <= low < figure["value"] < high <= 1


def test_the_report_says_what_was_scored(all_shapes, shape_bundle, shapes):
    report = all_shapes[0]
    assert (report["model"], report["data"]) == (str(shape_bundle), str(shapes))
    assert (report["split"], report["n"]) == ("all", 60)
    assert report["images_per_second"] > 0


def test_without_groups_there_is_one_level(shape_run, shapes, copied):
    bundle = Bundle.open(copied(shape_run / "bundle"))
    manifest = dataclasses.replace(bundle.manifest, groups=None)
    report = tellapart.evaluate(Bundle.write(bundle.path, manifest), shapes, split="all")
    catalog = open_catalog(shapes)
    said = answers(shape_run, catalog, catalog.rows())
    assert_scores(report, "", truth(catalog, catalog.rows()), said, ["bar", "disc", "ring"])
    assert not any(name.startswith("fine_") for name in report)


def test_reading_figures_are_jiwers(text_bundle, texts, tmp_path):
    """Against a table whose texts are right, one character off, or too long or short: no plain 0 or 1."""
    files = sorted(texts.glob("*.png"))[:40]
    said = [prediction.answer for prediction in tellapart.load(text_bundle).predict(files)]
    dice = np.random.default_rng(0)
    true = []
    for number, text in enumerate(said):
        swapped = "4" if text[:1] != "4" else "7"
        true.append([text, swapped + text[1:], text + "0", text[1:] or "1"][number % 4 if dice.random() < 0.7 else 0])
    data = table(tmp_path / "labels.csv", [[str(file), text] for file, text in zip(files, true, strict=True)])
    report = tellapart.evaluate(text_bundle, data)
    exact = sum(a == b for a, b in zip(true, said, strict=True)) / len(true)
    assert 0.1 < exact < 0.9
    assert report["exact_match"]["value"] == pytest.approx(exact)
    assert report["exact_match_folded"]["value"] == pytest.approx(exact)
    assert report["cer"]["value"] == pytest.approx(jiwer.cer(true, said))
    assert 0 < report["cer"]["ci95"][0] < report["cer"]["value"] < report["cer"]["ci95"][1] < 1
    assert report["n"] == 40


# --- which images ------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["shape", "text"])
def test_the_test_part_made_again_from_raw_data_is_the_runs(which, request):
    run, data = request.getfixturevalue(f"{which}_run"), request.getfixturevalue(f"{which}s")
    kept = json.loads((run / "metrics.json").read_text("utf-8"))
    from_raw = tellapart.evaluate(run, data)
    from_run = tellapart.evaluate(run, run / "data.parquet")
    assert from_raw["split"] == from_run["split"] == "test"
    assert without_clock(from_raw) == without_clock(from_run) == without_clock(kept)


@pytest.mark.parametrize(("part", "n"), [("train", 42), ("val", 9), ("test", 9), ("all", 60)])
def test_any_part_can_be_asked_for(part, n, shape_run, shapes):
    from_raw = tellapart.evaluate(shape_run, shapes, split=part)
    assert (from_raw["split"], from_raw["n"]) == (part, n)
    assert without_clock(from_raw) == without_clock(
        tellapart.evaluate(shape_run, shape_run / "data.parquet", split=part)
    )


def test_renamed_files_are_still_the_same_data(shape_run, shapes, copied):
    moved = copied(shapes)
    for file in sorted(moved.rglob("*.png")):
        file.rename(file.with_name(f"x{file.name}"))
    report = tellapart.evaluate(shape_run, moved)
    assert without_clock(report) == without_clock(json.loads((shape_run / "metrics.json").read_text("utf-8")))


def test_other_data_is_evaluated_whole(shape_run, shapes, copied, refuses):
    fewer = copied(shapes)
    (fewer / "round" / "disc" / "05.png").unlink()
    report = tellapart.evaluate(shape_run, fewer)
    assert (report["split"], report["n"]) == ("all", 59)
    for part in ("train", "val", "test"):
        text = (
            f"{fewer}: has no splits and is not the data the model was trained on, so its {part} part is not defined; "
            "give --split all"
        )
        with refuses(CatalogError, text):
            tellapart.evaluate(shape_run, fewer, split=part)


def test_a_split_of_ones_own_is_used(shape_run, shapes):
    own = split(shapes, seed=99)
    rows = own.rows("test")
    report = tellapart.evaluate(shape_run, own)
    assert (report["split"], report["n"]) == ("test", len(rows))
    expected = accuracy_score(truth(own, rows), answers(shape_run, own, rows))
    assert report["fine_accuracy"]["value"] == pytest.approx(expected)


def test_an_empty_part_is_refused(shape_run, draw_shapes, tmp_path, refuses):
    data = draw_shapes(tmp_path / "data", each=3)
    with (data / "labels.csv").open("w", encoding="utf-8") as stream:
        stream.write("file,label,split\n")
        stream.writelines(f"{GROUP[name]}/{name}/{n:02d}.png,{name},train\n" for name in GROUP for n in range(3))
    with refuses(CatalogError, f"{data}: no image in the split 'test'"):
        tellapart.evaluate(shape_run, data)
    assert tellapart.evaluate(shape_run, data, split="train")["n"] == 9


# --- refusals ----------------------------------------------------------------------------------------


def test_an_unknown_split(shape_run, shapes, refuses):
    with refuses(CatalogError, "split 'tset': known are train, val, test and all"):
        tellapart.evaluate(shape_run, shapes, split="tset")


def test_labels_the_model_does_not_know(shape_run, draw_shapes, tmp_path, refuses):
    data = draw_shapes(tmp_path / "data", each=3)
    (data / "round" / "ring").rename(data / "round" / "hoop")
    with refuses(CatalogError, f"{data}: labels the model does not know: hoop; it knows: bar, disc, ring"):
        tellapart.evaluate(shape_run, data)


def test_characters_the_model_does_not_know(text_run, texts, tmp_path, refuses):
    files = sorted(texts.glob("*.png"))
    data = table(
        tmp_path / "labels.csv", [[str(file), text] for file, text in zip(files, ("14x", "0é4", "147"), strict=False)]
    )
    text = f"{data}: characters the model does not know: 'xé' in 2 texts (14x, 0é4); it knows: 0147"
    with refuses(TextError, f"{text}; leave those texts out, or train a reader on labels that hold them"):
        tellapart.evaluate(text_run, data)


def test_an_image_that_was_damaged_since(shape_run, shapes, copied, refuses):
    data = copied(shapes)
    catalog = open_catalog(data)
    (data / "round" / "disc" / "05.png").write_bytes(b"")
    text = "1 images cannot be read any more: round/disc/05.png; catalog the data again"
    with refuses(CatalogError, text):
        tellapart.evaluate(shape_run, catalog, split="all")


def test_the_report_as_a_file(shape_run, shapes, tmp_path):
    report = tellapart.evaluate(shape_run, shapes, out=tmp_path / "deep" / "report.json")
    assert json.loads((tmp_path / "deep" / "report.json").read_text("utf-8")) == report
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.json"]


def test_the_data_is_read_as_the_models_own_was(shapes, shape_bundle, tmp_path):
    for number, file in enumerate(sorted(shapes.rglob("*.png"))):
        shutil.copy(file, tmp_path / f"x{number}-{file.parent.name}.png")
    plain = Bundle.open(shape_bundle)
    training = {**plain.manifest.training, "label_from": r"x\d+-(\w+)"}
    named = Bundle(plain.path, dataclasses.replace(plain.manifest, training=training))
    flat, nested = (
        tellapart.evaluate(named, tmp_path, split="all"),
        tellapart.evaluate(shape_bundle, shapes, split="all"),
    )
    assert flat["fine_confusion"] == nested["fine_confusion"]
    with pytest.raises(CatalogError, match="the name holds no label by the rule 'prefix'"):
        tellapart.evaluate(named, tmp_path, label_from="prefix")


def test_a_reader_tells_where_it_errs_and_shows_it(text_bundle, texts, tmp_path):
    report = tellapart.evaluate(text_bundle, texts, split="all", picture=tmp_path / "sheet.png")
    wrong = sum(place["cer"] * place["n"] for place in report["by_position"])
    assert wrong == pytest.approx(report["cer"]["value"] * sum(place["n"] for place in report["by_position"]))
    assert 0 <= report["ece"] <= 1
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_the_confusion_of_a_classifier_as_a_picture(shape_bundle, shapes, tmp_path):
    tellapart.evaluate(shape_bundle, shapes, picture=tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_must_be_a_png(shape_bundle, shapes, tmp_path):
    with pytest.raises(ConfigError, match=r"name a file that ends in \.png"):
        tellapart.evaluate(shape_bundle, shapes, picture=tmp_path / "picture.jpg")
