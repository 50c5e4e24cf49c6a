"""A trained model becomes a bundle, or nothing at all: the graph must answer like the model first."""

from __future__ import annotations

import contextlib
import io
import logging
import platform
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, cast, get_args

import torch
from safetensors.torch import save
from torch import Tensor, nn

from tellapart.core.errors import ConfigError, TellapartError
from tellapart.core.files import atomic_folder, contents
from tellapart.core.folder_lock import hold_folder, hold_target
from tellapart.core.tasks import TaskName
from tellapart.data.catalog import Catalog
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.reference_sampling import write_reference
from tellapart.evaluation.training_images import TRAINING_IMAGES, TrainingImages, content, training_images
from tellapart.inference.base_model import is_shipped
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.bundle_checks import FEATURES, PROBABILITIES
from tellapart.inference.manifest import MANIFEST, BundleManifest, Calibration, TrainingData
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import READ_HEIGHT, ROWS, Preprocess
from tellapart.pipelines.graph_precision import Kind, lower_precision
from tellapart.pipelines.parity import Floats, Pixels, compare, image_batches
from tellapart.pipelines.preconditions import EXPORTERS, check_installed
from tellapart.training.build_model import build_preprocess, load_model
from tellapart.training.decision_rules import expected_length
from tellapart.training.models.scale import Scale
from tellapart.training.run_folder import MODEL, Run
from tellapart.training.tasks.registry import get_task

OPSET = 20


class Deployed(nn.Module):
    """What the bundle holds: scaling, normalising, the network and its probabilities as one.

    Args:
        model: the trained network.
        spec: how its pixels are scaled and normalised.
        temperature: divides the logits first.
        probabilities: what makes probabilities of logits; by default the softmax.
    """

    def __init__(
        self,
        model: nn.Module,
        spec: Preprocess,
        temperature: float = 1.0,
        probabilities: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.scale = Scale(spec)
        self.model = model
        self.temperature = temperature
        self.probabilities = probabilities or partial(torch.softmax, dim=-1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 N, H, W, C → probabilities N, K or N, T, K, and the features N, F that they are made of."""
        logits, features = self.model.with_features(self.scale(pixels))  # type: ignore[operator]
        return self.probabilities(logits / self.temperature), features


def export(
    run: str | Path | Run,
    *,
    out: str | Path | None = None,
    weights: bool = False,
    checkpoint: str | None = None,
    precision: Kind | None = None,
) -> Bundle:
    """Pack a finished run as a bundle, after comparing it with the trained model on real images.

    All test images (all images, where there is no test part) in batches of 1, 2, 7 and 32; for reading
    also at wider canvases than their own.

    Args:
        run: a run, or its folder.
        out: the bundle's folder; by default ``bundle`` in the run's.
        weights: also the weights, in half precision, so that another training can start from the bundle.
        checkpoint: instead of the trained network that of a checkpoint, uncalibrated, finished or not: ``last``,
            ``best``, or a file; it needs an ``out``.
        precision: ``int8`` or ``float16``: the graph is turned into it after the comparison, see
            `tellapart.pipelines.graph_precision.lower_precision`; it needs an ``out``.

    Returns:
        The bundle as it was written.

    Raises:
        ParityError: an answer differs, a probability by more than 1e-4, or a lower precision answers fewer validation
            images right; nothing is written.
        ConfigError: the run is not finished, there is no such checkpoint, or another command works in the run's folder
            and the bundle belongs there, or writes ``out``.

    Example:
        tellapart.export("runs/photos", out="photos-bundle")
    """
    run = run if isinstance(run, Run) else Run.open(run)
    check_installed(EXPORTERS, "train", "a bundle is written with it")
    target = _target(run, out, checkpoint, precision)
    _check_replaceable(target)
    with hold_folder(run.path) if out is None else hold_target(target):
        return pack(run, target, weights=weights, checkpoint=checkpoint, precision=precision)


def pack(
    run: Run,
    target: Path,
    *,
    weights: bool = False,
    checkpoint: str | None = None,
    precision: Kind | None = None,
) -> Bundle:
    """Write the bundle of a run to a folder, as `export` does; whoever calls keeps others off the run."""
    catalog = run.catalog()
    model = load_model(run, checkpoint)
    spec = build_preprocess(run)
    stored = {} if checkpoint else run.calibration()
    calibration = Calibration.from_json(stored) if stored else None
    temperature = calibration.temperature if calibration else 1.0
    deployed = Deployed(model, spec, temperature, get_task(catalog.task).probabilities).eval().cpu()
    _check_replaceable(target)
    with atomic_folder(target) as folder:
        write_graph(deployed, spec, folder / GRAPH)
        if weights:
            (folder / MODEL).write_bytes(save({name: halved(value) for name, value in model.state_dict().items()}))
        bundle = Bundle.write(folder, _manifest(run, catalog, spec, calibration))
        predictor = Predictor(bundle, device="cpu")
        rows = catalog.rows("test") or catalog.rows()
        parity = compare(
            partial(_answers, deployed), predictor, image_batches(catalog, rows, spec, open_height=spec.open_height)
        )
        lowered = None
        if precision is not None:
            with _quiet():
                predictor, lowered = lower_precision(predictor, catalog, precision)
        # With folds, what one network was chosen on has taught the others.
        unseen = catalog.rows("test") if run.config.cv_folds else [*catalog.rows("test"), *catalog.rows("val")]
        write_reference(predictor, catalog, unseen, folder / REFERENCE)
        _training_images(run, catalog).write(folder / TRAINING_IMAGES)
        manifest = replace(bundle.manifest, parity=parity, precision=lowered)
        # The run's figures are those of its own network, in its own precision.
        metrics = run.metrics() if checkpoint is None and precision is None else None
        Bundle.write(folder, manifest.with_metrics(metrics) if metrics else manifest)
    return Bundle.open(target)


def _check_replaceable(target: Path) -> None:
    """Refuse to write over anything but a bundle or an empty folder."""
    if target.exists() and not (target / MANIFEST).is_file() and not (target.is_dir() and not contents(target)):
        raise ConfigError(f"{target}: there already and not a bundle; give another --out")


def _target(run: Run, out: str | Path | None, checkpoint: str | None, precision: str | None) -> Path:
    """The folder of the bundle.

    Raises:
        ConfigError: the run is not finished, an unknown precision, or another bundle would take the place of the run's
            own.
    """
    if precision not in (None, *get_args(Kind)):
        raise ConfigError(f"precision {precision!r}: give {' or '.join(get_args(Kind))}, or leave it out for float32")
    if precision is not None and out is None:
        raise ConfigError(f"precision {precision}: name an out too; the run's own bundle is of float32")
    if checkpoint is not None and out is None:
        raise ConfigError(f"checkpoint {checkpoint!r}: name an out too; the run's own bundle is of its trained network")
    if checkpoint is None and not run.finished:
        raise ConfigError(
            f"{run.path}: the run is not finished; run its train command again to go on, or name a checkpoint"
        )
    return Path(out) if out is not None else run.path / "bundle"


def _training_images(run: Run, catalog: Catalog) -> TrainingImages:
    """The images that the run knows, those of the model that it began with included.

    The shipped readers have learnt from drawings alone.
    """
    images = TrainingImages.of(catalog, cv_folds=bool(run.config.cv_folds))
    start = run.config.init_from
    return images if start is None or is_shipped(start) else images.begun_with(start, _images_of(Path(start)))


def _images_of(model: Path) -> TrainingImages | None:
    """The images that a bundle, a run or a checkpoint in one knows; None where it is gone or does not say."""
    folder = model.parents[2] if model.suffix == ".ckpt" else model
    with contextlib.suppress(TellapartError):
        return training_images(Bundle.open(folder))
    with contextlib.suppress(TellapartError):
        run = Run.open(folder)
        return _training_images(run, run.catalog())
    return None


def _answers(deployed: nn.Module, pixels: Pixels) -> tuple[Floats, Floats]:
    """Probabilities and features of the trained network."""
    with torch.inference_mode():
        probabilities, features = deployed(torch.from_numpy(pixels))
    return probabilities.numpy(), features.numpy()


def write_graph(deployed: nn.Module, spec: Preprocess, path: Path) -> None:
    """Write the ONNX graph: batch open, for reading the width too, and the height of tall enough pictures."""
    width = spec.width or 4 * spec.step
    example = torch.randint(0, 256, (2, spec.height, width, spec.channels), dtype=torch.uint8)
    dynamic: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=4096)}
    if spec.width is None:
        dynamic[2] = spec.step * torch.export.Dim("steps", min=1, max=4096)
        if spec.open_height:
            dynamic[1] = ROWS * torch.export.Dim("rows", min=READ_HEIGHT // ROWS, max=64)
    with _quiet():
        program = torch.onnx.export(
            deployed,
            (example,),
            dynamo=True,
            dynamic_shapes=(dynamic,),
            input_names=["pixels"],
            output_names=[PROBABILITIES, FEATURES],
            opset_version=OPSET,
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
    # Torch notes at each node which line of whose folder made it: nobody's business, and a tenth of a small graph.
    for part in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
    ):
        del part.metadata_props[:]
    path.write_bytes(model.SerializeToString())


def halved(value: Tensor) -> Tensor:
    """A tensor in half precision; whole numbers stay as they are."""
    return value.half() if value.is_floating_point() else value


def _manifest(run: Run, catalog: Catalog, spec: Preprocess, calibration: Calibration | None) -> BundleManifest:
    meta, reads = catalog.meta or {}, catalog.task == "read"
    packages = ("tellapart", "torch", "timm", "onnx", "onnxruntime", "numpy", "pillow")
    return BundleManifest(
        task=cast(TaskName, catalog.task),
        charset=run.charset if reads else None,
        labels=None if reads else list(run.labels),
        length=expected_length(catalog) if reads else None,
        groups={label: catalog.groups[label] for label in run.labels if label in catalog.groups}
        if catalog.groups and not reads
        else None,
        preprocess=spec,
        calibration=calibration,
        data=TrainingData(
            catalog.fingerprint, content(catalog), len(catalog.rows()), meta.get("split"), meta.get("read_by") or None
        ),
        training=run.config.to_dict(),
        versions={name: metadata.version(name) for name in packages} | {"python": platform.python_version()},
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks to stdout, to loggers and through warnings about its own insides."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
