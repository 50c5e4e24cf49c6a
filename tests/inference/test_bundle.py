"""The bundle: every byte is checked, and a moved folder works."""

from __future__ import annotations

import errno
import json
import os

import pytest

from tellapart.core import files
from tellapart.core.errors import BundleError
from tellapart.core.locks import LOCK
from tellapart.inference.bundle import CARD, GRAPH, Bundle
from tellapart.inference.manifest import FORMAT, MANIFEST
from tellapart.inference.predictor import load


def test_written_and_opened_it_says_the_same(shape_bundle):
    bundle = Bundle.open(shape_bundle)
    assert bundle.path == shape_bundle
    assert bundle.task == "classify"
    assert bundle.labels == ["bar", "disc", "ring"]
    assert bundle.groups == {"bar": "straight", "disc": "round", "ring": "round"}
    assert bundle.preprocess.to_json() == bundle.manifest.to_json()["preprocess"]
    assert bundle.manifest.to_json()["format"] == FORMAT


def test_it_opens_from_its_run_too(text_run, text_bundle):
    one, other = Bundle.open(text_run), Bundle.open(str(text_bundle))
    assert one == other
    assert one.charset.characters == ("0", "1", "4", "7")
    assert (one.labels, one.groups) == ([], {})


def test_a_renamed_folder_still_works(shape_bundle, copied, shape_files, shape_predictor):
    moved = copied(shape_bundle, "ein anderer Name")
    assert load(moved).predict(shape_files[:4]) == shape_predictor.predict(shape_files[:4])


def test_figures_are_written_in(shape_bundle, copied):
    bundle = Bundle.open(copied(shape_bundle))
    figure = {"value": 0.5, "ci95": [0.4, 0.6], "n": 9}
    report = {"split": "test", "n": 9, "accuracy": figure, "per_class": {"bar": {"f1": 0.1}}, "model": "x"}
    bundle.with_metrics(report)
    before, again = bundle.manifest.to_json(), Bundle.open(bundle.path).manifest.to_json()
    assert again["metrics"] == {"split": "test", "accuracy": figure}
    # Nothing else but the card, which states them, is another.
    assert again["files"].pop(CARD) != before["files"].pop(CARD)
    assert {**again, "metrics": 0} == {**before, "metrics": 0}


def test_figures_that_cannot_be_written_leave_the_bundle_as_it_was(shape_bundle, copied, monkeypatch):
    """A writer killed at any moment leaves the old folder or the new one: here before and after the one rename."""
    report = {"split": "test", "accuracy": {"value": 0.5, "ci95": [0.4, 0.6], "n": 9}}
    publish = files._publish

    class Killed(BaseException):
        pass

    def before(temporary, path):
        if path == folder:
            raise Killed
        publish(temporary, path)

    def after(temporary, path):
        publish(temporary, path)
        if path == folder:
            raise Killed

    for name, killed, accuracy in (("one", before, None), ("two", after, 0.5)):
        folder = copied(shape_bundle, name)
        (folder / "notes").mkdir()
        (folder / "notes" / "mine.txt").write_text("kept", "utf-8")
        bundle = Bundle.open(folder)
        old = bundle.manifest
        monkeypatch.setattr(files, "_publish", killed)
        with pytest.raises(Killed):
            bundle.with_metrics(report)
        monkeypatch.setattr(files, "_publish", publish)
        again = Bundle.open(folder).manifest
        assert again == old if accuracy is None else again.metrics.figures["accuracy"]["value"] == accuracy
        assert (folder / "notes" / "mine.txt").read_text("utf-8") == "kept"
        assert {item.name for item in folder.parent.iterdir()} <= {"one", "two"}


