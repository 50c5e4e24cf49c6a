"""A bundle answers like the trained model, or is not written."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, ParityError
from tellapart.core.folder_lock import hold_target
from tellapart.evaluation.training_images import TRAINING_IMAGES
from tellapart.inference.bundle import CARD, GRAPH, Bundle
from tellapart.inference.manifest import MANIFEST
from tellapart.inference.predictor import Predictor
from tellapart.training.build_model import build_preprocess, load_model
from tellapart.training.run_folder import MODEL, Run

TOLERANCE = 1e-5


@pytest.fixture
def export_module():
    assert tellapart.export
    return sys.modules["tellapart.pipelines.export"]


def trained(run, pixels):
    """The trained network on model pixels, scaled and normalised here, in numpy."""
    run = Run.open(run)
    spec = build_preprocess(run)
    x = ((pixels.astype(np.float64) / 255 - spec.mean) / spec.std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        logits = load_model(run)(torch.from_numpy(np.ascontiguousarray(x))).double().numpy()
    logits /= run.calibration().get("temperature", 1.0)
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_classifying_graph_is_the_trained_model(shape_run, n):
    pixels = noise(n, 24, 24, 3)
    ours = Predictor(shape_run).run(pixels)
    assert ours.shape == (n, 3)
    np.testing.assert_allclose(ours, trained(shape_run, pixels), atol=TOLERANCE)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("width", [32, 64, 160, 416])
def test_the_reading_graph_is_the_trained_model_at_any_width(text_run, n, width):
    pixels = noise(n, 24, width, 1)
    ours = Predictor(text_run).run(pixels)
    assert ours.shape == (n, width // 4, 5)
    np.testing.assert_allclose(ours, trained(text_run, pixels), atol=TOLERANCE)


@pytest.mark.parametrize(("which", "width", "outputs"), [("shape", 24, 2), ("text", None, 3)])
def test_the_graph_eats_pixels_in_any_number(which, width, outputs, request):
    bundle = request.getfixturevalue(f"{which}_bundle")
    graph = onnx.load(bundle / GRAPH)
    onnx.checker.check_model(graph, full_check=True)
    (pixels,), (probabilities, *rest) = graph.graph.input, graph.graph.output
    assert [output.name for output in rest] == ["features"]
    assert (pixels.name, probabilities.name) == ("pixels", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    sizes = [side.dim_value or None for side in pixels.type.tensor_type.shape.dim]
    assert sizes[:3] == [None, 24, width]
    assert len(probabilities.type.tensor_type.shape.dim) == outputs
    assert [item.name for item in bundle.iterdir()].count("model.onnx.data") == 0


def test_the_bundle_says_what_it_is(shape_bundle, shape_result, shape_run):
    about = Bundle.open(shape_bundle).manifest.to_json()
    assert about["task"] == "classify"
    assert about["labels"] == ["bar", "disc", "ring"]
    assert about["groups"] == {"bar": "straight", "disc": "round", "ring": "round"}
    assert about["preprocess"]["height"] == about["preprocess"]["width"] == 24
    assert about["data"]["n"] == 60
    assert about["data"]["split"] == {"seed": 7, "fractions": [0.7, 0.15, 0.15]}
    assert about["data"]["fingerprint"] == Run.open(shape_run).catalog().fingerprint
    assert about["training"]["backbone"] == "small"
    assert about["versions"].keys() >= {"tellapart", "torch", "onnx", "onnxruntime", "python"}
    assert about["files"].keys() == {GRAPH, CARD, TRAINING_IMAGES}
    # 9 test images in one batch, then again in batches of 1, 2 and 7.
    assert about["parity"].items() >= {"images": 9, "compared": 9 + 1 + 2 + 7, "different_answers": 0}.items()
    assert about["parity"]["largest_difference"] < 1e-4
    assert about["metrics"]["split"] == "test"
    assert about["metrics"]["accuracy"] == shape_result["test"]["accuracy"]


def test_a_readers_bundle_says_its_characters(text_bundle):
    about = Bundle.open(text_bundle).manifest.to_json()
    assert about["charset"] == ["0", "1", "4", "7"]
    assert about["preprocess"]["width"] is None
    assert "labels" not in about
    assert "groups" not in about


@pytest.mark.parametrize("which", ["shape", "text"])
def test_the_graph_does_not_say_whose_machine_made_it(which, request):
    graph = (request.getfixturevalue(f"{which}_bundle") / GRAPH).read_bytes()
    assert b"tellapart/" not in graph
    assert b"site-packages" not in graph


# --- checkpoints -------------------------------------------------------------------------------------


def test_a_checkpoint_of_an_unfinished_run_can_be_packed(text_run, copied, tmp_path):
    run = copied(text_run)
    (run / MODEL).unlink()
    with pytest.raises(ConfigError, match="the run is not finished; run its train command again to go on, or name a"):
        tellapart.export(run, out=tmp_path / "none")
    before = sorted(run.rglob("*"))
    best = tellapart.export(run, out=tmp_path / "best", checkpoint="best")
    named = tellapart.export(run, out=tmp_path / "named", checkpoint=str(run / "checkpoints/stage-0/best.ckpt"))
    assert sorted(run.rglob("*")) == before
    assert best.calibration is None
    assert best.manifest.metrics is None
    trained = Predictor(text_run / "bundle")
    files = [image for _, image in Run.open(run).catalog().read([0, 1, 2])]
    assert [a.answer for a in Predictor(best).predict(files)] == [a.answer for a in trained.predict(files)]
    assert best.version == named.version


def test_a_checkpoint_that_is_none_is_refused(text_run, copied, tmp_path):
    run = copied(text_run)
    with pytest.raises(ConfigError, match="name an out too"):
        tellapart.export(run, checkpoint="last")
    with pytest.raises(ConfigError, match=r"away\.ckpt: no such checkpoint; one is written after each epoch"):
        tellapart.export(run, out=tmp_path / "new", checkpoint=str(tmp_path / "away.ckpt"))
    (tmp_path / "bad.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(ConfigError, match=r"bad\.ckpt: not a checkpoint of a training"):
        tellapart.export(run, out=tmp_path / "new", checkpoint=str(tmp_path / "bad.ckpt"))
    assert not (tmp_path / "new").exists()


# --- a graph that is not the model -------------------------------------------------------------------


@pytest.fixture
def tampered(export_module, monkeypatch):
    """The next export writes this graph instead of an honest one, with its last constants changed."""

    def tamper(bundle, change):
        graph = onnx.load(bundle / GRAPH)
        (bias,) = [item for item in graph.graph.initializer if item.name.endswith("head.bias")]
        bias.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(bias)), bias.name))
        monkeypatch.setattr(export_module, "write_graph", lambda deployed, spec, path: onnx.save(graph, path))

    return tamper


def names_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_graph_with_other_answers_is_not_written(shape_run, copied, tampered, tree):
    run = copied(shape_run)
    before = tree(run)
    tampered(run / "bundle", lambda bias: bias + np.array([0, 100, 0], np.float32))
    with pytest.raises(ParityError) as caught:
        tellapart.export(run)
    file, _, rest = str(caught.value).partition(": ")
    assert file in Run.open(run).catalog().column("file")
    assert rest.startswith("the trained model answers '")
    assert rest.endswith("the exported graph 'disc'; nothing was written. Please report it with the backbone's name")
    assert tree(run) == before  # the old bundle is kept, and nothing lies beside it


def test_a_graph_with_slightly_other_probabilities_is_not_written(shape_run, copied, tampered, tree, tmp_path):
    run = copied(shape_run)
    before = tree(run)
    tampered(run / "bundle", lambda bias: bias + np.array([0, 2e-3, 0], np.float32))
    text = (
        r"^.+\.png: a probability of the exported graph differs by 0\.00\d+ from that of the trained "
        r"model \(allowed: 0\.0001\); nothing was written\. Please report it with the backbone's name$"
    )
    with pytest.raises(ParityError, match=text):
        tellapart.export(run)
    assert tree(run) == before
    with pytest.raises(ParityError, match=text):
        tellapart.export(run, out=tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


def test_a_difference_below_the_tolerance_passes(shape_run, copied, tampered):
    run = copied(shape_run)
    tampered(run / "bundle", lambda bias: bias + np.array([0, 1e-5, 0], np.float32))
    bundle = tellapart.export(run)
    assert 1e-7 < bundle.manifest.parity.largest_difference < 1e-4


def test_a_readers_graph_with_other_answers_is_not_written(text_run, copied, tampered, tree):
    run = copied(text_run)
    before = tree(run)
    tampered(run / "bundle", lambda bias: bias - np.array([100, 0, 0, 0, 0], np.float32))
    with pytest.raises(ParityError, match=r"^\d\d\.png: the trained model answers '[0147]{3}', the exported graph '"):
        tellapart.export(run)
    assert tree(run) == before


def test_a_failed_gate_is_status_1(shape_run, copied, tampered, capsys):
    run = copied(shape_run)
    tampered(run / "bundle", lambda bias: bias[::-1].copy() + 50 * np.arange(3, dtype=np.float32))
    assert main(["export", str(run), "--json"]) == 1
    printed = capsys.readouterr()
    assert "nothing was written" in json.loads(printed.out)["error"]
    assert "nothing was written" in printed.err


# --- where from and where to -------------------------------------------------------------------------


def test_an_unfinished_run_is_refused(shape_run, copied, refuses):
    run = copied(shape_run)
    (run / "model.safetensors").unlink()
    shutil.rmtree(run / "bundle")
    words = f"{run}: the run is not finished; run its train command again to go on, or name a checkpoint"
    with refuses(ConfigError, words):
        tellapart.export(run)
    assert not (run / "bundle").exists()


def test_what_is_no_run_is_refused(shape_bundle, refuses):
    with refuses(ConfigError, f"{shape_bundle}: not a run folder (there is no config.yaml in it)"):
        tellapart.export(shape_bundle)


def test_a_folder_of_something_else_is_never_replaced(shape_run, tmp_path, tree, refuses):
    mine = tmp_path / "photos"
    mine.mkdir()
    (mine / "wedding.jpg").write_bytes(b"precious")
    before = tree(tmp_path)
    with refuses(ConfigError, f"{mine}: there already and not a bundle; give another --out"):
        tellapart.export(shape_run, out=mine)
    with refuses(ConfigError, f"{mine / 'wedding.jpg'}: there already and not a bundle; give another --out"):
        tellapart.export(shape_run, out=mine / "wedding.jpg")
    assert tree(tmp_path) == before


def test_exported_elsewhere_it_answers_the_same(text_run, texts, tmp_path):
    bundle = tellapart.export(text_run, out=tmp_path / "deep" / "reader")
    assert bundle.path == tmp_path / "deep" / "reader"
    assert sorted(item.name for item in bundle.path.iterdir()) == [CARD, MANIFEST, GRAPH, TRAINING_IMAGES]
    assert names_below(tmp_path) == [
        "deep",
        "deep/reader",
        *(f"deep/reader/{name}" for name in (CARD, MANIFEST, GRAPH, TRAINING_IMAGES)),
    ]
    files = sorted(texts.glob("*.png"))
    assert Predictor(bundle).predict(files) == Predictor(text_run).predict(files)
    assert bundle.manifest.metrics == Bundle.open(text_run).manifest.metrics


def test_two_commands_do_not_write_one_bundle(text_run, tmp_path):
    out = tmp_path / "bundle"
    with hold_target(out), pytest.raises(ConfigError, match=r"bundle: in use by process \d+ since"):
        tellapart.export(text_run, out=out)
    assert list(tmp_path.iterdir()) == []


def test_the_exporter_is_silent(shape_run, copied, capfd):
    tellapart.export(copied(shape_run))
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
