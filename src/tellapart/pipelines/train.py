"""A training from end to end: data, split, stages, the best weights, a bundle, and its figures, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypedDict, Unpack

from tellapart.core.errors import CatalogError, ConfigError, join_some, pluralize
from tellapart.core.files import check_target, contents, write_json
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.data.merging import open_sources
from tellapart.data.opening import check_source
from tellapart.data.sampling import sample
from tellapart.data.source_options import SOURCE_OPTIONS
from tellapart.data.split import split
from tellapart.evaluation.evaluate import evaluate
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.diagnose import diagnose, leakage, poor
from tellapart.pipelines.export import pack
from tellapart.pipelines.live_page import LivePage
from tellapart.pipelines.preconditions import check_training
from tellapart.pipelines.run_watcher import RunObserver, observed
from tellapart.pipelines.tracking import TrackedRun, log_run, look_at
from tellapart.pipelines.tracking_store import check_tracking
from tellapart.pipelines.training_view import with_preprocess
from tellapart.synthesis.generate import generate
from tellapart.training.augmentation import augmentation_of, show
from tellapart.training.auto_config import plan
from tellapart.training.build_model import build_preprocess
from tellapart.training.config import TrainConfig, make_config
from tellapart.training.fit_run import fit_run
from tellapart.training.options import TrainOptions
from tellapart.training.recipes import recipe_part
from tellapart.training.run_folder import CONFIG, DATA, METRICS, MODEL, Run
from tellapart.training.tasks.registry import get_task

SHOWN = 8  # training images in the picture of the augmentation


class TrainResult(TypedDict):
    """What `train` answers: folders, seconds of training, and the figures of the test part."""

    run: str
    bundle: str
    seconds: float
    test: dict[str, Any]


class FitResult(TypedDict):
    """What `fit_only` answers: a folder, seconds of training, and the figures of the validation part."""

    run: str
    seconds: float
    validation: dict[str, Any]


def train(
    data: str | Path | Catalog | None = None,
    *more: str | Path | Catalog,
    out: str | Path | None = None,
    show_augment: str | Path | None = None,
    track: str | Path | None = None,
    live: bool = False,
    recipe: str | None = None,
    config: str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train a recogniser, pack it as a bundle and report on the test part.

    The same call again goes on where a stopped one left off, and answers at once when it is done.

    Args:
        data: any source, or a catalog; a recipe that draws its own data needs none.
        more: further sources, such as corrections: they add to ``data``, and where a picture stands in both, the later
            label wins; see `tellapart.data.merging.merge`.
        out: the run folder; by default ``runs/`` and a name made of the data's and the options'.
        show_augment: a PNG to write before: training images, and what augmentation makes of them.
        track: a folder or a tracking URI where MLflow keeps the run too, each epoch as it ends (the extra ``track``).
        live: whether to write ``live.html`` into the run folder after each epoch: a page that reloads itself.
        recipe: a packaged recipe, see ``tellapart recipes``.
        config: a YAML file of options; it overrides the recipe, and ``options`` override both.
        options: see `tellapart.training.config.TrainConfig`.

    Returns:
        ``run`` and ``bundle`` (folders), ``seconds``, and ``test``: figures of the test part, or of the validation part
        where the data was split without one.

    Raises:
        ConfigError: unknown options, or a run folder that holds another training or that another command works in.
        CatalogError, TextError: data that cannot be trained on.
        ParityError: the exported graph did not answer like the trained model.

    Example:
        tellapart.train("photos", out="runs/photos", epochs=3)
        tellapart.train("photos", "serving/corrections/photos", out="runs/photos2", epochs=3)
    """
    if track is not None:
        check_tracking(str(track))
    sources = () if data is None else (data, *more)
    with _open_run(sources, out, recipe, config, options) as (run, catalog):
        if show_augment is not None:
            _show_augmentation(run, catalog, Path(show_augment))
        bundle = run.path / "bundle"
        with observed(run, _observers(run, catalog, None if track is None else str(track), live=live)):
            fit_run(run, catalog)
            if not (bundle / "bundle.json").is_file():
                log("packing and comparing with the trained model")
                pack(run, bundle)
            if run.metrics() is None:
                part = "test" if catalog.rows("test") else "val"  # the nearest to unseen that there is
                metrics = evaluate(bundle, run.catalog(), split=part)
                Bundle.open(bundle).with_metrics(metrics)
                write_json(run.path / METRICS, metrics)
                for cause in diagnose(run) if poor(run) else leakage(run):
                    log(f"{cause.name}: {cause.evidence}. {cause.advice}")
        if track is not None:
            log_run(run, str(track))
    return {
        "run": str(run.path),
        "bundle": str(bundle),
        "seconds": run.environment()["seconds"],
        "test": run.metrics() or {},
    }


