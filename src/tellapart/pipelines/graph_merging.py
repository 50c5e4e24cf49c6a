"""Several ONNX graphs as one: the same pixels in, the mean of their probabilities and all their features out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tellapart.core.errors import ConfigError
from tellapart.inference.bundle_checks import FEATURES, PROBABILITIES

PIXELS = "pixels"
GREY = "luminance"
LUMA = (19595, 38470, 7471)  # of red, green and blue, in 65536ths (ITU-R BT.601), as Pillow's "L" has it


def merge_graphs(models: Sequence[Any], channels: Sequence[int]) -> Any:
    """Put the graphs of bundles side by side in one.

    Where some take grey pictures and others coloured ones, the graph takes coloured ones, and the former see their
    luminance.

    Args:
        models: ``onnx.ModelProto`` each, with the same shape of pixels but for the channels, and of probabilities.
        channels: of the pixels that each takes, 1 or 3.

    Returns:
        An ``onnx.ModelProto``.

    Raises:
        ConfigError: they are of different versions of the operators, or one gives no features.
    """
    from onnx import checker, compose, helper

    opset = {_opset(model) for model in models}
    if len(opset) > 1:
        raise ConfigError(f"operators of the versions {sorted(opset)}; export all runs again, with one version")
    inputs = [_input(model.graph) for model in models]
    nodes, initializers = [], []
    for number, model in enumerate(models):
        part = compose.add_prefix(model, _prefix(number)).graph
        source = PIXELS if channels[number] == max(channels) else GREY
        nodes += [helper.make_node("Identity", [source], [_input(part).name]), *part.node]
        initializers += part.initializer
    if min(channels) < max(channels):
        grey_nodes, grey_constants = _luminance()
        nodes, initializers = [*grey_nodes, *nodes], [*grey_constants, *initializers]
    probabilities, features = (
        [_prefix(number) + name for number in range(len(models))] for name in (PROBABILITIES, FEATURES)
    )
    nodes.append(helper.make_node("Mean", probabilities, [PROBABILITIES]))
    nodes.append(helper.make_node("Concat", features, [FEATURES], axis=1))
    pixels = type(inputs[0])()
    pixels.CopyFrom(inputs[channels.index(max(channels))])
    pixels.name = PIXELS
    outputs = [_output(models[0].graph, name) for name in (PROBABILITIES, FEATURES)]
    sizes = [_output(model.graph, FEATURES).type.tensor_type.shape.dim[1].dim_value for model in models]
    outputs[1].type.tensor_type.shape.dim[1].dim_value = sum(sizes)
    graph = helper.make_graph(nodes, "ensemble", [pixels], outputs, initializers)
    merged = helper.make_model(graph, opset_imports=models[0].opset_import)
    merged.ir_version = max(model.ir_version for model in models)
    checker.check_model(merged)
    return merged


def _prefix(number: int) -> str:
    """What the names of a member begin with."""
    return f"member{number}/"


def _opset(model: Any) -> int:
    return next(int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx"))


def _input(graph: Any) -> Any:
    """The pixels; tensors that the graph holds itself may stand among its inputs too."""
    held = {each.name for each in graph.initializer}
    return next(each for each in graph.input if each.name not in held)


def _output(graph: Any, name: str) -> Any:
    """A copy of the output of this name.

    Raises:
        ConfigError: there is none.
    """
    for each in graph.output:
        if each.name == name:
            copied = type(each)()
            copied.CopyFrom(each)
            return copied
    raise ConfigError(f"a graph gives no {name}, as those of an earlier version; export the run again")


def _luminance() -> tuple[list[Any], list[Any]]:
    """Nodes from coloured to grey pixels, in whole numbers, and the constants that they need."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, np.ndarray[Any, Any]] = {
        "luma": np.array(LUMA, np.int32),
        "half": np.array(1 << 15, np.int32),
        "whole": np.array(1 << 16, np.int32),
        "channel": np.array([3], np.int64),
    }
    nodes = [
        helper.make_node("Cast", [PIXELS], ["wide"], to=TensorProto.INT32),
        helper.make_node("Mul", ["wide", "luma"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "channel"], ["summed"], keepdims=1),
        helper.make_node("Add", ["summed", "half"], ["shifted"]),
        helper.make_node("Div", ["shifted", "whole"], ["divided"]),
        helper.make_node("Cast", ["divided"], [GREY], to=TensorProto.UINT8),
    ]
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]
