"""A bundle's graph in int8 or float16: smaller, in int8 quicker on a CPU too, and refused where it answers worse."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError, ParityError, pluralize
from tellapart.data.catalog import Catalog
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.manifest import LOSS, Precision
from tellapart.inference.onnx_graph import STANDARD
from tellapart.inference.predictor import Predictor, batched_by_width

Kind = Literal["int8", "float16"]

CALIBRATED = 256  # training images that tell the ranges of activations
QUANTISED = ("Conv", "MatMul", "Gemm", "Relu", "Clip")  # nearly all of the time; the others stay float32

Batches = Iterator[tuple[list[Any], npt.NDArray[np.uint8]]]


def lower_precision(predictor: Predictor, catalog: Catalog, kind: Kind) -> tuple[Predictor, Precision]:
    """Write the graph of a bundle anew in a lower precision, and compare both on the validation part.

    Args:
        predictor: of the bundle, whose graph is of float32.
        catalog: the data of the training. For int8, up to `CALIBRATED` images of its train part calibrate the graph
            (static quantisation, weights a channel, in seven bits, which no processor adds up past its range).
        kind: ``int8`` or ``float16``.

    Returns:
        The predictor of the new graph, and what was compared.

    Raises:
        ConfigError: there is no validation part.
        ParityError: the share of right answers falls by more than `LOSS`.
    """
    if not (rows := catalog.rows("val")):
        raise ConfigError(f"{kind}: the data has no validation part to compare the answers on; leave it out")
    before = _right(predictor, catalog, rows)
    graph = predictor.bundle.path / GRAPH
    learnt = sorted(set(catalog.training_rows())) if kind == "int8" else []
    chosen = np.random.default_rng(0).permutation(len(learnt))[:CALIBRATED]
    calibration = sorted(learnt[at] for at in chosen)
    if kind == "int8":
        _quantise(graph, _batches(predictor, catalog, calibration))
    else:
        _halve(graph)
    lowered = Predictor(Bundle.write(predictor.bundle.path, predictor.bundle.manifest), device="cpu")
    after = _right(lowered, catalog, rows)
    if (before - after) / len(rows) > LOSS:
        raise ParityError(
            f"{kind}: of {pluralize(len(rows), 'validation image')} it answers {after:,} right "
            f"({after / len(rows):.4f}), before {before:,} ({before / len(rows):.4f}); more than {LOSS:g} may not be "
            f"lost, so nothing was written; {'try --fp16, or leave it out' if kind == 'int8' else 'leave it out'}"
        )
    return lowered, Precision(kind, len(rows), before / len(rows), after / len(rows), len(calibration))


def _right(predictor: Predictor, catalog: Catalog, rows: list[int]) -> int:
    """How many of the rows are answered with their label."""
    labels = catalog.column("label")
    return sum(
        prediction.answer == labels[row]
        for those, pixels in _batches(predictor, catalog, rows)
        for row, prediction in zip(those, predictor.answer([str(row) for row in those], pixels), strict=True)
    )


def _batches(predictor: Predictor, catalog: Catalog, rows: list[int]) -> Batches:
    files, spec = catalog.column("file"), predictor.bundle.preprocess
    return batched_by_width((row, spec.load(data, files[row])) for row, data in catalog.read(rows))


def _halve(graph: Path) -> None:
    """Weights and sums in float16, in place; what goes in and comes out stays as it is."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(graph), keep_io_types=True), graph)


def _quantise(graph: Path, batches: Batches) -> None:
    """Static quantisation, in place."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = onnx.load(graph).graph.input[0].name
    with tempfile.TemporaryDirectory(prefix="tellapart-") as folder:
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / "quantised.onnx"
        quant_pre_process(graph, prepared, skip_symbolic_shape=True)  # which knows no open widths
        quantize_static(
            prepared,
            quantised,
            _Calibration(name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(quantised)
    standard = [each for each in model.opset_import if each.domain in STANDARD]  # the runtime notes all that it knows
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.save(model, graph)


class _Calibration:
    """Batches of model pixels as the quantiser takes them."""

    def __init__(self, name: str, batches: Batches) -> None:
        self.name, self.batches = name, batches

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        """The next batch by the name of the graph's input; None at the end."""
        return next(({self.name: pixels} for _, pixels in self.batches), None)
