"""A bundle's graph, ready to run: what the runtime refuses, or what comes out in another shape, is said in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import BundleError, ConfigError
from tellapart.core.progress import log
from tellapart.core.regular_files import read_regular
from tellapart.core.terminal import excerpt
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.bundle_checks import (
    FEATURES,
    MAX_FILE_BYTES,
    PROBABILITIES,
    probabilities_shape,
    shape_text,
)

MOST = 1.01  # of a probability: the slack is for the rounding of a half-precision softmax

DEVICES = ("auto", "cpu", "cuda")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_SAID: set[str] = set()  # lines, each once a process

Floats = npt.NDArray[np.float32]


class GraphSession:
    """The graph of a bundle in ONNX Runtime.

    Args:
        bundle: holds the graph.
        threads: of the graph; by default one a core.
        device: ``cpu``, ``cuda``, or ``auto``: CUDA where this machine's ONNX Runtime has it.

    Raises:
        BundleError: the runtime takes no such graph, or what it gives for one picture is not what the bundle says.
        ConfigError: no such device.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None, device: str = "auto") -> None:
        import onnxruntime as ort

        self.file = bundle.path / GRAPH
        self.shapes: dict[str, tuple[int | None, ...]] = {
            PROBABILITIES: probabilities_shape(bundle.manifest),
            FEATURES: (None, None),
        }
        options = ort.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised, and said once
        if threads is not None:
            options.intra_op_num_threads = threads
        # Between runs the pool sleeps instead of spinning: decoding needs the cores meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")  # not guessed: it is what was checked
        wanted = providers(device)
        try:
            graph = read_regular(self.file, MAX_FILE_BYTES)
            # Falling back from the CPU to the CPU would only print, on stdout, what is raised.
            fallback = len(wanted) > 1
            self._session = ort.InferenceSession(graph, options, providers=wanted, enable_fallback=fallback)
        except Exception as error:  # the runtime's errors have no class in common
            raise BundleError(f"{self.file}: cannot be used: {_reason(error)}; export the run again") from error
        _say_who_answers(device, self._session.get_providers())
        self._input, shape = self._session.get_inputs()[0].name, self._session.get_inputs()[0].shape
        self.any_height = len(shape) == 4 and not isinstance(shape[1], int)
        self.outputs = [output.name for output in self._session.get_outputs()]
        spec = bundle.preprocess
        height, width, channels = spec.height, spec.width or spec.step, spec.channels
        picture = (np.arange(height * width * channels) % 251).astype(np.uint8).reshape(1, height, width, channels)
        self.run([name for name in self.shapes if name in self.outputs], picture)

    def run(self, outputs: list[str], pixels: npt.NDArray[np.uint8]) -> list[Floats]:
        """What the graph gives for model pixels, ``uint8`` N, H, W, C: an array an output.

        Raises:
            BundleError: it cannot be computed, or has another shape than the bundle says, or no finite values.
        """
        try:
            results: list[Any] = self._session.run(outputs, {self._input: pixels})
        except Exception as error:
            raise BundleError(f"{self.file}: cannot be computed: {_reason(error)}; export the run again") from error
        for name, result in zip(outputs, results, strict=True):
            self._check(name, result, len(pixels))
        return results

    def _check(self, name: str, result: Any, n: int) -> None:
        """What was computed has the shape and the values that it must have."""
        shape = (n, *self.shapes[name][1:])
        values = np.asarray(result)
        if values.ndim != len(shape) or any(
            given < 1 if wanted is None else given != wanted for given, wanted in zip(values.shape, shape, strict=True)
        ):
            raise BundleError(
                f"{self.file}: it gives {name} of the shape {shape_text(values.shape)}, where {shape_text(shape)} "
                "belongs; export the run again"
            )
        fine = np.isfinite(values) if name == FEATURES else (values >= 0) & (values <= MOST)  # not of a NaN
        if not fine.all():
            raise BundleError(
                f"{self.file}: it gives {name} that are none ({values[~fine].flat[0]:g}); train the run again"
            )


def providers(device: str) -> list[str | tuple[str, dict[str, str]]]:
    """What ONNX Runtime is to run a graph with, the first that it has.

    Raises:
        ConfigError: no such device.

    >>> providers("cpu")
    ['CPUExecutionProvider']
    """
    import onnxruntime as ort

    if device not in DEVICES:
        raise ConfigError(f"device {device!r}: give {', '.join(DEVICES)}")
    if device == "cpu" or CUDA not in ort.get_available_providers():
        return [CPU]
    # By default it tries every algorithm out for each new width and batch, of which a reader has many, and rounds sums
    # to ten bits, which moves answers.
    return [(CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}), CPU]


def _say_who_answers(device: str, active: Sequence[str]) -> None:
    """Say once a process which provider answers, where there could be several; aloud if it is not the one asked for."""
    if CUDA in active:
        line = "answered by CUDA (ONNX Runtime)"
    elif device == "cuda":
        line = (
            "warning: device cuda was asked for, and the CPU answers: ONNX Runtime has no CUDA here "
            '(pip uninstall onnxruntime; pip install "tellapart[gpu]"), or cannot load it'
        )
    elif len(providers(device)) > 1:
        line = "warning: ONNX Runtime has CUDA, and cannot load it: the CPU answers"
    else:
        return
    if line not in _SAID:
        _SAID.add(line)
        log(line)


def _reason(error: Exception) -> str:
    """What went wrong, on one line, without the runtime's own numbers and places."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (/onnxruntime_src/\S+:\d+ .*?\) (?=[A-Z]))?", "", text)
    return excerpt(text.rstrip(". ") or type(error).__name__)
