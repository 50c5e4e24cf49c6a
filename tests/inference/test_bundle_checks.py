"""A bundle that a stranger changed and sealed again is refused in one sentence, or answers: never a traceback."""

from __future__ import annotations

import copy
import json
import os
import re
from dataclasses import replace

import pytest

import tellapart
from mutated_bundles import mutated, nested, read_document, seal
from tellapart.cli import main
from tellapart.core.errors import BundleError
from tellapart.inference import bundle_checks
from tellapart.inference.bundle import GRAPH, Bundle, _signed
from tellapart.inference.bundle_checks import check_graph, is_plain_name, shape_text
from tellapart.inference.manifest import MANIFEST, DecisionThreshold
from tellapart.inference.onnx_graph import FLOAT, UINT8, OnnxGraph, Port

SEEDS = 100  # of each task; by hand thousands


@pytest.mark.parametrize("task", ["classify", "read", "tag"])
def test_mutated_bundles_are_refused_in_one_sentence_or_answer(task, request, tmp_path, capsys):
    bundle, images = (
        request.getfixturevalue(name)
        for name in {
            "classify": ("shape_bundle", "shapes"), "read": ("text_bundle", "texts"), "tag": ("tag_bundle", "tagged"),
        }[task]
    )  # fmt: skip
    image = sorted(images.rglob("*.png"))[0]
    refused = 0
    capsys.readouterr()  # of what trained the bundle
    for seed in range(SEEDS):
        folder, change = mutated(bundle, tmp_path / f"{seed}", seed + 10_000 * ["classify", "read", "tag"].index(task))
        status = main(["predict", str(folder), str(image), "--json"])
        printed, said = capsys.readouterr()
        if status == 2:
            refused += 1
            assert f"tellapart: {json.loads(printed)['error']}\n" == said, (seed, change, printed)
            assert re.fullmatch(r"tellapart: [^\n]+\n", said), (seed, change, said)
            assert said[:-1].isprintable(), (seed, change, said)
            assert len(said) < 700 + 2 * len(str(folder)), (seed, change, said)
        else:
            assert status == 0, (seed, change, said)
    assert SEEDS * 0.6 < refused < SEEDS  # some changes change no answer


# --- values ------------------------------------------------------------------------------------------

GONE = object()


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("labels", [], "labels: not a list of classes, each named once and not empty"),
        ("labels", ["disc", "disc", "bar"], "labels: not a list of classes, each named once and not empty"),
        ("labels", ["disc", "", "bar"], "labels: not a list of classes, each named once and not empty"),
        ("groups", {"disc": "round"}, "groups: not a group for each of the labels"),
        ("charset", ["a"], "charset: not of a classifier"),
        ("length", 3, "length: not of a classifier"),
        ("preprocess.height", 0, "preprocess.height: 0, where a number from 1 to 65,536 belongs"),
        ("preprocess.width", -1, "preprocess.width: -1, where a number from 1 to 65,536 belongs"),
        ("preprocess.step", 0, "preprocess.step: 0, where a number from 1 to 65,536 belongs"),
        ("preprocess.max_width", 10**9, "preprocess.max_width: 1000000000, where a number from 1 to 65,536 belongs"),
        ("preprocess.std", [0.0], "preprocess.std: 0.0, where a number above 0 belongs"),
        ("preprocess.mean", [0.5, 0.5], "preprocess.mean: [0.5, 0.5], where one number, or one a channel, belongs"),
        ("calibration.temperature", 0, "calibration.temperature: 0, where a number above 0 belongs"),
        ("calibration.temperature", float("nan"), "calibration.temperature: nan, where a number above 0 belongs"),
        ("calibration.n", -1, "calibration.n: -1, where a number of 0 or more belongs"),
        ("calibration.ece.after", 2, "calibration.ece.after: 2, where a number from 0 to 1 belongs"),
        ("calibration.abstain", {"below": -1, "aim": 1}, "calibration.abstain.below: -1, where a number of 0"),
        ("calibration.abstain", {"below": 0, "aim": 2}, "calibration.abstain.aim: 2, where a number from 0 to 1"),
        (
            "calibration.threshold",
            {"positive": "disc", "at": 0.5, "aim": "f1"},
            "calibration.threshold: there are 3 labels, and a threshold parts two",
        ),
        ("data.n", -5, "data.n: -5, where a number of 0 or more belongs"),
        ("data.split.seed", -1, "data.split.seed: -1, where a number from 0 to 4,294,967,295 belongs"),
        ("data.split.fractions", [1, 0], "data.split.fractions: [1, 0], where a list of three shares belongs"),
        ("data.split.fractions", [1, 1, 1], "data.split.fractions: [1, 1, 1], where a list of shares that are 1"),
        ("training.seed", GONE, "training.seed: missing"),
        ("training.ensemble", "2", "training.ensemble: '2', where a whole number belongs"),
        ("training.label_from", 3, "training.label_from: 3, where a text or null belongs"),
        ("parity.compared", -1, "parity.compared: -1, where a number of 0 or more belongs"),
        ("metrics.accuracy.ci95", [0.5], "metrics.accuracy.ci95: [0.5], where a list of two numbers belongs"),
        ("metrics.accuracy.value", float("inf"), "metrics.accuracy: inf, where a finite number belongs"),
        ("training.backbone", nested(40), "values nested more than 32 deep"),
        ("versions.torch", "\ud800", "it holds text that is no Unicode"),
        ("files.odd", "0" * 63, f"files.odd: '{'0' * 60}…{'0' * 0}"),
    ],
)
def test_a_value_out_of_its_range_is_named(keys, value, words, shape_bundle, copied):
    folder = copied(shape_bundle)
    document = read_document(folder)
    *path, last = keys.split(".")
    inner = document
    for key in path:
        inner = inner[key]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    seal(folder, document)
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder / MANIFEST}: ")
    if not keys.startswith("files"):
        assert words in text


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("labels", ["a", "b"], "labels: not of a reader"),
        ("groups", {}, "groups: not of a reader"),
        ("length", 0, "length: 0, where a number from 1 to"),
        ("length", 10**9, "length: 1000000000, where a number from 1 to"),
    ],
)
def test_a_reader_has_no_classes_and_a_length_that_its_steps_can_hold(keys, value, words, text_bundle, copied):
    folder = copied(text_bundle)
    document = read_document(folder)
    document[keys] = value
    seal(folder, document)
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    assert str(caught.value).startswith(f"{folder / MANIFEST}: {words}")


