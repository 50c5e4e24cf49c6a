"""The manifest of a bundle: what is read is written again byte for byte; what does not fit is refused in words."""

from __future__ import annotations

import copy
import json

import pytest

from tellapart.core.errors import BundleError
from tellapart.core.image_conversion import EARLIER, Decoding
from tellapart.inference.base_model import small_reader
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.manifest import MANIFEST, AbstainLevel, BundleManifest, Calibration, DecisionThreshold


def document(folder):
    value = json.loads((folder / MANIFEST).read_text("utf-8"))
    del value["sha256"]
    return value


@pytest.fixture(scope="module")
def base():
    return document(small_reader())


def test_what_is_read_is_written_again_in_the_same_order(base, shape_bundle, text_bundle):
    for value in (base, document(shape_bundle), document(text_bundle)):
        assert json.dumps(BundleManifest.from_json(value).to_json()) == json.dumps(value)


def test_a_bundle_that_does_not_say_how_to_decode_is_an_earlier_one(base):
    assert BundleManifest.from_json(base).preprocess.decoding == Decoding()
    spec = {name: value for name, value in base["preprocess"].items() if name != "decoding"}
    assert BundleManifest.from_json({**base, "preprocess": spec}).preprocess.decoding == EARLIER


def test_a_bundle_that_is_written_again_has_the_same_bytes(shape_bundle, copied):
    folder = copied(shape_bundle)
    before = (folder / MANIFEST).read_bytes()
    Bundle.write(folder, Bundle.open(folder).manifest)
    assert (folder / MANIFEST).read_bytes() == before


def test_calibration_round_trips_with_and_without_its_decisions():
    plain = {"temperature": 1.5, "n": 9, "ece": {"before": 0.2, "after": 0.1}}
    full = {**plain, "threshold": {"positive": "a", "at": 0.3, "aim": "f1"}, "abstain": {"below": 0.5, "aim": 0.9}}
    assert Calibration.from_json(plain).to_json() == plain
    assert Calibration.from_json(full).to_json() == full
    assert Calibration.from_json(full).threshold == DecisionThreshold("a", 0.3, "f1")
    assert Calibration.from_json(full).abstain == AbstainLevel(0.5, 0.9)


GONE = object()


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (["task"], GONE, "task: missing"),
        (["task"], "sort", "task: 'sort', where 'classify' or 'read' or 'tag' belongs"),
        (["charset"], GONE, "charset: missing"),
        (["charset"], "abc", "charset: a charset is a list of characters, not str"),
        (["preprocess"], GONE, "preprocess: missing"),
        (["preprocess", "height"], "40", "preprocess.height: '40', where a whole number belongs"),
        (["preprocess", "channels"], 2, "preprocess.channels: 2, where 1 or 3 belongs"),
        (["preprocess", "mean"], [0.5, None], "preprocess.mean[1]: None, where a number belongs"),
        (["preprocess", "mean"], 0.5, "preprocess.mean: 0.5, where a list belongs"),
        (["calibration", "ece", "after"], GONE, "calibration.ece.after: missing"),
        (
            ["calibration", "abstain"],
            {"below": True, "aim": 1},
            "calibration.abstain.below: True, where a number belongs",
        ),
        (["data"], [], "data: [], where an object belongs"),
        (["data", "n"], 2.5, "data.n: 2.5, where a whole number belongs"),
        (["data", "split"], GONE, "data.split: missing"),
        (["data", "split", "seed"], None, "data.split.seed: None, where a whole number belongs"),
        (["training"], None, "training: None, where an object belongs"),
        (["versions", "torch"], 2, "versions.torch: 2, where a text belongs"),
        (["parity", "compared"], GONE, "parity.compared: missing"),
        (["metrics", "split"], GONE, "metrics.split: missing"),
        (["metrics", "cer", "ci95"], GONE, "metrics.cer.ci95: missing"),
        (["files", "model.onnx"], None, "files.model.onnx: None, where a text belongs"),
        (["colour"], "grey", "colour: an unknown key"),
        (["length"], "5" * 70, f"length: '{'5' * 59}…, where a whole number belongs"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(base, refuses, keys, value, words):
    changed = copy.deepcopy(base)
    place = changed
    for key in keys[:-1]:
        place = place[key]
    if value is GONE:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    with refuses(BundleError, words):
        BundleManifest.from_json(changed)


def test_a_classifier_needs_labels(shape_bundle, refuses):
    value = document(shape_bundle)
    del value["labels"]
    with refuses(BundleError, "labels: missing"):
        BundleManifest.from_json(value)


def test_the_bundle_names_the_file(shape_bundle, copied, refuses, monkeypatch):
    """A manifest that another version wrote and signed."""
    folder = copied(shape_bundle)
    manifest = Bundle.open(folder).manifest
    monkeypatch.setattr(BundleManifest, "to_json", lambda self: {**document(shape_bundle), "data": {}})
    Bundle.write(folder, manifest)
    with refuses(BundleError, f"{folder / MANIFEST}: data.fingerprint: missing; export the run again"):
        Bundle.open(folder)
    monkeypatch.setattr(BundleManifest, "to_json", lambda self: {**document(shape_bundle), "files": {}})
    Bundle.write(folder, manifest)
    with refuses(BundleError, f"{folder / MANIFEST}: files.{GRAPH}: missing; export the run again"):
        Bundle.open(folder)


def test_a_classifier_has_no_charset(shape_bundle, refuses):
    with refuses(BundleError, f"{shape_bundle}: a classifier, which has no charset"):
        _ = Bundle.open(shape_bundle).charset
