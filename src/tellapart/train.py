"""A training from end to end: data, split, stages, the best weights, a bundle, and its figures, once."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import platform
import signal
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch.utils.data import DataLoader

from tellapart import charset as charsets
from tellapart._lightning import EarlyStopping, ModelCheckpoint, pl
from tellapart.bundle import Bundle
from tellapart.catalog import Catalog, open_catalog
from tellapart.config import Stage, TrainConfig, make_config, recipe_part
from tellapart.data import Batch, CachedImages, PixelCache, WidthBatches
from tellapart.embed import native_bfloat16
from tellapart.errors import CatalogError, ConfigError, TextError, some
from tellapart.evaluate import evaluate
from tellapart.export import export
from tellapart.files import whole_file, write_json
from tellapart.generate import generate
from tellapart.history import History
from tellapart.memory import keep_freed_memory
from tellapart.models.reader import Reader
from tellapart.plan import SMALL, plan
from tellapart.progress import say
from tellapart.run import CONFIG, DATA, HISTORY, METRICS, MODEL, Run
from tellapart.solve import solve_head
from tellapart.split import split
from tellapart.tasks import ClassifyTask, ReadTask, Task
from tellapart.tasks.classify import balanced_weights

DATA_OPTIONS = ("task", "groups", "label_from", "file_column", "label_column", "together")


def train(
    data: str | Path | Catalog | None = None,
    *,
    out: str | Path | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train a recogniser, pack it as a bundle and report on the test part.

    The same call again goes on where a stopped one left off, and answers at once when it is done.

    Args:
        data: any source, or a catalog; a recipe that draws its own data needs none.
        out: the run folder; by default ``runs/`` and a name made of the data's and the options'.
        recipe: a packaged recipe, see ``tellapart recipes``.
        config: a YAML file of options; it overrides the recipe, and ``options`` override both.
        options: see `tellapart.config.TrainConfig`.

    Returns:
        ``run`` and ``bundle`` (folders), ``seconds``, and ``test`` (figures of the test part).

    Raises:
        ConfigError: unknown options, or a run folder that holds another training.
        CatalogError, TextError: data that cannot be trained on.
        ParityError: the exported graph did not answer like the trained model.
    """
    asked = make_config(recipe, config, options)
    if data is None:
        data = _drawn(recipe)
    catalog = _prepared(data, asked)
    check_data(catalog)
    planned = plan(asked, catalog)
    run = _opened(Path(out) if out is not None else _default_out(data, catalog, planned), catalog, planned)
    check_texts(run, catalog)
    for note in catalog.notes:
        say(f"note: {note}")
    if not run.finished:
        began = time.perf_counter()
        with _lightning_quiet():
            weights = _fit(run, catalog)
        write_json(run.path / "environment.json", _environment(time.perf_counter() - began))
        with whole_file(run.path / MODEL) as temporary:  # last: a run with its weights is finished
            save_file(weights, temporary)
    bundle = run.path / "bundle"
    if not (bundle / "bundle.json").is_file():
        say("packing and comparing with the trained model")
        export(run)
    if run.metrics() is None:
        part = "test" if catalog.rows("test") else "all"
        metrics = evaluate(bundle, run.catalog(), split=part)
        Bundle.open(bundle).with_metrics(metrics)
        write_json(run.path / METRICS, metrics)
    environment = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
    return {
        "run": str(run.path),
        "bundle": str(bundle),
        "seconds": environment["seconds"],
        "test": run.metrics(),
    }


# --- before ----------------------------------------------------------------------------------------


def _drawn(recipe: str | None) -> Path:
    """The data that a recipe draws for itself, drawn once."""
    drawing = recipe_part(recipe, "generate") if recipe is not None else None
    if drawing is None:
        raise ConfigError("no data: name a folder, a table, Parquet shards or a catalog")
    folder = Path("runs") / f"{recipe}-data"
    if not folder.exists():
        say(f"drawing {drawing['n']:,} images of the scheme {drawing['scheme']!r} into {folder}")
        generate(drawing["scheme"], drawing["n"], folder, seed=drawing.get("seed", 0))
    return folder


def _prepared(data: str | Path | Catalog, config: TrainConfig) -> Catalog:
    options = {name: getattr(config, name) for name in DATA_OPTIONS}
    if isinstance(data, Catalog):
        options = {name: options[name] for name in ("task", "groups")}
    catalog = open_catalog(data, progress=True, **options)
    return split(catalog, seed=config.seed)