def test_two_classes_may_have_a_threshold_of_one_of_them(shape_bundle):
    manifest = Bundle.open(shape_bundle).manifest
    for positive, fine in (("disc", True), ("cat", False)):
        threshold = DecisionThreshold(positive, 0.5, "f1")
        two = replace(
            manifest,
            labels=["disc", "ring"],
            groups=None,
            calibration=replace(manifest.calibration, threshold=threshold),
        )
        if fine:
            bundle_checks.check_manifest(two)
        else:
            with pytest.raises(BundleError, match="positive: 'cat', where one of the labels belongs"):
                bundle_checks.check_manifest(two)


def test_what_we_write_ourselves_holds(shape_bundle, text_bundle):
    for bundle in (shape_bundle, text_bundle, tellapart.base_reader()):
        bundle_checks.check_manifest(Bundle.open(bundle).manifest)


# --- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "/dev/zero", "a/b", "a\\b", "C:x", "..", ".", "", "a\0b", "x" * 300, "é" * 200],
)
def test_a_name_that_leads_elsewhere_is_refused(name, shape_bundle, copied):
    folder = copied(shape_bundle)
    document = read_document(folder)
    document["files"][name] = "0" * 64
    document.pop("sha256")
    (folder / MANIFEST).write_text(_signed(document), "utf-8")
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    assert str(caught.value).startswith(f"{folder / MANIFEST}: files: ")
    assert "where the name of a file in the bundle's own folder belongs" in str(caught.value)
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", [GRAPH, MANIFEST, "README.md"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("/dev/zero", "a device, not a file"),
        ("/etc/hostname", "a link that leads out of the bundle; copy it with what it leads to (cp -rL)"),
        ("pipe", "a pipe, not a file"),
        ("folder", "a folder, not a file"),
    ],
)
def test_what_is_no_file_of_the_folder_is_refused_and_not_opened(name, kind, words, shape_bundle, copied):
    folder = copied(shape_bundle)
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(kind)
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    if name == MANIFEST and kind != "/etc/hostname":
        assert str(caught.value).startswith(f"{folder}: no bundle")
    else:
        assert str(caught.value).startswith(f"{folder / name}: {words}")


def test_links_within_a_bundle_and_to_a_bundle_are_fine(shape_bundle, copied, tmp_path):
    folder = copied(shape_bundle)
    (folder / GRAPH).rename(folder / "real.onnx")
    (folder / GRAPH).symlink_to("real.onnx")
    (tmp_path / "newest").symlink_to(folder)
    assert Bundle.open(tmp_path / "newest").labels == ["bar", "disc", "ring"]


def test_a_manifest_or_a_file_that_is_too_large_is_refused(shape_bundle, copied, monkeypatch):
    folder = copied(shape_bundle)
    monkeypatch.setattr(bundle_checks, "MAX_MANIFEST_BYTES", 100)
    with pytest.raises(BundleError, match=r"description: [0-9,]+ bytes are more than 100$"):
        Bundle.open(folder)
    monkeypatch.undo()
    monkeypatch.setattr(bundle_checks, "MAX_FILE_BYTES", 10_000)
    with pytest.raises(BundleError, match=r"model\.onnx: [0-9,]+ bytes, more than 10,000$"):
        Bundle.open(folder)


