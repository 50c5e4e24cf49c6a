"""Graphs side by side in one: luminance as Pillow has it, and what cannot be merged."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tellapart.core.errors import ConfigError
from tellapart.pipelines.graph_merging import merge_graphs


def graph(channels, *, opset=20, outputs=("probabilities", "features")):
    """The largest channel of one pixel, as a probability and as a feature."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("GlobalMaxPool", ["wide"], ["largest"]),
        helper.make_node("Flatten", ["largest"], ["flat"]),
        *(helper.make_node("Identity", ["flat"], [name]) for name in outputs),
    ]
    made = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, 1, channels])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in outputs],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def run(model, pixels):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities", "features"], {"pixels": pixels})


def test_a_grey_graph_sees_the_luminance_as_pillow_has_it():
    pixels = np.random.default_rng(0).integers(0, 256, (400, 1, 1, 3), dtype=np.uint8)
    pixels[:3] = [[[[0, 0, 0]]], [[[255, 255, 255]]], [[[255, 0, 0]]]]
    merged = merge_graphs([graph(1), graph(3)], [1, 3])
    onnx.checker.check_model(merged, full_check=True)
    mean, features = run(merged, pixels)
    luminance = np.asarray(Image.fromarray(pixels[:, 0]).convert("L")).reshape(-1, 1)
    largest = pixels.max(axis=3).reshape(-1, 1)
    np.testing.assert_array_equal(features[:, 0], luminance[:, 0])
    np.testing.assert_array_equal(features[:, 1], largest[:, 0])
    np.testing.assert_array_equal(mean[:, 0], (luminance[:, 0].astype(np.float32) + largest[:, 0]) / 2)


def test_graphs_that_do_not_go_together_are_refused():
    with pytest.raises(ConfigError, match=r"^operators of the versions \[19, 20\]; export all runs again, with one"):
        merge_graphs([graph(1), graph(1, opset=19)], [1, 1])
    with pytest.raises(
        ConfigError, match=r"^a graph gives no features, as those of an earlier version; export the run"
    ):
        merge_graphs([graph(1), graph(1, outputs=["probabilities"])], [1, 1])