def _default_out(data: str | Path | Catalog, catalog: Catalog, config: TrainConfig) -> Path:
    key = json.dumps([config.to_dict(), catalog.fingerprint], sort_keys=True)
    name = Path(catalog.source if isinstance(data, Catalog) else data).stem or "data"
    return Path("runs") / f"{name}-{catalog.task}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _opened(folder: Path, catalog: Catalog, config: TrainConfig) -> Run:
    """A new run folder, or the one that holds this very training; one that has learnt nothing gives way."""
    if (folder / CONFIG).is_file():
        run = Run.open(folder)
        before, now = run.config.to_dict(), config.to_dict()
        odd = [f"{key} {before[key]!r} there, {now[key]!r} here" for key in now if before[key] != now[key]]
        if run.catalog().fingerprint != catalog.fingerprint:
            odd.append("other data")
        if odd and (run.finished or (folder / HISTORY).is_file()):
            raise ConfigError(f"{folder}: holds another training ({some(odd)}); give another --out, or remove it")
        if not odd:
            say(f"{folder}: {'finished already' if run.finished else 'going on'}")
            return run
    elif folder.exists() and any(item.name != DATA for item in folder.iterdir()):
        raise ConfigError(f"{folder}: not empty and not a run; give another --out")
    catalog.write(folder / DATA)
    with whole_file(folder / CONFIG) as temporary:  # last: a folder with a config has its data
        temporary.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return Run.open(folder)


def check_data(catalog: Catalog) -> None:
    """What no training could learn from is said before it begins.

    Raises:
        CatalogError: an empty part, one class only, or a class without training images.
    """
    if not catalog.rows("train") or not catalog.rows("val"):
        raise CatalogError(f"{catalog.source}: the train and val parts must both hold images")
    if catalog.task == "classify":
        if len(catalog.labels) < 2:
            raise CatalogError(
                f"{catalog.source}: only one class ({some(catalog.labels)}); there is nothing to tell apart"
            )
        learnt = {catalog.column("label")[row] for row in catalog.training_rows()}
        if unlearnt := [name for name in catalog.labels if name not in learnt]:
            raise CatalogError(f"{catalog.source}: classes without a training image: {some(unlearnt)}")


def check_texts(run: Run, catalog: Catalog) -> None:
    """The same for texts, once the height of what the network sees is known.

    Raises:
        TextError: texts too long for the steps that their pictures give.
    """
    if catalog.task != "read":
        return
    spec = run.preprocess()
    label = catalog.column("label")
    widths, heights = catalog.column("width"), catalog.column("height")
    too_long = []
    for row in catalog.rows():
        steps = Reader.steps(spec.canvas_width(widths[row], heights[row]))
        if charsets.required_steps(label[row]) > steps:
            too_long.append(f"{catalog.column('file')[row]} ({label[row]!r}, {steps} steps)")
    if too_long:
        raise TextError(
            f"{len(too_long)} texts are longer than CTC can emit at their picture's width: {some(too_long)}; "
            f"raise --height (now {spec.height}), which widens the pictures with it, or drop them"
        )


# --- the stages ------------------------------------------------------------------------------------


@dataclass
class _Step:
    """Images a step, and over how many steps gradients add up: out of memory halves one and doubles the other."""

    size: int
    accumulate: int = 1


def _fit(run: Run, catalog: Catalog) -> dict[str, torch.Tensor]:
    """Run the stages that are not done yet; the best weights of all."""
    config = run.config
    keep_freed_memory()
    torch.manual_seed(config.seed)
    model = run.network(pretrained=config.pretrained)
    spec = run.preprocess(model)
    rows = [*sorted(set(catalog.training_rows())), *catalog.rows("val")]
    cache = PixelCache(catalog, rows, spec, limit_gb=config.cache_gb)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    history = History(run.path / HISTORY)
    size = _Step(config.batch_size or 32)
    best_score, best = -math.inf, {key: value.clone() for key, value in model.state_dict().items()}
    for number, stage in enumerate(config.stages or []):
        folder = run.path / "checkpoints" / f"stage-{number}"
        while not (folder / "done.json").is_file():
            model.load_state_dict(best)
            task = _task(run, catalog, model, spec, stage, number)
            try:
                if stage.train == "solve":
                    _solve_stage(task, cache, folder, history)
                else:
                    _fit_stage(task, cache, folder, size, history)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if size.size == 1:
                    raise ConfigError(
                        "out of memory with a single image a step; lower --height and --width, or use --device cpu"
                    ) from error
                size = _Step(math.ceil(size.size / 2), size.accumulate * 2)
                say(f"out of memory: going on with {size.size} images a step, {size.accumulate} steps an update")
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        state = torch.load(folder / "best.ckpt", map_location="cpu", weights_only=True)["state_dict"]
        weights = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
        if done["score"] >= best_score:
            best_score, best = done["score"], weights
    return {key: value.contiguous() for key, value in best.items()}


def _task(run: Run, catalog: Catalog, model: torch.nn.Module, spec: Any, stage: Stage, number: int) -> Task:
    common = (model, spec, run.config, stage, number)
    labels = catalog.column("label")
    if catalog.task == "read":
        return ReadTask(*common, texts=labels, charset=run.charset)
    index = {label: place for place, label in enumerate(run.labels)}
    targets = np.array([index.get(label, -1) for label in labels])
    weights = None
    if run.config.class_weights == "balanced":
        weights = balanced_weights(targets[catalog.training_rows()], len(index))
    return ClassifyTask(*common, targets=torch.from_numpy(targets), labels=run.labels, weights=weights)