def test_a_folder_that_a_stranger_filled_is_written_without_what_leads_elsewhere(shape_bundle, copied):
    folder = copied(shape_bundle)
    (folder / "passwords").symlink_to("/etc/passwd")
    (folder / "back\\slash").write_text("mine", "utf-8")
    figure = {"value": 0.5, "ci95": [0.4, 0.6], "n": 9}
    bundle = Bundle.open(folder).with_metrics({"split": "test", "accuracy": figure})
    assert {"passwords", "back\\slash"}.isdisjoint(bundle.manifest.files)
    assert Bundle.open(folder) == bundle


# --- graph -------------------------------------------------------------------------------------------

PIXELS, FINE = Port("pixels", UINT8, (None, 24, 24, 3)), Port("probabilities", FLOAT, (None, 3))


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (OnnxGraph([], [FINE]), "it takes 0 inputs, where one belongs: the pixels"),
        (OnnxGraph([PIXELS, PIXELS], [FINE]), "it takes 2 inputs, where one belongs: the pixels"),
        (OnnxGraph([PIXELS], []), "it gives no probabilities"),
        (OnnxGraph([replace(PIXELS, kind=FLOAT)], [FINE]), "'pixels' holds no 8-bit pixels"),
        (OnnxGraph([PIXELS], [replace(FINE, kind=11)]), "'probabilities' holds no 32-bit floats"),
        (OnnxGraph([PIXELS], [replace(FINE, shape=(None, 4))]), "'probabilities' has the shape ? x 4, where ? x 3"),
        (OnnxGraph([PIXELS], [replace(FINE, shape=(None, 5, 3))]), "'probabilities' has the shape ? x 5 x 3, where"),
        (
            OnnxGraph([PIXELS], [replace(FINE, shape=())]),
            "'probabilities' has the shape of one value",
        ),
        (
            OnnxGraph([replace(PIXELS, shape=(None, 24, 25, 3))], [FINE]),
            "'pixels' has the shape ? x 24 x 25 x 3",
        ),
        (OnnxGraph([replace(PIXELS, shape=(1, 24, 24, 3))], [FINE]), "'pixels' has the shape 1 x 24 x 24 x 3, where"),
        (OnnxGraph([PIXELS], [FINE, Port("features", FLOAT, (None, 2, 2))]), "'features' has the shape ? x 2 x 2"),
    ],
)
def test_a_graph_of_another_model_is_refused(graph, words, shape_bundle):
    manifest = Bundle.open(shape_bundle).manifest
    with pytest.raises(BundleError) as caught:
        check_graph(graph, manifest)
    assert str(caught.value).startswith(words)


def test_sides_that_a_graph_leaves_open_fit(shape_bundle):
    manifest = Bundle.open(shape_bundle).manifest
    for shape in (None, (None, None, None, None), (None, 24, None, 3)):
        check_graph(OnnxGraph([replace(PIXELS, shape=shape)], [copy.copy(FINE)]), manifest)
    check_graph(OnnxGraph([PIXELS], [replace(FINE, shape=None), Port("more", 7, ())]), manifest)
    assert shape_text(()) == "of one value"


def test_thresholds_of_tags_belong_to_tags(tag_bundle, shape_bundle, copied, refuses):
    lacks = "calibration.thresholds: not one for each of the labels"
    changes = (
        (lambda c: c.pop("thresholds"), lacks),
        (lambda c: c["thresholds"]["at"].pop("red"), lacks),
        (
            lambda c: c["thresholds"]["at"].update(red=-1),
            "calibration.thresholds.at.red: -1, where a number of 0 or more belongs",
        ),
        (
            lambda c: c.update(threshold={"positive": "red", "at": 0.5, "aim": "f1"}),
            "calibration.threshold: f1, of another task",
        ),
    )
    for number, (change, words) in enumerate(changes):
        folder = copied(tag_bundle, f"tags {number}")
        document = read_document(folder)
        change(document["calibration"])
        seal(folder, document)
        with refuses(BundleError, f"{folder / MANIFEST}: {words}; export the run again"):
            Bundle.open(folder)
    folder = copied(shape_bundle, "classes")
    document = read_document(folder)
    document["calibration"]["thresholds"] = {"at": {}, "aim": "f1"}
    seal(folder, document)
    with refuses(
        BundleError, f"{folder / MANIFEST}: calibration.thresholds: f1, of another task; export the run again"
    ):
        Bundle.open(folder)
