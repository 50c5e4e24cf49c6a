"""The walk over ONNX files says what the onnx package says, and refuses what strangers' graphs may not hold."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tellapart
from tellapart.core.errors import BundleError
from tellapart.inference import onnx_graph
from tellapart.inference.bundle import GRAPH
from tellapart.inference.onnx_graph import FLOAT, UINT8, OnnxGraph, Port, parse_graph


def model(nodes=None, *, inputs=None, outputs=None, initializers=(), **parts):
    """A small ONNX model."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 4, None, 1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(
        nodes or [helper.make_node("Relu", ["pixels"], ["y"])], "g", inputs or [pixels], outputs or [result],
        initializer=initializers,
    )  # fmt: skip
    return helper.make_model(graph, **parts)


def external(kind="location"):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    if kind == "location":
        tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def within(node, depth):
    """A node in a graph in a node in a graph."""
    for _ in range(depth):
        node = helper.make_node("If", ["c"], ["o"], then_branch=helper.make_graph([node], "g", [], []))
    return node


def test_it_says_what_the_onnx_package_says(shape_bundle, text_bundle):
    for bundle in (shape_bundle, text_bundle, tellapart.base_reader()):
        theirs = onnx.load(bundle / GRAPH).graph
        ours = parse_graph((bundle / GRAPH).read_bytes())
        for mine, port in zip([*ours.inputs, *ours.outputs], [*theirs.input, *theirs.output], strict=True):
            kind = port.type.tensor_type
            sides = tuple(side.dim_value if side.HasField("dim_value") else None for side in kind.shape.dim)
            assert mine == Port(port.name, kind.elem_type, sides)


def test_ports_without_a_shape_or_a_type_and_tensors_among_the_inputs():
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    bare, typeless = helper.make_tensor_value_info("x", TensorProto.FLOAT, None), onnx.ValueInfoProto(name="t")
    held = helper.make_tensor_value_info("w", TensorProto.FLOAT, [1])
    made = model(inputs=[bare, held, typeless], initializers=[weight])
    assert parse_graph(made.SerializeToString()) == OnnxGraph(
        [Port("x", FLOAT, None), Port("t", 0, None)], [Port("y", FLOAT, (None, 3))]
    )
    assert parse_graph(model().SerializeToString()).inputs == [Port("pixels", UINT8, (None, 4, None, 1))]


FUNCTION = helper.make_function("own", "F", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [])
CUSTOM = helper.make_node("Evil", ["pixels"], ["y"], domain="evil.example")
CONTRIBUTED = helper.make_node("Gelu", ["pixels"], ["y"], domain="com.microsoft")
HIDDEN = helper.make_node("Constant", [], ["y"], value=external())
SPARSE = helper.make_sparse_tensor(external(), helper.make_tensor("i", TensorProto.INT64, [1], [0]), [4])
SPARSE_NODE = helper.make_node("Constant", [], ["y"], sparse_value=SPARSE)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (model(initializers=[external()]), "it keeps tensors in other files"),
        (model(initializers=[external("entries alone")]), "it keeps tensors in other files"),
        (model([HIDDEN]), "it keeps tensors in other files"),
        (model([within(HIDDEN, 3)]), "it keeps tensors in other files"),
        (model([SPARSE_NODE]), "it keeps tensors in other files"),
        (model([CUSTOM]), "its operator 'Evil' is of the domain 'evil.example'"),
        (model([within(CUSTOM, 2)]), "its operator 'Evil' is of the domain 'evil.example'"),
        (
            model([helper.make_node("Gelu", ["pixels"], ["y"], domain="com.microsoft")]),
            "its operator 'Gelu' is of the domain 'com.microsoft'",
        ),
        (model(functions=[FUNCTION]), "it defines functions of its own"),
        (model([within(helper.make_node("Relu", ["x"], ["y"]), 9)]), "its graphs are nested more than 8 deep"),
    ],
)
def test_what_strangers_graphs_may_not_hold(made, words):
    with pytest.raises(BundleError) as caught:
        parse_graph(made.SerializeToString())
    assert str(caught.value).startswith(words)


def test_the_standards_own_name_and_graphs_within_nodes_are_fine():
    relu = helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx")
    assert parse_graph(model([relu, within(relu, 8)]).SerializeToString()).outputs == [Port("y", FLOAT, (None, 3))]


def test_a_training_and_too_many_nodes_are_refused(monkeypatch):
    made = model()
    made.training_info.add()
    with pytest.raises(BundleError, match="it holds a training"):
        parse_graph(made.SerializeToString())
    monkeypatch.setattr(onnx_graph, "MAX_NODES", 3)
    nodes = [helper.make_node("Relu", ["pixels"], ["y"])] * 2
    parse_graph(model(nodes).SerializeToString())
    with pytest.raises(BundleError, match="it has more than 3 nodes"):
        parse_graph(model([*nodes, *nodes]).SerializeToString())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"no graph", b"\x3a", b"\x3a\xff", b"\x3a\x05ab", b"\xff" * 12, b"\x3b\x3c", b"\x38\x01",
        b"\x3a\x02\x08\x01", b"\x3a\x00\x3a\x00", b"PK\x03\x04" + bytes(30), b"\x18\x00\x00\x00ORTM" + bytes(40),
    ],
)  # fmt: skip
def test_what_is_no_graph(data, refuses):
    with refuses(BundleError, "not an ONNX graph"):
        parse_graph(data)


def test_changed_bytes_end_in_a_graph_or_a_refusal():
    data = model([within(helper.make_node("Relu", ["x"], ["y"]), 2)]).SerializeToString()
    dice, ends = np.random.default_rng(0), set()
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(dice.integers(1, 4)):
            changed[dice.integers(len(data))] = dice.integers(256)
        try:
            ends.add(type(parse_graph(bytes(changed))))
        except BundleError as error:
            ends.add(type(error))
    assert ends == {OnnxGraph, BundleError}