def _fit_stage(task: Task, cache: PixelCache, folder: Path, step: _Step, history: History) -> None:
    """Run one stage, from its last checkpoint if there is one, and leave ``best.ckpt`` and ``done.json``."""
    config, stage = task.config, task.stage
    best = _Best(
        dirpath=folder,
        filename="best",
        monitor="val_score",
        mode="max",
        save_last=True,
        enable_version_counter=False,
    )
    trainer = pl.Trainer(
        accelerator=config.device,
        devices=1,
        max_epochs=stage.epochs,
        precision=_precision(config),
        accumulate_grad_batches=step.accumulate,
        gradient_clip_val=5.0,
        callbacks=[best, EarlyStopping("val_score", mode="max", patience=config.patience), history],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    rows = cache.catalog.rows
    seed = config.seed * 1009 + task.number
    images = CachedImages(cache)
    order = WidthBatches(cache.catalog.training_rows(), cache.widths, step.size, shuffle=True, seed=seed)
    judged = WidthBatches(rows("val"), cache.widths, step.size, shuffle=False)
    last = folder / "last.ckpt"
    if last.is_file():  # Lightning says the epoch too late: it asks for the first batch before
        order.set_epoch(torch.load(last, map_location="cpu", weights_only=True)["epoch"] + 1)
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(
            task,
            _loader(images, order),
            _loader(images, judged),
            ckpt_path=last if last.is_file() else None,
            weights_only=True,
        )
    except SystemExit:  # what Lightning makes of Ctrl-C, the signal muted; for us it is still Ctrl-C
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    write_json(folder / "done.json", {"score": float(best.best_model_score or 0.0), "epochs": trainer.current_epoch})


def _solve_stage(task: Task, cache: PixelCache, folder: Path, history: History) -> None:
    """The head in closed form; leaves what a stage of epochs leaves."""
    if not isinstance(task, ClassifyTask) or task.config.backbone == SMALL:
        raise ConfigError("stage 'solve': only a classifier with a timm backbone has features to solve a head on")
    began = time.perf_counter()
    figures = solve_head(task, cache, cache.catalog.training_rows(), cache.catalog.rows("val"))
    history.note(task, time.perf_counter() - began, {f"val_{name}": value for name, value in figures.items()})
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "best.ckpt") as temporary:
        torch.save({"state_dict": {f"model.{key}": value for key, value in task.model.state_dict().items()}}, temporary)
    write_json(folder / "done.json", {"score": figures["score"], "epochs": 1})


class _Best(ModelCheckpoint):
    """Keeps the best and the last state; a run folder that was moved or copied goes on with what it had."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Paths in the state become those of this folder: Lightning forgets the best score of any other."""
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        here = {name: self._here(state_dict[name]) for name in paths}
        scores = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | here | {"best_k_models": scores, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path


def _precision(config: TrainConfig) -> Literal["bf16-mixed", "32-true"]:
    """bfloat16 arithmetic over float32 weights, where the processor has it and the network gains by it.

    Depthwise networks such as EfficientNet do not gain on a CPU (docs/log.md), plain convolutions do twofold.
    """
    if config.precision != "auto":
        return "bf16-mixed" if config.precision == "bfloat16" else "32-true"
    on_cuda = config.device in ("auto", "cuda") and torch.cuda.is_available()
    gains = on_cuda or config.backbone == SMALL
    return "bf16-mixed" if gains and native_bfloat16("cuda" if on_cuda else "cpu") else "32-true"


def _loader(images: CachedImages, batches: WidthBatches) -> DataLoader[Batch]:
    """A loader with dice of its own: it would take one from dropout's each epoch, and on a resume not the same."""
    return DataLoader(images, batch_size=None, sampler=batches, collate_fn=_as_is, generator=torch.Generator())


def _as_is(batch: Any) -> Any:
    """The dataset makes whole batches; there is nothing to collate."""
    return batch


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device.

    >>> out_of_memory(RuntimeError("MPS backend out of memory")), out_of_memory(RuntimeError("shape"))
    (True, False)
    """
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _environment(seconds: float) -> Mapping[str, Any]:
    names = ("tellapart", "torch", "pytorch-lightning", "timm", "numpy", "pillow")
    return {
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {name: metadata.version(name) for name in names},
    }


class _lightning_quiet(warnings.catch_warnings):  # noqa: N801
    """Lightning's advice on workers, intervals and folders is not for our users."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=r"pytorch_lightning.*|lightning.*|torch\.jit.*")
        warnings.filterwarnings("ignore", message=r".*(does not have many workers|isinstance\(treespec|torch\.jit).*")
        return entered
