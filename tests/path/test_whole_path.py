"""The command line from end to end: what it prints, with which status, and what it refuses in which words."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

import tellapart
from tellapart.catalog import open_catalog
from tellapart.cli import VERBS, main
from tellapart.errors import BundleError, CatalogError, ConfigError, ParityError, TextError


def run(capsys, *words):
    """Exit status, stdout and stderr of one command line."""
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def as_json(capsys, *words):
    status, out, _ = run(capsys, *words, "--json")
    assert out.count("\n") == 1
    return status, json.loads(out)


# --- the command line ------------------------------------------------------------------------------


def test_catalog_and_split_report_what_they_hold(capsys, shapes, tmp_path):
    status, said = as_json(capsys, "catalog", shapes, "--out", tmp_path / "c.parquet")
    assert (status, said["n"], said["labels"], said["task"], said["split"]) == (0, 60, 3, "classify", None)
    status, said = as_json(capsys, "split", tmp_path / "c.parquet", "--out", tmp_path / "s.parquet")
    assert status == 0
    assert sum(said["split"].values()) == 60
    assert open_catalog(tmp_path / "s.parquet").column("split").count("test") == said["split"]["test"]


def test_train_prints_the_contract(capsys, shapes, shape_run, shape_options):
    stages = json.dumps(shape_options["stages"])
    options = [f"--{key}={value}" for key, value in shape_options.items() if key != "stages"]
    status, said = as_json(capsys, "train", shapes, "--out", shape_run, *options, "--stages", stages)
    assert status == 0
    assert set(said) == {"run", "bundle", "seconds", "test"}
    assert set(said["test"]["accuracy"]) == {"value", "ci95", "n"}
    assert {"fine_accuracy", "fine_macro_f1", "per_class", "confusion", "images_per_second"} <= set(said["test"])


def test_evaluate_from_the_raw_folder_makes_the_same_test_part_again(capsys, shapes, shape_run):
    status, said = as_json(capsys, "evaluate", shape_run, shapes)
    kept = json.loads((shape_run / "metrics.json").read_text())
    assert status == 0
    assert said["split"] == "test"
    assert [said[k] for k in ("accuracy", "fine_accuracy")] == [kept[k] for k in ("accuracy", "fine_accuracy")]


def test_prose_names_every_figure_with_its_interval(capsys, texts, text_run):
    status, out, _ = run(capsys, "evaluate", text_run, texts, "--split", "all")
    assert status == 0
    for name in ("exact match", "exact match folded", "cer"):
        assert f"\n{name} " in out
    assert "95 % interval" in out


def test_predict_answers_files_folders_and_standard_input(capsys, shapes, shape_run, tmp_path, monkeypatch):
    good = next(shapes.rglob("*.png"))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    status, said = as_json(capsys, "predict", shape_run, good, bad, shapes)
    rows = said["predictions"]
    assert status == 0
    assert len(rows) == 62
    assert rows[1] == {"file": str(bad), "error": rows[1]["error"]}
    assert rows[1]["error"].startswith("not an image of a known kind")
    assert set(rows[0]) == {"file", "label", "group", "confidence", "probabilities"}
    assert rows[0]["confidence"] == max(rows[0]["probabilities"].values())

    class Pipe:
        buffer = io.BytesIO(good.read_bytes())

    monkeypatch.setattr(sys, "stdin", Pipe)
    assert as_json(capsys, "predict", shape_run, "-")[1]["predictions"][0]["label"] == rows[0]["label"]
    Pipe.buffer = io.BytesIO(f"{good}\n".encode())
    assert as_json(capsys, "predict", shape_run, "-")[1]["predictions"][0] == rows[0]
    status, out, _ = run(capsys, "predict", shape_run, good, bad, "--csv")
    assert out.splitlines()[0] == "file,label,confidence,error"
    assert len(out.splitlines()) == 3


def test_readings_carry_a_confidence_a_character(capsys, texts, text_run):
    rows = as_json(capsys, "predict", text_run, texts)[1]["predictions"]
    read = [row for row in rows if row["text"]]
    assert read
    for row in read:
        assert "".join(part["character"] for part in row["characters"]) == row["text"]
        assert np.prod([part["confidence"] for part in row["characters"]]) == pytest.approx(row["confidence"], abs=1e-4)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["fly"], 2, "tellapart: no verb 'fly'; there are: catalog, split, train, "),
        (["trian"], 2, "tellapart: no verb 'trian' (did you mean 'train'?); there are: "),
        (["catalog", "nowhere", "--out", "c.parquet"], 2, "tellapart: nowhere: there is no such file or folder\n"),
        (["train"], 2, "tellapart: no data: name a folder, a table, Parquet shards or a catalog\n"),
        (["train", "nowhere", "--epoch", "3"], 2, "tellapart: no option 'epoch' (did you mean 'epochs'?)"),
        (["train", "nowhere", "--epochs", "0"], 2, "tellapart: epochs 0: give at least 1\n"),
        (["train", "nowhere", "--task", "guess"], 2, "tellapart: option task: 'guess' does not fit; "),
        (["train", "nowhere", "--recipe", "soup"], 2, "tellapart: no recipe 'soup'; there are: animal-object, "),
        (["evaluate", "nowhere", "nowhere"], 2, "tellapart: nowhere: no bundle (a bundle is a folder with "),
        (["predict", "nowhere", "a.png"], 2, "tellapart: nowhere: no bundle (a bundle is a folder with "),
        (["export", "nowhere"], 2, "tellapart: nowhere: not a run folder (there is no config.yaml in it)\n"),
        (["recipes", "soup"], 2, "tellapart: no recipe 'soup'; there are: animal-object, "),
        (["generate", "--scheme", "soup", "--n", "1", "--out", "o"], 2, "tellapart: "),
    ],
)
def test_refusals(capsys, tmp_path, monkeypatch, words, status, message):
    monkeypatch.chdir(tmp_path)
    got, out, err = run(capsys, *words)
    assert (got, out) == (status, "")
    assert err.startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    done = subprocess.run([sys.executable, "-m", "tellapart.cli", verb, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: tellapart {verb} ")


def test_only_bad_images_is_unusable_input(capsys, shape_run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    status, said = as_json(capsys, "predict", shape_run, tmp_path / "a.png", tmp_path / "gone.png")
    assert status == 2
    assert [row["error"] for row in said["predictions"]] == ["the file is empty", "there is no such file"]


def test_predicting_and_evaluating_import_no_torch(shapes, shape_run):
    code = (
        "import sys; from tellapart.cli import main; "
        f"main(['predict', {str(shape_run)!r}, {str(next(shapes.rglob('*.png')))!r}]); "
        f"main(['evaluate', {str(shape_run)!r}, {str(shapes)!r}]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


# --- the bundle ------------------------------------------------------------------------------------


def test_a_renamed_bundle_answers_the_same(copied, shapes, shape_bundle):
    files = sorted(shapes.rglob("*.png"))[:5]
    moved = copied(shape_bundle, "another name")
    assert tellapart.load(moved).predict(files) == tellapart.load(shape_bundle).predict(files)


@pytest.mark.parametrize("name", ["model.onnx", "bundle.json"])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.99])
def test_a_changed_byte_is_refused(copied, shape_bundle, name, where):
    file = copied(shape_bundle) / name
    data = bytearray(file.read_bytes())
    data[int(len(data) * where)] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"changed since it was written|not readable as a bundle's|format"):
        tellapart.load(file.parent)


def test_a_missing_file_is_refused(copied, shape_bundle):
    bundle = copied(shape_bundle)
    (bundle / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx: missing; copy the whole bundle folder or export"):
        tellapart.load(bundle)


def test_every_file_of_a_bundle_is_listed_with_its_hash(shape_bundle):
    about = json.loads((shape_bundle / "bundle.json").read_text())
    files = {path.name for path in shape_bundle.iterdir()} - {"bundle.json"}
    assert set(about["files"]) == files
    for name, digest in about["files"].items():
        assert hashlib.sha256((shape_bundle / name).read_bytes()).hexdigest() == digest
    assert about["metrics"]["accuracy"]["n"] > 0


@pytest.mark.parametrize("kind", ["shape", "text"])
def test_an_answer_does_not_depend_on_its_neighbours(request, kind):
    folder = request.getfixturevalue(f"{kind}s")
    files = sorted(folder.rglob("*.png"))[:23]
    predictor = tellapart.load(request.getfixturevalue(f"{kind}_bundle"))
    together = predictor.predict(files)
    alone = [predictor.predict(file)[0] for file in files]
    backwards = predictor.predict(files[::-1])[::-1]
    for a, b, c in zip(together, alone, backwards, strict=True):
        assert a.answer == b.answer == c.answer
        assert a.confidence == pytest.approx(b.confidence, abs=1e-5)
        assert a.confidence == pytest.approx(c.confidence, abs=1e-5)


def test_paths_bytes_and_arrays_are_alike(shapes, shape_bundle):
    file = next(shapes.rglob("*.png"))
    predictor = tellapart.load(shape_bundle)
    rows = predictor.predict([file, file.read_bytes(), np.asarray(Image.open(file).convert("RGB"))])
    assert len({(row.answer, row.confidence) for row in rows}) == 1
    assert predictor.predict(np.zeros((4, 4), np.uint8))[0].error == (
        "an array must be RGB uint8 (height, width, 3), not uint8 (4, 4)"
    )


def test_the_graph_eats_uint8(shape_bundle):
    session = ort.InferenceSession(shape_bundle / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint8)"
    sums = session.run(None, {"pixels": np.zeros((3, 24, 24, 3), np.uint8)})[0].sum(axis=1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)


# --- the figures -----------------------------------------------------------------------------------


def test_figures_agree_with_scikit_learn(shapes, shape_bundle):
    report = tellapart.evaluate(shape_bundle, shapes, split="all")
    catalog = open_catalog(shapes)
    predictor = tellapart.load(shape_bundle)
    predicted = [row.answer for row in predictor.predict([shapes / file for file in catalog.column("file")])]
    truth = catalog.column("label")
    assert report["fine_accuracy"]["value"] == pytest.approx(accuracy_score(truth, predicted))
    assert report["fine_macro_f1"]["value"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    labels = report["fine_confusion"]["labels"]
    assert report["fine_confusion"]["counts"] == confusion_matrix(truth, predicted, labels=labels).tolist()
    groups = [[catalog.groups[label] for label in answers] for answers in (truth, predicted)]
    assert report["accuracy"]["value"] == pytest.approx(accuracy_score(*groups))
    assert report["macro_f1"]["value"] == pytest.approx(f1_score(*groups, average="macro"))


def test_unknown_labels_and_characters_are_named(draw_shapes, tmp_path, shape_bundle, texts, text_bundle):
    strange = draw_shapes(tmp_path / "strange", each=4)
    (strange / "round" / "ring").rename(strange / "round" / "hoop")
    with pytest.raises(CatalogError, match="labels the model does not know: hoop; it knows: bar, disc, ring"):
        tellapart.evaluate(shape_bundle, strange)
    table = tmp_path / "labels.csv"
    table.write_text(f"file,label\n{next(texts.rglob('*.png'))},?!\n")
    with pytest.raises(TextError, match=r"characters the model does not know: '!\?' in 1 texts"):
        tellapart.evaluate(text_bundle, table, split="all")


def test_splits_that_are_not_defined_are_refused(draw_shapes, tmp_path, shape_bundle):
    other = draw_shapes(tmp_path / "other", each=5)
    assert tellapart.evaluate(shape_bundle, other)["split"] == "all"
    with pytest.raises(CatalogError, match="is not the data the model was trained on"):
        tellapart.evaluate(shape_bundle, other, split="test")
    with pytest.raises(CatalogError, match="split 'tset': known are train, val, test and all"):
        tellapart.evaluate(shape_bundle, other, split="tset")


# --- the export ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shape", "text"])
def test_a_graph_that_answers_otherwise_is_not_written(request, copied, monkeypatch, kind):
    from tellapart.bundle import Predictor

    copy = copied(request.getfixturevalue(f"{kind}_run"))
    before = {path.name: path.read_bytes() for path in (copy / "bundle").iterdir()}
    plain = Predictor.run
    monkeypatch.setattr(Predictor, "run", lambda self, pixels: plain(self, pixels) + np.float32(2e-4))
    with pytest.raises(ParityError, match=r"differs by 0\.0002 from the trained model's \(allowed: 0\.0001\)"):
        tellapart.export(copy)
    monkeypatch.setattr(Predictor, "run", lambda self, pixels: plain(self, pixels)[..., ::-1].copy())
    with pytest.raises(ParityError, match="the trained model answers"):
        tellapart.export(copy, out=copy / "second")
    assert not (copy / "second").exists()
    assert {path.name: path.read_bytes() for path in (copy / "bundle").iterdir()} == before
    assert [path.name for path in copy.iterdir() if path.name.endswith((".part", ".old"))] == []


def test_export_compares_small_batches_and_widths(text_run, tmp_path):
    bundle = tellapart.export(text_run, out=tmp_path / "again")
    parity = bundle.about["parity"]
    assert parity["different_answers"] == 0
    assert parity["largest_difference"] <= 1e-4
    assert parity["compared"] > parity["images"]


def test_an_unfinished_run_is_not_packed(copied, shape_run):
    copy = copied(shape_run)
    (copy / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="the run is not finished; run its train command again to go on"):
        tellapart.export(copy)


def test_a_full_disk_leaves_no_half_file(capsys, shapes, tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    def full(table, where):
        Path(where).write_bytes(b"half")
        raise OSError(28, "No space left on device", str(where))

    monkeypatch.setattr(pq, "write_table", full)
    status, _, err = run(capsys, "catalog", shapes, "--out", tmp_path / "c.parquet")
    assert status == 2
    assert "No space left on device" in err
    assert list(tmp_path.iterdir()) == []