def fit_only(
    data: str | Path | Catalog | None = None,
    *,
    out: str | Path | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> FitResult:
    """Train as `train` does, but pack no bundle and leave the test part alone.

    The same call again goes on where a stopped one left off; so does `train`, which then packs.

    Args:
        data: as of `train`.
        out: as of `train`.
        recipe: as of `train`.
        config: as of `train`.
        options: as of `train`.

    Returns:
        ``run`` (a folder), ``seconds``, and ``validation`` (figures of the validation part).

    Raises:
        ConfigError: unknown options, or a run folder that holds another training or that another command works in.
        CatalogError, TextError: data that cannot be trained on.

    Example:
        fit_only("photos", out="runs/photos", epochs=3)
    """
    sources = () if data is None else (data,)
    with _open_run(sources, out, recipe, config, options, packs=False) as (run, catalog):
        validation = fit_run(run, catalog)
        return {"run": str(run.path), "seconds": run.environment()["seconds"], "validation": validation}


# --- before ----------------------------------------------------------------------------------------


@contextmanager
def _open_run(
    sources: Sequence[str | Path | Catalog],
    out: str | Path | None,
    recipe: str | None,
    config: str | Path | None,
    options: TrainOptions,
    *,
    packs: bool = True,
) -> Iterator[tuple[Run, Catalog]]:
    """The run folder of this very training, new or gone on with, and its data, split; all that can be is checked.

    Other commands are kept off the folder.
    """
    requested = make_config(recipe, config, options)
    for each in sources:
        check_source(each)
    check_training(requested, finished=out is not None and (Path(out) / MODEL).is_file(), packs=packs)
    with ExitStack() as held:
        if out is not None:
            _hold(Path(out), held)
        sources = sources or (_drawn(recipe),)
        catalog = open_split(sources, requested)
        planned = plan_training(requested, catalog)
        task = get_task(catalog.task)
        folder = Path(out) if out is not None else _default_out(sources[0], catalog, planned)
        if out is None:
            _hold(folder, held)
        run = _opened(folder, catalog, planned)
        # Of a finished run, what it began with may be gone.
        notes = [] if run.finished else task.check_data(catalog, task.preprocess(planned), planned.init_from)
        for note in [*catalog.notes, *notes]:
            log(f"note: {note}")
        yield run, catalog


def _hold(folder: Path, held: ExitStack) -> None:
    """Keep other commands off a run folder, until the stack is closed.

    Raises:
        ConfigError: the folder holds something else, or another command works in it.
    """
    _check_is_run(folder)
    held.enter_context(hold_folder(folder))


def _check_is_run(folder: Path) -> None:
    if folder.is_dir() and not (folder / CONFIG).is_file() and any(item.name != DATA for item in contents(folder)):
        raise ConfigError(f"{folder}: not empty and not a run; give another --out")


def _observers(run: Run, catalog: Catalog, track: str | None, *, live: bool) -> list[RunObserver]:
    """Who follows the training; where to look is said before it begins."""
    observers: list[RunObserver] = []
    if live:
        page = LivePage(run, catalog)
        log(f"watch it: {page.path.resolve().as_uri()}")
        observers.append(page)
    if track is not None:
        log(f"MLflow shows it: {look_at(track)}")
        if run.metrics() is None:
            observers.append(TrackedRun(run, track))
    return observers


def _show_augmentation(run: Run, catalog: Catalog, picture: Path) -> None:
    """A PNG of training images, each with augmented copies."""
    check_target(picture, ".png")
    rows = catalog.rows("train")
    spec = build_preprocess(run)
    chosen = [spec.load(image) for _, image in catalog.read(sorted(rows[:: max(1, len(rows) // SHOWN)][:SHOWN]))]
    show(chosen, augmentation_of(run.config), picture, seed=run.config.seed)
    log(f"{picture}: {len(chosen)} training images, each with augmented copies")


def _drawn(recipe: str | None) -> Path:
    """The data that a recipe draws for itself, drawn once."""
    drawing = recipe_part(recipe, "generate") if recipe is not None else None
    if drawing is None:
        raise ConfigError("no data: name a folder, a table, Parquet shards or a catalog")
    folder = Path("runs") / f"{recipe}-data"
    if not folder.exists():
        log(f"drawing {drawing['n']:,} images of the scheme {drawing['scheme']!r} into {folder}")
        generate(drawing["scheme"], drawing["n"], folder, seed=drawing.get("seed", 0))
    return folder


def open_split(sources: Sequence[str | Path | Catalog], config: TrainConfig) -> Catalog:
    """The catalog of a source, or of several as one, as a configuration says to read it, split and sampled by its seed.

    Args:
        sources: any, or a catalog, of which only the task and the groups can be chosen; see
            `tellapart.data.merging.open_sources`.
        config: says how the sources are read, and with which seed they are split.
    """
    options: dict[str, Any] = {name: getattr(config, name) for name in SOURCE_OPTIONS}
    if isinstance(sources[0], Catalog):
        options = {name: options[name] for name in ("task", "coarse_labels")}
    catalog = open_sources(sources, new_labels=config.new_labels, progress=True, **options)
    catalog = split(catalog, seed=config.seed)
    return catalog if config.limit is None else sample(catalog, config.limit, seed=config.seed)


def plan_training(config: TrainConfig, catalog: Catalog) -> TrainConfig:
    """The configuration with every open choice made for this data; that it can be trained so is checked.

    Args:
        config: what somebody decided.
        catalog: the data, split and sampled.

    Raises:
        ConfigError: an option that is not for this task, or options that do not go together.
        CatalogError: data that cannot be trained on.
    """
    check_data(catalog, allow_lost_classes=config.allow_lost_classes)
    get_task(catalog.task).check_decisions(config, catalog)
    return plan(with_preprocess(config, catalog), catalog)


def _default_out(data: str | Path | Catalog, catalog: Catalog, config: TrainConfig) -> Path:
    key = json.dumps([config.to_dict(), catalog.fingerprint], sort_keys=True)
    name = Path(catalog.source if isinstance(data, Catalog) else data).stem or "data"
    return Path("runs") / f"{name}-{catalog.task}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _opened(folder: Path, catalog: Catalog, config: TrainConfig) -> Run:
    """A new run folder, or the one that holds this very training; one that has learnt nothing gives way."""
    check_run_folder(folder, catalog, config)
    if (folder / CONFIG).is_file():
        run = Run.open(folder)
        if not _differences(run, catalog, config):
            log(f"{folder}: {'finished already' if run.finished else 'going on'}")
            return run
    return Run.create(folder, catalog, config)


def check_run_folder(folder: Path, catalog: Catalog, config: TrainConfig) -> None:
    """Check that a folder is free for a training, or holds this very one.

    Args:
        folder: of the run; there may be none yet.
        catalog: the data, split and sampled.
        config: the configuration with every choice made.

    Raises:
        ConfigError: the folder holds something else.
    """
    _check_is_run(folder)
    if (folder / CONFIG).is_file():
        run = Run.open(folder)
        if (run.finished or run.started) and (odd := _differences(run, catalog, config)):
            raise ConfigError(f"{folder}: holds another training ({join_some(odd)}); give another --out, or remove it")


def _differences(run: Run, catalog: Catalog, config: TrainConfig) -> list[str]:
    """What of a run is not as a training of this data and configuration would have it."""
    before, now = run.config.to_dict(), config.to_dict()
    odd = [f"{key} {before[key]!r} there, {now[key]!r} here" for key in now if before[key] != now[key]]
    return odd + ["other data"] * (run.catalog().fingerprint != catalog.fingerprint)


def check_data(catalog: Catalog, *, allow_lost_classes: bool = False) -> None:
    """What no training could learn from is said before it begins.

    Raises:
        CatalogError: an empty part, one class only, a class without training images, or unless ``allow_lost_classes``
            a class that the data names and that has no usable image.
    """
    if not catalog.rows("train") or not catalog.rows("val"):
        alone = len(catalog.labels) == len(catalog.rows()) > 1 and catalog.task == "classify"
        why = (
            f"{len(catalog.labels):,} classes of one image each; if the labels are texts, say --task read"
            if alone
            else "the train and val parts must both hold images"
        )
        raise CatalogError(f"{catalog.source}: {why}")
    if catalog.task != "read":
        if len(catalog.labels) < 2 and catalog.task == "classify":
            raise CatalogError(
                f"{catalog.source}: only one class ({join_some(catalog.labels)}); there is nothing to tell apart"
            )
        lost = (catalog.meta or {}).get("lost_classes") or {}
        if lost and not allow_lost_classes:
            named = join_some((f"{name} ({what})" for name, what in lost.items()), 10)
            raise CatalogError(
                f"{catalog.source}: {pluralize(len(lost), 'class has', 'classes have')} no usable image: {named}; mend "
                "or remove what should hold them, or leave these classes out with --allow-lost-classes true"
            )
        label = catalog.column("label")
        learnt = {each for row in catalog.training_rows() for each in catalog.labels_in(label[row])}
        if unlearnt := [name for name in catalog.labels if name not in learnt]:
            kind = "tags" if catalog.task == "tag" else "classes"
            raise CatalogError(f"{catalog.source}: {kind} without a training image: {join_some(unlearnt)}")
        if not catalog.labels:
            raise CatalogError(f"{catalog.source}: no image has a tag; there is nothing to learn")