def test_where_files_cannot_be_linked_figures_are_written_into_a_copy(shape_bundle, copied, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = copied(shape_bundle)
    report = {"split": "test", "accuracy": {"value": 0.5, "ci95": [0.4, 0.6], "n": 9}}
    assert Bundle.open(folder).with_metrics(report) == Bundle.open(folder)


def test_temporaries_and_locks_are_no_files_of_a_bundle(shape_bundle, copied):
    folder = copied(shape_bundle)
    for name in (LOCK, ".README.md.1@host.12345678.part"):
        (folder / name).touch()
    bundle = Bundle.open(folder)
    assert Bundle.write(folder, bundle.manifest).manifest.files == bundle.manifest.files


def test_a_bundle_that_was_moved_aside_and_not_replaced_comes_back(shape_run, copied):
    """Where the system cannot exchange names, a killed writer leaves this."""
    run = copied(shape_run)
    aside = run / ".bundle.99999999@host.12345678.old"
    aside.mkdir()
    (run / "bundle").rename(aside / "bundle")
    assert Bundle.open(run).path == run / "bundle"
    assert not aside.exists()


def positions(data):
    """A place of each kind in ``bundle.json``: key, value, number, digest, whitespace, the last line's end."""
    text = data.decode("utf-8")
    return {
        "a key": text.index('"task"') + 2,
        "a label": text.index('"disc"') + 1,
        "a number": text.index('"height": 24') + 11,
        "a digest": text.index('"model.onnx": "') + 20,
        "the own digest": text.index('"sha256": "') + 14,
        "whitespace": text.index("\n  ") + 1,
        "the format": text.index('"format": 2') + 10,
        "the end": len(data) - 1,
    }


@pytest.mark.parametrize(
    "kind",
    ["a key", "a label", "a number", "a digest", "the own digest", "whitespace", "the format", "the end"],
)
def test_a_changed_byte_of_the_description_is_refused(kind, shape_bundle, copied):
    bundle = copied(shape_bundle)
    data = bytearray((bundle / MANIFEST).read_bytes())
    place = positions(bytes(data))[kind]
    data[place] = {ord(" "): ord("\t"), ord("\n"): ord(" "), ord("1"): ord("2")}.get(data[place], data[place] ^ 1)
    (bundle / MANIFEST).write_bytes(data)
    with pytest.raises(BundleError) as caught:
        Bundle.open(bundle)
    text = str(caught.value)
    if kind == "the format":
        assert text == f"{bundle}: format 3; this version reads 2: export it again"
    else:
        changed = f"{bundle / MANIFEST}: changed since it was written; export the run again"
        assert text == changed or text.startswith(f"{bundle / MANIFEST}: not readable as a bundle's description: ")


def test_a_changed_value_says_changed(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    text = (bundle / MANIFEST).read_text("utf-8")
    for old, new in (('"disc"', '"disk"'), ("\n  ", "\n   "), ("}\n", "}\n\n")):
        (bundle / MANIFEST).write_text(text.replace(old, new, 1), "utf-8")
        with refuses(BundleError, f"{bundle / MANIFEST}: changed since it was written; export the run again"):
            Bundle.open(bundle)
    (bundle / MANIFEST).write_text(text, "utf-8")
    Bundle.open(bundle)


@pytest.mark.parametrize("where", [0, 0.001, 0.5, 1])
def test_a_changed_byte_of_the_graph_is_refused(where, shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    data = bytearray((bundle / GRAPH).read_bytes())
    data[min(int(where * len(data)), len(data) - 1)] ^= 1
    (bundle / GRAPH).write_bytes(data)
    with refuses(BundleError, f"{bundle / GRAPH}: changed since it was written; export the run again"):
        load(bundle)


@pytest.mark.parametrize("change", ["longer", "shorter", "empty"])
def test_a_graph_of_another_length_is_refused(change, shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    data = (bundle / GRAPH).read_bytes()
    (bundle / GRAPH).write_bytes({"longer": data + b"\0", "shorter": data[:-1], "empty": b""}[change])
    with refuses(BundleError, f"{bundle / GRAPH}: changed since it was written; export the run again"):
        Bundle.open(bundle)


def test_a_missing_graph_is_said(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    (bundle / GRAPH).unlink()
    text = f"{bundle / GRAPH}: missing; copy the whole bundle folder or export the run again"
    with refuses(BundleError, text):
        Bundle.open(bundle)


def test_another_format_is_said(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    about = json.loads((bundle / MANIFEST).read_text("utf-8"))
    (bundle / MANIFEST).write_text(json.dumps(about | {"format": 7}), "utf-8")
    with refuses(BundleError, f"{bundle}: format 7; this version reads 2: export it again"):
        Bundle.open(bundle)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b'"x"', b"null", b"{}", b'{"sha256": ""}', b"\xff\xfe"])
def test_what_is_no_description_is_refused(content, shape_bundle, copied):
    bundle = copied(shape_bundle)
    (bundle / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError) as caught:
        Bundle.open(bundle)
    assert str(caught.value).startswith(f"{bundle / MANIFEST}: not readable as a bundle's description: ")


def test_no_bundle_and_an_unfinished_run_are_told_apart(tmp_path, refuses):
    text = f"{tmp_path}: no bundle (a bundle is a folder with bundle.json and model.onnx)"
    with refuses(BundleError, text):
        load(tmp_path)
    (tmp_path / "config.yaml").write_text("task: read\n", "utf-8")
    text = (
        f"{tmp_path}: an unfinished run; run its train command again "
        "(a bundle is a folder with bundle.json and model.onnx)"
    )
    with refuses(BundleError, text):
        load(tmp_path)


def test_a_model_shows_what_it_knows_and_how_good_it_is(shape_predictor):
    html = shape_predictor._repr_html_()
    assert "<td>task</td><td>classify</td>" in html
    assert ", ".join(shape_predictor.bundle.labels) in html
    assert "accuracy" in html
    assert "n " in html


def test_a_shipped_reader_shows_itself_by_its_name():
    assert load("base")._repr_html_().startswith("<div><b>base</b>")


def test_its_location_opens_it_again(shape_bundle):
    assert Bundle.open("base").location == "base"
    assert Bundle.open("small").location == "small"
    assert Bundle.open(shape_bundle).location == str(shape_bundle)
