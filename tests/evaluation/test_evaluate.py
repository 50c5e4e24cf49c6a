"""Figures against scikit-learn and jiwer, both levels of groups, and which images are scored."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import jiwer
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.inference.bundle import Bundle
from tellapart.inference.predictor import Predictor

GROUP = {"bar": "straight", "disc": "round", "ring": "round"}


def answers(model, catalog, rows):
    files = [catalog.root / catalog.column("file")[row] for row in rows]
    return [prediction.answer for prediction in tellapart.load(model).predict(files)]


def truth(catalog, rows):
    return [catalog.column("label")[row] for row in rows]


def without_clock(report):
    return {key: value for key, value in report.items() if key not in ("model", "data", "images_per_second")}


def of_the_headline(report):
    return {key: value for key, value in without_clock(report).items() if key not in ("images", "seen", "notes")}


def table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["file", "label"], *rows])
    return path


# --- figures -----------------------------------------------------------------------------------------


@pytest.fixture
def all_shapes(shape_bundle, shapes, renewed):
    """The report over 60 new shapes, and what was true and answered."""
    catalog = open_catalog(renewed(shapes))
    report = tellapart.evaluate(shape_bundle, catalog)
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


def test_figures_of_the_groups_are_scikit_learns(all_shapes, shape_bundle, tmp_path):
    report, true, _ = all_shapes
    catalog = open_catalog(tmp_path / "renewed")
    rows = Predictor(shape_bundle).predict(data for _, data in catalog.read(catalog.rows()))
    sums = [row.probabilities["disc"] + row.probabilities["ring"] for row in rows]
    coarse = [[GROUP[label] for label in true], ["round" if both >= 0.5 else "straight" for both in sums]]
    assert coarse[1] == [row.group for row in rows]
    assert_scores(report, "", *coarse, ["round", "straight"])
    micro = f1_score(*coarse, average="micro")
    assert report["micro_f1"]["value"] == pytest.approx(micro)


def test_every_figure_lies_in_its_interval(all_shapes):
    figures = {name: value for name, value in all_shapes[0].items() if isinstance(value, dict) and "ci95" in value}
    assert figures.keys() == {"accuracy", "macro_f1", "micro_f1", "fine_accuracy", "fine_macro_f1"}
    for figure in figures.values():
        low, high = figure["ci95"]
        assert 0 <= low < figure["value"] < high <= 1


def test_the_report_says_what_was_scored(all_shapes, shape_bundle, tmp_path):
    report = all_shapes[0]
    assert (report["model"], report["data"]) == (str(shape_bundle), str(tmp_path / "renewed"))
    assert (report["split"], report["n"]) == ("all", 60)
    assert report["images_per_second"] > 0


def test_without_groups_there_is_one_level(shape_run, shapes, copied, renewed):
    bundle = Bundle.open(copied(shape_run / "bundle"))
    manifest = dataclasses.replace(bundle.manifest, groups=None)
    catalog = open_catalog(renewed(shapes))
    report = tellapart.evaluate(Bundle.write(bundle.path, manifest), catalog)
    said = answers(shape_run, catalog, catalog.rows())
    assert_scores(report, "", truth(catalog, catalog.rows()), said, ["bar", "disc", "ring"])
    assert not any(name.startswith("fine_") for name in report)


def test_reading_figures_are_jiwers(text_bundle, texts, tmp_path, renewed):
    """Against a table whose texts are right, one character off, or too long or short: no plain 0 or 1."""
    files = sorted(renewed(texts).glob("*.png"))[:40]
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
    assert of_the_headline(from_raw) == of_the_headline(from_run) == of_the_headline(kept)
    assert from_raw["images"] == {"unseen": 9, "train": 42, "val": 9, "left_out": 0}
    assert from_run["images"] == kept["images"] == {"unseen": 9, "train": 0, "val": 0, "left_out": 0}


@pytest.mark.parametrize(("part", "n"), [("train", 42), ("val", 9), ("test", 9), ("all", 9)])
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
    assert of_the_headline(report) == of_the_headline(json.loads((shape_run / "metrics.json").read_text("utf-8")))


def test_other_data_is_evaluated_whole(shape_run, shapes, renewed, refuses):
    other = renewed(shapes)
    (other / "round" / "disc" / "05.png").unlink()
    report = tellapart.evaluate(shape_run, other)
    assert (report["split"], report["n"], report["seen"], report["notes"]) == ("all", 59, {}, [])
    assert report["images"] == {"unseen": 59, "train": 0, "val": 0, "left_out": 0}
    for part in ("train", "val", "test"):
        text = f"{other}: has no splits, and none of its images is in the {part} part of the training; give --split all"
        with refuses(CatalogError, text):
            tellapart.evaluate(shape_run, other, split=part)


def test_a_split_of_ones_own_is_used(shape_run, shapes, renewed):
    own = split(renewed(shapes), seed=99)
    rows = own.rows("test")
    report = tellapart.evaluate(shape_run, own)
    assert (report["split"], report["n"]) == ("test", len(rows))
    expected = accuracy_score(truth(own, rows), answers(shape_run, own, rows))
    assert report["fine_accuracy"]["value"] == pytest.approx(expected)


# --- images that the model has met -------------------------------------------------------------------


@pytest.fixture(scope="module")
def cleaned(shapes, tmp_path_factory):
    """A run on a catalog without every sixth shape, as `clean` writes it."""
    folder = tmp_path_factory.mktemp("cleaned")
    whole = open_catalog(shapes)
    keep = [row % 6 != 0 for row in range(len(whole))]
    catalog = whole.with_column("keep", keep).with_column("why", [None if kept else "dark: x" for kept in keep])
    stages = [{"train": "all", "epochs": 1, "lr": 3e-3}]
    options = {"backbone": "small", "batch_size": 16, "device": "cpu", "precision": "float32", "stages": stages}
    result = tellapart.train(catalog, out=folder / "run", **options)
    return Path(result["run"]), result["test"]


def test_the_folder_of_which_a_part_was_cleaned_away(cleaned, shapes, capsys):
    run, test = cleaned
    report = tellapart.evaluate(run, shapes)
    counts = {part: len(open_catalog(run / "data.parquet").rows(part)) for part in ("train", "val", "test")}
    known = {"unseen": counts["test"], "train": counts["train"], "val": counts["val"], "left_out": 10}
    assert report["images"] == known
    assert sum(known.values()) == 60
    assert of_the_headline(report) == of_the_headline(test)  # which nothing but the test part has decided
    assert {part: figures["accuracy"]["n"] for part, figures in report["seen"].items()} == {
        part: known[part] for part in ("train", "val", "left_out")
    }
    warning = (
        f"warning: of 60 images {counts['train']} taught the model, {counts['val']} chose its weights and 10 stayed "
        f"out of its training; these are scored apart, and the figures are of the other {counts['test']}"
    )
    assert report["notes"] == [warning]
    assert capsys.readouterr().err.splitlines()[0] == warning


def test_what_is_scored_apart_is_what_the_part_alone_gives(shape_run, shapes):
    apart = tellapart.evaluate(shape_run, shapes)["seen"]
    alone = tellapart.evaluate(shape_run, shapes, split="train")
    assert apart["train"] == {name: alone[name] for name in apart["train"]}
    assert {"fine_accuracy", "macro_f1"} <= apart["train"].keys()


def test_new_images_among_known_ones_are_the_headline(shape_run, shapes, copied, renewed):
    grown = copied(shapes)
    new = sorted(renewed(shapes).rglob("*.png"))[::4]
    for path in new:
        shutil.copy(path, grown / path.relative_to(path.parents[2]).parent / f"new-{path.name}")
    for part in (None, "all"):
        report = tellapart.evaluate(shape_run, grown, split=part)
        assert report["images"] == {"unseen": 9 + len(new), "train": 42, "val": 9, "left_out": 0}
        assert (report["n"], report["accuracy"]["n"]) == (9 + len(new), 9 + len(new))


def test_corrected_labels_another_kind_of_file_and_other_folders_hide_no_image(shape_run, shapes, tmp_path):
    """Half of the images are re-encoded without loss, all are renamed, and all have another label."""
    rows = []
    for number, path in enumerate(sorted(shapes.rglob("*.png"))):
        target = tmp_path / "flat" / f"{number}.{'bmp' if number % 2 else 'png'}"
        target.parent.mkdir(exist_ok=True)
        if number % 2:
            Image.open(path).save(target)
        else:
            shutil.copy(path, target)
        rows.append([target.name, "bar" if path.parent.name == "disc" else "disc"])
    report = tellapart.evaluate(shape_run, table(tmp_path / "flat" / "labels.csv", rows))
    assert report["images"] == {"unseen": 9, "train": 42, "val": 9, "left_out": 0}


def test_a_tidy_copy_and_a_balanced_or_prepared_catalog_hide_no_image(shape_run, shapes, tmp_path):
    tellapart.tidy(shapes, out=tmp_path / "tidy")
    tellapart.balance(split(shapes, seed=1), out=tmp_path / "balanced.parquet", method="over")
    tellapart.prepare(shapes, out=tmp_path / "prepared", pretrained=False)
    whole = {"unseen": 9, "train": 42, "val": 9, "left_out": 0}
    assert tellapart.evaluate(shape_run, tmp_path / "tidy", split="all")["images"] == whole
    for data in (tmp_path / "balanced.parquet", tmp_path / "prepared" / "prepared.parquet"):
        assert sum(tellapart.evaluate(shape_run, data, split="all")["images"].values()) == len(
            open_catalog(data).rows()
        )
        assert tellapart.evaluate(shape_run, data, split="all")["images"]["train"] > 30


def test_test_images_of_another_split_that_taught_are_told(shape_run, shapes):
    again = open_catalog(shapes).with_column("split", ["test"] * 60)
    report = tellapart.evaluate(shape_run, again)
    assert (report["split"], report["n"]) == ("test", 9)
    assert report["images"] == {"unseen": 9, "train": 42, "val": 9, "left_out": 0}


def test_images_that_all_taught_are_refused_unless_asked_for(shape_run, shapes, tmp_path, refuses, capsys):
    taught = open_catalog(shape_run / "data.parquet")
    rows = [[str(shapes / taught.column("file")[row]), taught.column("label")[row]] for row in taught.rows("train")]
    data = table(tmp_path / "taught.csv", rows)
    text = (
        f"{data}: none of its images is new to the model (42 taught the model), so they cannot say how good it is; "
        "give others, or --split all to score these all the same"
    )
    with refuses(CatalogError, text):
        tellapart.evaluate(shape_run, data)
    capsys.readouterr()
    report = tellapart.evaluate(shape_run, data, split="all")
    assert (report["n"], report["images"]["unseen"], report["seen"]) == (42, 0, {})
    warning = (
        "warning: 42 images, none of them new to the model (42 taught the model): the figures say how well it "
        "remembers, not how good it is; for that, give images that were not in its training"
    )
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("note: 18 images beside them are not named in taught.csv and were left out")
    assert said[1:] == report["notes"] == [warning]


def without_training_images(bundle, target):
    """A copy of a bundle, away from its run, as earlier versions packed it."""
    shutil.copytree(bundle, target)
    (target / "training_images.parquet").unlink()
    return Bundle.write(target, Bundle.open(bundle).manifest)


def test_a_bundle_that_does_not_say_what_taught_it(shape_bundle, shapes, renewed, tmp_path, refuses):
    old = without_training_images(shape_bundle, tmp_path / "old")
    fewer = renewed(shapes)
    report = tellapart.evaluate(old, fewer)
    assert (report["images"], report["n"], report["seen"]) == (None, 60, {})
    note = f"note: {old.path} does not record which images taught it: whether some of these did cannot be told"
    assert report["notes"] == [note]
    text = (
        f"{fewer}: has no splits, and the bundle does not record its own, so the test part is not defined; give "
        "--split all, or the catalog that the run kept (data.parquet)"
    )
    with refuses(CatalogError, text):
        tellapart.evaluate(old, fewer, split="test")


def test_its_own_data_still_tells_by_the_seed(shape_bundle, shapes, tmp_path):
    old = without_training_images(shape_bundle, tmp_path / "old")
    assert tellapart.evaluate(old, shapes)["images"] == {"unseen": 9, "train": 42, "val": 9, "left_out": 0}


def test_its_run_still_tells_by_its_catalog(shape_run, shapes, copied, renewed):
    run = copied(shape_run)
    (run / "bundle" / "training_images.parquet").unlink()
    Bundle.write(run / "bundle", Bundle.open(shape_run).manifest)
    fewer = copied(shapes, "fewer")
    (fewer / "round" / "disc" / "05.png").unlink()
    assert sum(tellapart.evaluate(run, fewer)["images"].values()) == 59


def test_an_empty_part_is_refused(shape_run, draw_shapes, tmp_path, refuses):
    data = draw_shapes(tmp_path / "data", each=3)
    with (data / "labels.csv").open("w", encoding="utf-8") as stream:
        stream.write("file,label,split\n")
        stream.writelines(f"{GROUP[name]}/{name}/{n:02d}.png,{name},train\n" for name in GROUP for n in range(3))
    with refuses(CatalogError, f"{data}: no image in the split 'test'"):
        tellapart.evaluate(shape_run, data)
    assert sum(tellapart.evaluate(shape_run, data, split="train")["images"].values()) == 9


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
        tellapart.evaluate(text_run, data, split="all")


def test_an_image_that_was_damaged_since(shape_run, shapes, copied, refuses):
    data = copied(shapes)
    catalog = open_catalog(data)
    (data / "round" / "disc" / "05.png").write_bytes(b"")
    text = "1 image cannot be read any more: round/disc/05.png; catalog the data again"
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


def test_a_bundle_without_groups_answers_in_those_of_a_file(shape_bundle, shapes, renewed, tmp_path, refuses):
    grouped = Bundle.open(shape_bundle)
    bare = Bundle(grouped.path, dataclasses.replace(grouped.manifest, groups=None))
    data = renewed(shapes)
    groups = tmp_path / "groups.yaml"
    groups.write_text("round: [disc, ring]\nstraight: [bar]\n", encoding="utf-8")
    expected = tellapart.evaluate(grouped, data)
    assert "fine_accuracy" not in tellapart.evaluate(bare, data)
    assert without_clock(tellapart.evaluate(bare, data, coarse_labels=groups)) == without_clock(expected)
    assert without_clock(tellapart.evaluate(grouped, data, coarse_labels=groups)) == without_clock(expected)
    with pytest.raises(ConfigError, match="has no groups, and answers in none part by part"):
        tellapart.evaluate(bare, data, coarse_labels=groups, parts=tmp_path / "parts")
    groups.write_text("round: [disc]\nstraight: [bar, ring]\n", encoding="utf-8")
    with refuses(
        CatalogError, f"{groups}: other groups than the model's: ring (straight, of the model round); leave it out"
    ):
        tellapart.evaluate(grouped, data, coarse_labels=groups)


def test_every_class_of_the_model_belongs_to_a_given_group(shape_bundle, shapes, renewed, tmp_path, refuses):
    groups = tmp_path / "groups.yaml"
    groups.write_text("round: [disc]\n", encoding="utf-8")
    for path in renewed(shapes).iterdir():
        if path.name != "round":
            shutil.rmtree(path)
    shutil.rmtree(tmp_path / "renewed" / "round" / "ring")
    with refuses(CatalogError, f"{groups}: in no group: bar, ring; each class of the model belongs to one"):
        tellapart.evaluate(shape_bundle, tmp_path / "renewed", coarse_labels=groups)


def test_where_no_report_can_be_written_is_said_before_the_model_is_opened(tmp_path, shapes, refuses):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "r.json"
    text = f"{out}: nothing can be written in {out.parent} (Not a directory); name another place"
    with refuses(ConfigError, text):
        tellapart.evaluate("no model", shapes, out=out)
    with refuses(ConfigError, f"{tmp_path}: a folder; name a file that ends in .json"):
        tellapart.evaluate("no model", shapes, out=tmp_path)
