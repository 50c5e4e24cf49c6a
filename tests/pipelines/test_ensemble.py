"""Models that exist already as one bundle: the mean of their probabilities, proven, or a refusal in words."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, ParityError
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.training_images import training_images
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.charset import Charset
from tellapart.inference.manifest import AbstainLevel, BundleManifest, Calibration, TrainingData
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.graph_merging import merge_graphs

HEIGHT = 16
CLASSES = ["cat", "dog", "owl"]


def node(kind, inputs, output, **options):
    return helper.make_node(kind, inputs, [output], **options)


def model(folder, seed, *, reads=False, channels=3, **about):
    """A bundle of one random layer: a classifier of 16 x 16 px, or a reader of 16 px high pictures."""
    dice = np.random.default_rng(seed)
    kernel = (4, channels, HEIGHT, 4) if reads else (3, channels, HEIGHT, HEIGHT)
    layer = numpy_helper.from_array(dice.normal(0, 0.02, kernel).astype(np.float32), "layer")
    axis = numpy_helper.from_array(np.array([2] if reads else [2, 3], np.int64), "axis")
    steps = numpy_helper.from_array(np.array([1], np.int64), "steps")
    nodes = [
        node("Cast", ["pixels"], "float", to=TensorProto.FLOAT),
        node("Transpose", ["float"], "planes", perm=[0, 3, 1, 2]),
        node("Conv", ["planes", "layer"], "convolved", strides=[1, 4]),
        node("Squeeze", ["convolved", "axis"], "squeezed"),
    ]
    if reads:
        nodes += [
            node("Transpose", ["squeezed"], "logits", perm=[0, 2, 1]),
            node("ReduceMean", ["logits", "steps"], "features", keepdims=0),
        ]
    else:
        nodes += [node("Identity", ["squeezed"], "logits"), node("Identity", ["logits"], "features")]
    nodes.append(node("Softmax", ["logits"], "probabilities", axis=-1))
    width = "width" if reads else HEIGHT
    shape = ["n", "steps", 4] if reads else ["n", 3]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", HEIGHT, width, channels])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", shape[-1]]),
        ],
        [layer, axis, steps],
    )
    folder.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / GRAPH)
    spec = Preprocess(HEIGHT, None if reads else HEIGHT, channels, pad="edge" if reads else "grey")
    manifest = BundleManifest(
        task="read" if reads else "classify",
        charset=Charset(("a", "b", "c")) if reads else None,
        labels=None if reads else CLASSES,
        preprocess=spec,
        data=TrainingData(f"print {seed}", f"content {seed}", 10, None),
        training={"seed": seed, "backbone": f"layer{seed}", "label_from": "folder"},
        versions={"tellapart": "0.1.0"},
    )
    Bundle.write(folder, replace(manifest, **about))
    return folder


def noise(*shape):
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def test_classifiers_answer_by_the_mean_of_their_probabilities(tmp_path):
    folders = [model(tmp_path / str(seed), seed) for seed in range(3)]
    bundle = tellapart.ensemble(folders, out=tmp_path / "all")
    pixels = noise(5, HEIGHT, HEIGHT, 3)
    each = [Predictor(folder).both(pixels) for folder in folders]
    probabilities, features = Predictor(bundle).both(pixels)
    np.testing.assert_allclose(probabilities, np.mean([one for one, _ in each], axis=0), atol=1e-6)
    np.testing.assert_allclose(features, np.concatenate([one for _, one in each], axis=1), rtol=1e-5, atol=1e-3)
    about = bundle.manifest
    # 32 pictures of noise in one batch, then again in batches of 1, 2 and 7.
    assert (about.parity.images, about.parity.compared) == (32, 32 + 1 + 2 + 7)
    assert about.training["backbone"] == "layer0 + layer1 + layer2"
    assert about.training["label_from"] == "folder"
    assert [member["name"] for member in about.training["members"]] == ["0", "1", "2"]
    assert (about.data.n, about.metrics, about.calibration) == (30, None, None)
    card = (bundle.path / "README.md").read_text("utf-8")
    assert "Networks `layer0 + layer1 + layer2`, the mean of 3 models" in card
    assert "compared with the mean of its members" in card


def test_readers_are_averaged_step_by_step_and_a_grey_one_sees_luminance(tmp_path):
    grey = model(tmp_path / "grey", 1, reads=True, channels=1)
    colour = model(tmp_path / "colour", 2, reads=True)
    bundle = tellapart.ensemble([grey, colour], out=tmp_path / "both")
    assert bundle.preprocess.channels == 3
    for width in (32, 96):
        pixels = noise(4, HEIGHT, width, 3)
        luminance = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in pixels])[..., None]
        mean = (Predictor(grey).run(luminance) + Predictor(colour).run(pixels)) / 2
        np.testing.assert_allclose(Predictor(bundle).run(pixels), mean, atol=1e-6)
        assert mean.shape == (4, width // 4, 4)
    assert bundle.manifest.charset == Charset(("a", "b", "c"))


def test_one_length_is_kept_where_all_expect_it(tmp_path):
    one = model(tmp_path / "1", 1, reads=True, length=3)
    two = model(tmp_path / "2", 2, reads=True, length=3)
    other = model(tmp_path / "3", 3, reads=True, length=4)
    assert tellapart.ensemble([one, two], out=tmp_path / "alike").length == 3
    assert tellapart.ensemble([one, other], out=tmp_path / "unlike").length is None


def test_models_that_cannot_answer_together_are_refused(tmp_path, refuses):
    one, reader = model(tmp_path / "one", 1), model(tmp_path / "reader", 2, reads=True)
    for other, words in {
        reader: "one is to read, the other to classify",
        model(tmp_path / "names", 3, labels=["cat", "dog", "fox"]): "their classes differ; train them on the same "
        "classes or texts",
        model(tmp_path / "small", 4, preprocess=Preprocess(HEIGHT, HEIGHT, 3, pad="edge")): "the pad of what they see "
        "differs (edge and grey); train one anew",
    }.items():
        with refuses(ConfigError, f"{other} and {one} cannot answer together: {words}"):
            tellapart.ensemble([one, other], out=tmp_path / "none")
    with refuses(ConfigError, f"{one} and {one}: one and the same model; give different ones"):
        tellapart.ensemble([one, one], out=tmp_path / "none")
    with pytest.raises(ConfigError, match="give two models or more, such as: tellapart ensemble runs/a runs/b --out"):
        tellapart.ensemble([one], out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_of_something_else_is_never_replaced(tmp_path, tree, refuses):
    folders = [model(tmp_path / str(seed), seed) for seed in range(2)]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "wedding.jpg").write_bytes(b"precious")
    before = tree(tmp_path)
    with refuses(ConfigError, f"{tmp_path / 'photos'}: there already and not a bundle; give another --out"):
        tellapart.ensemble(folders, out=tmp_path / "photos")
    assert tree(tmp_path) == before


@pytest.fixture
def pipeline():
    assert tellapart.ensemble
    return sys.modules["tellapart.pipelines.ensemble"]


def test_a_graph_that_is_not_the_mean_is_not_written(tmp_path, monkeypatch, tree, pipeline):
    folders = [model(tmp_path / str(seed), seed) for seed in range(2)]
    before = tree(tmp_path)
    monkeypatch.setattr(pipeline, "merge_graphs", lambda graphs, channels: merge_graphs([graphs[0]] * 2, channels))
    with pytest.raises(ParityError, match=r"^noise \d+: .+ their mean.+nothing was written"):
        tellapart.ensemble(folders, out=tmp_path / "both")
    assert tree(tmp_path) == before


def test_what_one_member_decided_alone_is_said_to_be_lost(tmp_path, capsys):
    calibration = Calibration(1.0, 5, {"before": 0.1, "after": 0.1})
    folders = [model(tmp_path / "1", 1, calibration=calibration), model(tmp_path / "2", 2)]
    tellapart.ensemble(folders, out=tmp_path / "none-lost")
    assert "threshold" not in capsys.readouterr().err
    calibration = replace(calibration, abstain=AbstainLevel(0.5, 0.9))
    folders.append(model(tmp_path / "3", 3, calibration=calibration))
    tellapart.ensemble(folders, out=tmp_path / "lost")
    assert f"note: {folders[2]}: its threshold, or the level that it abstains below" in capsys.readouterr().err


def test_runs_bring_images_to_compare_on_and_what_they_know(shape_run, tmp_path, capsys):
    """The second is the first with another head: a run of its own would take longer."""
    other = tmp_path / "other"
    bundle = Bundle.open(shape_run)
    graph = onnx.load(bundle.path / GRAPH)
    (bias,) = [item for item in graph.graph.initializer if item.name.endswith("head.bias")]
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32([0, 0.5, 0]), bias.name))
    other.mkdir()
    onnx.save(graph, other / GRAPH)
    Bundle.write(other, bundle.manifest)
    assert main(["ensemble", str(shape_run), str(other), "--out", str(tmp_path / "both"), "--weights"]) == 0
    both = Bundle.open(tmp_path / "both")
    assert f"tellapart compare {shape_run} {other} {tmp_path / 'both'}" in capsys.readouterr().out
    assert both.manifest.parity.images == 9
    assert both.groups == bundle.groups
    assert {"model.safetensors", "training_images.parquet"} <= set(both.manifest.files)
    assert REFERENCE not in both.manifest.files  # too few images
    known, own = training_images(both), training_images(bundle)
    assert np.array_equal(known.digests, own.digests)
    assert known.unrecorded == str(other)
    with pytest.raises(ConfigError, match="this bundle only predicts; name first a run, or one exported with"):
        tellapart.ensemble([other, shape_run], out=tmp_path / "second", weights=True)


def test_the_shipped_reader_takes_part_with_its_weights(tmp_path):
    base = Bundle.open("small")
    coloured = model(tmp_path / "coloured", 1, reads=True)
    with pytest.raises(ConfigError, match=r"coloured and small cannot answer together: their characters differ"):
        tellapart.ensemble(["small", coloured], out=tmp_path / "none")
    graph = onnx.load(base.path / GRAPH)
    (bias,) = [item for item in graph.graph.initializer if item.name.endswith("head.bias")]
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) * np.float32(0.9), bias.name))
    other = tmp_path / "other"
    other.mkdir()
    onnx.save(graph, other / GRAPH)
    Bundle.write(other, base.manifest)
    both = tellapart.ensemble(["small", other], out=tmp_path / "both", weights=True)
    pixels = noise(2, 40, 96, 1)
    mean = (Predictor(base).run(pixels) + Predictor(other).run(pixels)) / 2
    np.testing.assert_allclose(Predictor(both).run(pixels), mean, atol=1e-5)
    assert (both.path / "model.safetensors").read_bytes() == (base.path / "model.safetensors").read_bytes()
