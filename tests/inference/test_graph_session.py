"""A graph that cannot run, or gives something else than its bundle says, is refused in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mutated_bundles import read_document, seal
from tellapart.core.errors import BundleError, ConfigError
from tellapart.inference import graph_session
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.graph_session import CPU, CUDA, GraphSession
from tellapart.inference.predictor import load


@pytest.fixture
def changed(shape_bundle, copied):
    """A sealed bundle whose graph was changed."""

    def make(change):
        folder = copied(shape_bundle)
        made = onnx.load(folder / GRAPH)
        change(made.graph)
        (folder / GRAPH).write_bytes(made.SerializeToString())
        seal(folder, read_document(folder))
        return folder

    return make


def more_classes(graph):
    """Its probabilities are twice as many as it says."""
    last = next(node for node in graph.node if "probabilities" in node.output)
    last.output[0] = "own"
    graph.node.append(helper.make_node("Concat", ["own", "own"], ["probabilities"], axis=1))


def not_a_number(graph):
    for tensor in graph.initializer:
        if tensor.name.endswith("head.bias"):
            tensor.CopyFrom(numpy_helper.from_array(np.full(list(tensor.dims), np.nan, np.float32), tensor.name))


def fixed_sides(graph):
    """It declares any width and can take one alone."""
    shape = helper.make_tensor("five", TensorProto.INT64, [4], [1, 5, 5, 3])
    graph.initializer.append(shape)
    graph.node.insert(0, helper.make_node("Reshape", ["pixels", "five"], ["own"]))
    for node in graph.node[1:]:
        node.input[:] = ["own" if name == "pixels" else name for name in node.input]


def no_such_operator(graph):
    graph.node[0].op_type = "NoSuchOperator"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (more_classes, "it gives probabilities of the shape 1 x 6, where 1 x 3 belongs; export the run again"),
        (not_a_number, "it gives probabilities that are none (nan); train the run again"),
        (fixed_sides, "cannot be "),
        (no_such_operator, "cannot be used: "),
    ],
)
def test_what_a_graph_gives_is_checked_before_it_answers(change, words, changed, capfd):
    folder = changed(change)
    Bundle.open(folder)  # what it says of itself is fine
    with pytest.raises(BundleError) as caught:
        load(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder / GRAPH}: {words}")
    assert "\n" not in text
    assert len(text) < 500
    assert capfd.readouterr() == ("", "")  # the runtime says nothing of its own


def test_values_that_are_no_probabilities_are_refused_when_they_come(changed):
    session = GraphSession(Bundle.open(changed(lambda graph: None)))
    for values in ([[0.5, 0.5, 1.5]], [[-0.1, 0.5, 0.6]], [[np.inf, 0, 0]]):
        with pytest.raises(BundleError, match="it gives probabilities that are none"):
            session._check("probabilities", np.array(values, np.float32), 1)
    session._check("probabilities", np.array([[0, 0, 1.001]], np.float32), 1)


def test_pixels_of_another_size_are_refused_in_words(shape_bundle):
    session = GraphSession(Bundle.open(shape_bundle))
    with pytest.raises(BundleError, match=r"cannot be computed: .*; export the run again$"):
        session.run(["probabilities"], np.zeros((1, 3, 3, 3), np.uint8))
    assert session.run(["probabilities"], np.zeros((2, 24, 24, 3), np.uint8))[0].shape == (2, 3)


# --- devices -----------------------------------------------------------------------------------------


@pytest.fixture
def runtime(monkeypatch):
    """An ONNX Runtime that has CUDA, and loads it or not; what it was asked to run graphs with."""
    import onnxruntime as ort

    asked, real = [], ort.InferenceSession
    monkeypatch.setattr(graph_session, "_SAID", set())

    def has_cuda(*, loads):
        def session(graph, options, providers, enable_fallback):
            asked.append(providers)
            made = real(graph, options, providers=[CPU])
            if loads:
                made.get_providers = lambda: [CUDA, CPU]
            return made

        monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
        monkeypatch.setattr(ort, "InferenceSession", session)
        return asked

    return has_cuda


def test_cuda_is_used_where_there_is_one_and_that_is_said_once(runtime, capsys):
    asked = runtime(loads=True)
    bundle = Bundle.open("base")
    for device in ("auto", "cuda"):
        GraphSession(bundle, 1, device)
    GraphSession(bundle, 1, "cpu")
    # Without an exhaustive search for each new width, and with whole float32.
    on_cuda = [(CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}), CPU]
    assert asked == [on_cuda, on_cuda, [CPU]]
    assert capsys.readouterr().err == "answered by CUDA (ONNX Runtime)\n"


def test_a_cuda_that_cannot_be_loaded_is_no_secret(runtime, capsys):
    runtime(loads=False)
    GraphSession(Bundle.open("base"), 1)
    assert capsys.readouterr().err == "warning: ONNX Runtime has CUDA, and cannot load it: the CPU answers\n"
    GraphSession(Bundle.open("base"), 1, "cuda")
    assert capsys.readouterr().err.startswith("warning: device cuda was asked for, and the CPU answers: ")


def test_without_cuda_only_who_asks_for_it_is_warned(monkeypatch, capsys):
    monkeypatch.setattr(graph_session, "_SAID", set())
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU])
    GraphSession(Bundle.open("base"), 1)
    assert capsys.readouterr().err == ""
    for _ in range(2):
        load("base", threads=1, device="cuda")
    assert capsys.readouterr().err == (
        "warning: device cuda was asked for, and the CPU answers: ONNX Runtime has no CUDA here "
        '(pip uninstall onnxruntime; pip install "tellapart[gpu]"), or cannot load it\n'
    )


def test_a_device_that_is_none_is_refused(refuses):
    with refuses(ConfigError, "device 'gpu': give auto, cpu, cuda"):
        load("base", device="gpu")


def test_the_runtime_reports_to_nobody(tmp_path):
    """Where it would, it first writes a name for this machine into the user's folder of caches."""
    code = "import tellapart; tellapart.load('small')"
    quiet = ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME")  # what would hide a runtime that is told nothing
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    subprocess.run([sys.executable, "-c", code], env={**environment, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []
