"""The verb `retrain`: a server's corrections teach a new model, which answers only if it is not worse than the old."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, cast

from tellapart.core.errors import ConfigError, did_you_mean, pluralize
from tellapart.core.progress import log
from tellapart.core.tasks import check_task
from tellapart.data.catalog import SPLITS, Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.data.merging import open_sources
from tellapart.data.opening import open_with_defaults
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions
from tellapart.evaluation.compare import compare
from tellapart.evaluation.training_images import training_images
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.train import train
from tellapart.serving.model_registry import ModelRegistry
from tellapart.training.options import TrainOptions
from tellapart.training.run_folder import CONFIG, DATA

COMPARISON = "comparison.html"  # in the new run
WAIT = 30.0  # seconds for all processes of the server to follow

Lesson = tuple[str, str]  # pixels and label of an image that teaches or chooses


class RetrainResult(TypedDict):
    """What `retrain` answers; what was not come to is None."""

    name: str
    running: str  # the bundle that answered before
    lessons: int  # images that teach or choose, and are new or have another label
    run: str | None
    n: int | None  # images that were compared
    difference: dict[str, Any] | None  # of the share of right answers, new minus old, as a figure
    report: str | None
    switched: bool
    refused: bool  # the new model is worse
    why: str


def retrain(
    state: str | Path,
    name: str | None = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    margin: float = 0.0,
    new_labels: bool = False,
) -> RetrainResult:
    """Train on a server's corrections and the original data, and switch the server if the new model is not worse.

    The new run has the options of the one that answers. The two are compared on the test part of the original data, of
    which no correction teaches a copy. The same call again goes on where it stopped, and does nothing where nothing is
    new.

    Args:
        state: the folder that the server was started with; it must be running.
        name: of the model; needed where several are served.
        data: the original data; by default that of the run whose bundle answers, with its split.
        out: the new run's folder; by default beside the run whose bundle answers.
        margin: the new model may be so much worse, as a share of right answers, and still answer.
        new_labels: take in classes that only the corrections have, and switch although the classes are others.

    Raises:
        ConfigError: no such folder or model, no server that runs, or a bundle that lies in no run and no ``data``.
        CatalogError: a class that only the corrections have, or no test part to compare on.
        BundleError: a process of the server could not load the new model; the old one answers.

    Example:
        tellapart.retrain("serving", "photos")
    """
    if not 0 <= margin < 1:
        raise ConfigError(f"margin {margin:g}: give a share from 0 and below 1, such as 0.01")
    registry = ModelRegistry(Path(state))
    name, running = _running(registry, name)
    check_task(running.task, running.path, "retrain")
    result: RetrainResult = {
        "name": name, "running": str(running.path), "lessons": 0, "run": None, "n": None, "difference": None,
        "report": None, "switched": False, "refused": False, "why": "there are no corrections",
    }  # fmt: skip
    corrections = registry.path / "corrections" / name
    if not any(corrections.glob("*.parquet")):
        return result
    original = _original(running, data)
    merged = open_sources([original, corrections], new_labels=new_labels, progress=True)
    result["lessons"] = len(_lessons(merged) - _lessons(_learnt(running) or original))
    if not result["lessons"]:
        return {**result, "why": "the corrections teach nothing that it has not learnt"}
    log(f"{name}: {pluralize(result['lessons'], 'image')} that it has not learnt, or with another label")
    folder = Path(out) if out is not None else _beside(running, name, merged)
    options = cast("TrainOptions", {**running.manifest.training, "coarse_labels": None, "new_labels": new_labels})
    result["run"] = train(merged, out=folder, **options)["run"]
    if Bundle.open(folder).version == running.version:
        return {**result, "why": "what was learnt from them is the same model"}
    compared = compare([running.path, folder], data=read_catalog(folder / DATA), report=folder / COMPARISON)
    difference = compared["pairs"][0]["difference"]
    result |= {"n": compared["n"], "difference": difference, "report": str(folder / COMPARISON)}
    if difference["value"] < -margin:
        return {**result, "refused": True, "why": f"it is worse, so {running.path} still answers"}
    registry.switch(name, folder, wait=WAIT, force=new_labels)
    return {**result, "switched": True, "why": "it is not worse"}


def _running(registry: ModelRegistry, name: str | None) -> tuple[str, Bundle]:
    """The model that is meant, and the bundle that answers.

    Raises:
        ConfigError: no such model, several to choose from, or no server that could be switched.
    """
    models = registry.read()
    if name is None and len(models) == 1:
        (name,) = models
    if name is None or name not in models:
        what = "several models" if name is None else f"no model {name!r}{did_you_mean(name, models)}"
        raise ConfigError(f"{registry.path}: {what}; name one of: {', '.join(models)}")
    if not registry.is_running():
        raise ConfigError(f"{registry.path}: no server runs with this folder, so none can be switched; start it")
    model = models[name]
    return name, Bundle.open(model["versions"][model["current"]])


def _learnt(running: Bundle) -> Catalog | None:
    """The catalog of the run that a bundle lies in."""
    run = running.path.parent
    return read_catalog(run / DATA) if (run / CONFIG).is_file() else None


def _original(running: Bundle, data: str | Path | None) -> Catalog:
    """The original data, with the split of the training where that is known.

    Raises:
        ConfigError: no data is given, and the bundle lies in no run.
    """
    if data is None:
        learnt = _learnt(running)
        if learnt is None:
            raise ConfigError(f"{running.path}: lies in no run, so its data is not known; name it (--data)")
        return learnt
    training = running.manifest.training
    labelling = {name: training[name] for name in LABEL_OPTIONS if training.get(name) is not None}
    catalog = open_with_defaults(data, cast("LabelOptions", labelling), task=running.task, progress=True)
    images = training_images(running, catalog)
    if images is None or any(part is not None for part in catalog.column("split")):
        return catalog
    rows = catalog.rows()
    parts = dict(zip(rows, images.parts_of(catalog, rows), strict=True))
    known = {row: part if part in SPLITS else "train" for row, part in parts.items()}
    return catalog.with_column("split", [known.get(row) for row in range(len(catalog))])


def _lessons(catalog: Catalog) -> set[Lesson]:
    columns = (catalog.column(name) for name in ("pixels", "label", "split", "keep"))
    return {(pixels, label) for pixels, label, part, keep in zip(*columns, strict=True) if keep and part != "test"}


def _beside(running: Bundle, name: str, merged: Catalog) -> Path:
    """A folder for a run on this very data: beside the run that answers, else in `runs`."""
    folder = running.path.parent.parent if _learnt(running) is not None else Path("runs")
    return folder / f"{name}-{merged.fingerprint[:8]}"
