"""The stages of one network: each from its last checkpoint if there is one, the best weights of all at the end."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, write_json
from tellapart.core.malloc import keep_freed_memory
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.inference.charset import BLANK
from tellapart.inference.preprocess import Preprocess
from tellapart.training._lightning import (
    EarlyStopping,
    ModelCheckpoint,
    TorchCheckpointIO,
    WeightAveraging,
    pl,
)
from tellapart.training.callbacks.history import EpochHistory
from tellapart.training.callbacks.timing import TrainingTimer, format_timing
from tellapart.training.closed_form_head import fit_closed_form_head
from tellapart.training.config import PATIENCE, SMALL, Stage, TrainConfig
from tellapart.training.dataset import Batch, CachedImages, PixelCache, WidthBatches
from tellapart.training.embedder import BATCH, map_batches, native_bfloat16
from tellapart.training.feature_cache import cache_trunk
from tellapart.training.run import HISTORY, TIME, Run, checkpointed
from tellapart.training.tasks import ClassifyTask, ReadTask, Task
from tellapart.training.tasks.base import Scale
from tellapart.training.tasks.classification import balanced_weights
from tellapart.training.warm_start import warm_start

Answers = tuple[list[int], npt.NDArray[np.float32]]  # rows, and logits: N, K, or N, T, K of a reader
SURE = 50.0  # a logit that leaves the others no chance


@dataclass
class _Step:
    """Images a step, and over how many steps gradients add up: out of memory halves one and doubles the other."""

    size: int
    accumulate: int = 1


def fit(run: Run, catalog: Catalog, callbacks: Sequence[pl.Callback] = ()) -> tuple[dict[str, torch.Tensor], Answers]:
    """Run the stages that are not done yet.

    Args:
        callbacks: Lightning's, that watch the epochs of every stage; what they raise ends the training.

    Returns:
        The best weights of all stages (of a reader that began with another's, those `between` both), and what the
        network with them answers for the validation rows.
    """
    config = run.config
    keep_freed_memory()
    torch.manual_seed(config.seed)
    model = run.network(pretrained=config.pretrained)
    spec = run.preprocess(model)
    reads = config.init_from is not None and warm_start(model, run.charset, spec, config.init_from)
    rows = [*sorted(set(catalog.training_rows())), *catalog.rows("val")]
    clock = TrainingTimer()
    with clock("decode"):
        cache = PixelCache(catalog, rows, spec, limit_gb=config.cache_gb)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    history = EpochHistory(run.path / HISTORY)
    size = _Step(config.batch_size or 32)
    begun = {key: value.clone() for key, value in model.state_dict().items()}
    best_score, best = -math.inf, begun
    for number, stage in enumerate(config.stages or []):
        folder = run.path / "checkpoints" / f"stage-{number}"
        while not (folder / "done.json").is_file():
            model.load_state_dict(best)
            task = _task(run, catalog, model, spec, stage, number)
            try:
                if stage.train == "solve":
                    with clock("solve"):
                        _solve_stage(task, cache, folder, history)
                else:
                    _fit_stage(task, cache, folder, size, history, clock, callbacks)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if size.size == 1:
                    raise ConfigError(
                        "out of memory with a single image a step; lower --height and --width, or use --device cpu"
                    ) from error
                size = _Step(math.ceil(size.size / 2), size.accumulate * 2)
                log(f"out of memory: going on with {size.size} images a step, {size.accumulate} steps an update")
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        weights = checkpointed(folder / "best.ckpt")
        if -math.inf < done["score"] >= best_score:
            best_score, best = done["score"], weights
    if reads:
        best = interpolate_weights(begun, best, len(set(catalog.training_rows())), len(run.charset.characters))
    model.load_state_dict(best)
    log(f"where the time went: {format_timing(clock.seconds)}")
    write_json(run.path / TIME, {name: round(seconds, 2) for name, seconds in clock.seconds.items()})
    return {key: value.contiguous() for key, value in best.items()}, predict_logits(
        model, spec, cache, run.config, size.size
    )


def interpolate_weights(
    begun: dict[str, Tensor], learnt: dict[str, Tensor], images: int, characters: int
) -> dict[str, Tensor]:
    """The weights between those of a beginning that reads already and those learnt: the nearer to it, the fewer images.

    A few images teach a reader by heart what it then reads worse elsewhere. The mean of both networks' weights reads
    better than either (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022); its share is that of a prior
    worth one image for each character of the alphabet.

    >>> interpolate_weights({"w": torch.zeros(1)}, {"w": torch.ones(1)}, images=30, characters=10)["w"]
    tensor([0.7500])
    """
    share = images / (images + characters)
    return {
        key: torch.lerp(begun[key], value, share) if value.is_floating_point() else value
        for key, value in learnt.items()
    }


def predict_logits(
    model: torch.nn.Module, spec: Preprocess, cache: PixelCache, config: TrainConfig, size: int
) -> Answers:
    """Logits for the validation rows; of a reader N, T, K, where steps beyond a picture's own say blank."""
    rows = cache.catalog.rows("val")
    network, scale = model.eval().cpu(), Scale(spec)

    def said(batch: list[int]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            logits: Tensor = network(scale(torch.from_numpy(np.stack([cache[row] for row in batch]))))
            return logits.numpy()

    batches = list(WidthBatches(rows, cache.widths, min(size, BATCH["cpu"]), shuffle=False))
    logits = list(map_batches(said, batches, "cpu"))
    if config.task == "read":
        steps = max(part.shape[1] for part in logits)
        logits = [_with_blanks(part, steps) for part in logits]
    return [row for batch in batches for row in batch], np.concatenate(logits)


def _with_blanks(logits: npt.NDArray[np.float32], steps: int) -> npt.NDArray[np.float32]:
    """N, T, K → N, ``steps``, K."""
    filled = np.full((len(logits), steps, logits.shape[2]), -SURE, np.float32)
    filled[:, :, BLANK] = SURE
    filled[:, : logits.shape[1]] = logits
    return filled


def _task(run: Run, catalog: Catalog, model: torch.nn.Module, spec: Any, stage: Stage, number: int) -> Task:
    common = (model, spec, run.config, stage, number)
    labels = catalog.column("label")
    if catalog.task == "read":
        taught = set().union(*(labels[row] for row in catalog.training_rows()))
        unseen = set(run.charset.characters) - taught if run.config.init_from is not None else set()
        return ReadTask(*common, texts=labels, charset=run.charset, unseen=sorted(unseen))
    index = {label: place for place, label in enumerate(run.labels)}
    targets = np.array([index.get(label, -1) for label in labels])
    weights = None
    if run.config.class_weights == "balanced":
        weights = balanced_weights(targets[catalog.training_rows()], len(index))
    return ClassifyTask(*common, targets=torch.from_numpy(targets), labels=run.labels, weights=weights)


def _fit_stage(
    task: Task,
    cache: PixelCache,
    folder: Path,
    step: _Step,
    history: EpochHistory,
    clock: TrainingTimer,
    callbacks: Sequence[pl.Callback],
) -> None:
    """Run one stage, from its last checkpoint if there is one, and leave ``best.ckpt`` and ``done.json``."""
    config, stage = task.config, task.stage
    best = _Best(dirpath=folder, filename="best", monitor="val_score", mode="max", enable_version_counter=False)
    newest = ModelCheckpoint(dirpath=folder, filename="last", enable_version_counter=False)
    average = [WeightAveraging(avg_fn=ema_update(config.ema))] if config.ema else []
    trainer = pl.Trainer(
        accelerator=config.device,
        devices=1,
        max_epochs=stage.epochs,
        precision=_precision(config),
        accumulate_grad_batches=step.accumulate,
        gradient_clip_val=5.0,
        # The newest last: it keeps what the others know of this epoch.
        callbacks=[
            *average,
            EarlyStopping("val_score", mode="max", patience=config.patience or PATIENCE),
            history,
            clock,
            *callbacks,
            best,
            newest,
        ],
        plugins=[_WholeCheckpoints()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    rows = cache.catalog.rows
    seed = config.seed * 1009 + task.number
    order = WidthBatches(_shown(task, cache.catalog), cache.widths, step.size, shuffle=True, seed=seed)
    judged = WidthBatches(rows("val"), cache.widths, step.size, shuffle=False)
    with clock("frozen part"):
        seen = cache_trunk(task, cache, order, judged) or (CachedImages(cache), CachedImages(cache))
    for leftover in folder.glob(".*.part"):  # of a checkpoint that a killed session was writing
        leftover.unlink()
    last = folder / "last.ckpt"
    if last.is_file():  # Lightning says the epoch too late: it asks for the first batch before
        order.set_epoch(torch.load(last, map_location="cpu", weights_only=True)["epoch"] + 1)
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(
            task,
            _loader(seen[0], order),
            _loader(seen[1], judged),
            ckpt_path=last if last.is_file() else None,
            weights_only=True,
        )
    except SystemExit:  # what Lightning makes of Ctrl-C, the signal muted; for us it is still Ctrl-C
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    write_json(folder / "done.json", {"score": float(best.best_model_score or 0.0), "epochs": trainer.current_epoch})


def _shown(task: Task, catalog: Catalog) -> list[int]:
    """The rows of an epoch; with sampling, every class as often as the most frequent one."""
    rows = catalog.training_rows()
    if task.config.class_weights != "sampling" or catalog.task != "classify":
        return rows
    labels = catalog.column("label")
    of: dict[str, list[int]] = {}
    for row in rows:
        of.setdefault(labels[row], []).append(row)
    most = max(map(len, of.values()))
    return [members[at % len(members)] for members in of.values() for at in range(most)]


def _solve_stage(task: Task, cache: PixelCache, folder: Path, history: EpochHistory) -> None:
    """The head in closed form; leaves what a stage of epochs leaves."""
    if not isinstance(task, ClassifyTask) or task.config.backbone == SMALL:
        raise ConfigError("stage 'solve': only a classifier with a timm backbone has features to solve a head on")
    began = time.perf_counter()
    figures = fit_closed_form_head(task, cache, _shown(task, cache.catalog), cache.catalog.rows("val"))
    history.note(task, time.perf_counter() - began, {f"val_{name}": value for name, value in figures.items()})
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / "best.ckpt") as temporary:
        torch.save({"state_dict": {f"model.{key}": value for key, value in task.model.state_dict().items()}}, temporary)
    write_json(folder / "done.json", {"score": figures["score"], "epochs": 1})


def ema_update(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """What `WeightAveraging` blends with: what did not change stays as it is to the bit, and counts are not averaged.

    The first of so many updates decay faster, by (1 + updates) / (10 + updates): else an average over few of them would
    hold what the training began with (TensorFlow's `ExponentialMovingAverage`).

    >>> blend = ema_update(0.9)
    >>> [blend(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor(n)).item() for n in (5, 500)]
    [1.600000023841858, 1.100000023841858]
    >>> ema_update(0.9)(torch.tensor([7]), torch.tensor([8]), torch.tensor(5))
    tensor([8])
    """

    def blend(kept: Tensor, new: Tensor, updates: Tensor) -> Tensor:
        if not kept.is_floating_point():
            return new
        n = int(updates)
        return torch.lerp(kept, new, 1 - min(decay, (1 + n) / (10 + n)))

    return blend


class _WholeCheckpoints(TorchCheckpointIO):
    """Whole or not at all: Lightning's own way copies from the folder for temporary files, maybe of another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Beside its target first, then renamed."""
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            torch.save(checkpoint, stream)


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


def _loader(images: Dataset[Batch], batches: WidthBatches) -> DataLoader[Batch]:
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


class lightning_quiet(warnings.catch_warnings):  # noqa: N801
    """Lightning's advice on workers, intervals and folders is not for our users."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=r"pytorch_lightning.*|lightning.*|torch\.jit.*")
        warnings.filterwarnings("ignore", message=r".*(does not have many workers|isinstance\(treespec|torch\.jit).*")
        return entered
