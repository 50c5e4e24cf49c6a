"""The stages of one network: each from its last checkpoint if there is one, the best weights of all at the end."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tellapart.core.errors import ConfigError
from tellapart.core.files import write_json
from tellapart.core.malloc import keep_freed_memory
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.training._lightning import EarlyStopping, WeightAveraging, pl
from tellapart.training.callbacks.history import EpochHistory
from tellapart.training.callbacks.timing import TrainingTimer, format_timing
from tellapart.training.checkpointing import (
    AtomicCheckpointIO,
    next_epoch,
    read_checkpoint,
    save_network,
    stage_checkpoints,
)
from tellapart.training.config import DEEP, PATIENCE, PERFECT, SMALL, TrainConfig
from tellapart.training.dataset import Batch, CachedImages, PixelCache, WidthBatches
from tellapart.training.embedder import BATCH, map_batches, native_bfloat16
from tellapart.training.feature_cache import cache_trunk
from tellapart.training.models.scale import Scale
from tellapart.training.run_folder import BEST, HISTORY, LAST, STAGE_DONE, TIME, Run
from tellapart.training.tasks.base import Task
from tellapart.training.tasks.training_module import TrainingModule
from tellapart.training.weight_averaging import Weights, ema_update, interpolate_weights

Answers = tuple[list[int], npt.NDArray[np.float32]]  # rows, and logits: N, K, or N, T, K of a reader


@dataclass
class _BatchSize:
    """Images a step, and over how many steps gradients add up: out of memory halves one and doubles the other."""

    images: int
    accumulate: int = 1

    def halved(self) -> _BatchSize:
        return _BatchSize(math.ceil(self.images / 2), self.accumulate * 2)


@dataclass(frozen=True)
class _Watch:
    """Who watches the epochs of a run."""

    history: EpochHistory
    timer: TrainingTimer
    callbacks: Sequence[pl.Callback]


def fit(run: Run, catalog: Catalog, task: Task, callbacks: Sequence[pl.Callback] = ()) -> tuple[Weights, Answers]:
    """Run the stages that are not done yet.

    Args:
        run: the run folder; what an earlier session left there is gone on with.
        catalog: the data, split.
        task: the strategy of the data's task.
        callbacks: Lightning's, that watch the epochs of every stage; what they raise ends the training.

    Returns:
        The best weights of all stages (of a network that answered before, blended with those it began with), and what
        the network with them answers for the validation rows.

    Raises:
        ConfigError: memory does not hold a step of a single image, or a stage is not for this network.
    """
    config = run.config
    keep_freed_memory()
    torch.manual_seed(config.seed)
    model: Any = task.build_network(run, pretrained=config.pretrained)
    spec = task.preprocess(config, model.mean, model.std)
    warm = task.warm_start(run, model, spec)
    rows = [*sorted(set(catalog.training_rows())), *catalog.rows("val")]
    watch = _Watch(EpochHistory(run.path / HISTORY), TrainingTimer(), callbacks)
    with watch.timer("decode"):
        cache = PixelCache(catalog, rows, spec, limit_gb=config.cache_gb)
    model.to(memory_format=torch.channels_last)
    size = _BatchSize(config.batch_size or 32)
    initial = {key: value.clone() for key, value in model.state_dict().items()}
    best_score, best = -math.inf, initial
    for number, stage in enumerate(config.stages or []):
        while not (run.stage(number) / STAGE_DONE).is_file():
            model.load_state_dict(best)
            module = task.training_module(run, catalog, model, spec, stage, number)
            size = _run_stage(run, task, module, cache, size, watch)
        done = json.loads((run.stage(number) / STAGE_DONE).read_text(encoding="utf-8"))
        weights = read_checkpoint(run.stage(number) / BEST)
        if -math.inf < done["score"] >= best_score:
            best_score, best = done["score"], weights
    if warm:
        best = interpolate_weights(initial, best, len(set(catalog.training_rows())), len(run.charset.characters))
    model.load_state_dict(best)
    seconds = watch.timer.seconds
    log(f"where the time went: {format_timing(seconds)}")
    write_json(run.path / TIME, {name: round(value, 2) for name, value in seconds.items()})
    answers = predict_logits(task, model, spec, cache, size.images)
    return {key: value.contiguous() for key, value in best.items()}, answers


def predict_logits(task: Task, model: nn.Module, spec: Preprocess, cache: PixelCache, size: int) -> Answers:
    """The validation rows, and the network's logits for them, on the CPU.

    Args:
        task: how the logits of batches become one array.
        model: the network; it is left in evaluation mode on the CPU.
        spec: the preprocessing of its pixels.
        cache: holds the pixels.
        size: images a batch, at most.
    """
    rows = cache.catalog.rows("val")
    network, scale = model.eval().cpu(), Scale(spec)

    def predict(batch: list[int]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            logits: Tensor = network(scale(torch.from_numpy(np.stack([cache[row] for row in batch]))))
            return logits.numpy()

    batches = list(WidthBatches(rows, cache.widths, min(size, BATCH["cpu"]), shuffle=False))
    logits = task.merge_logits(list(map_batches(predict, batches, "cpu")))
    return [row for batch in batches for row in batch], logits


def _run_stage(
    run: Run, task: Task, module: TrainingModule, cache: PixelCache, size: _BatchSize, watch: _Watch
) -> _BatchSize:
    """Run a stage to its end, or until memory runs out; answer the batch size to go on with."""
    folder = run.stage(module.number)
    try:
        if module.stage.train == "solve":
            with watch.timer("solve"):
                _solve_stage(task, module, cache, folder, watch.history)
        else:
            _fit_stage(module, cache, task.training_rows(run.config, cache.catalog), folder, size, watch)
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        if size.images == 1:
            raise ConfigError(
                "out of memory with a single image a step; lower --height and --width, or use --device cpu"
            ) from error
        size = size.halved()
        log(f"out of memory: going on with {size.images} images a step, {size.accumulate} steps an update")
    return size


def _fit_stage(
    module: TrainingModule, cache: PixelCache, rows: Sequence[int], folder: Path, size: _BatchSize, watch: _Watch
) -> None:
    """Run one stage, from its last checkpoint if there is one, and leave ``best.ckpt`` and ``done.json``."""
    config, stage = module.config, module.stage
    best, newest = stage_checkpoints(folder)
    average = [WeightAveraging(avg_fn=ema_update(config.ema))] if config.ema else []
    early_stopping = EarlyStopping(
        "val_score", mode="max", patience=config.patience or PATIENCE, stopping_threshold=PERFECT
    )
    trainer = pl.Trainer(
        accelerator=config.device,
        devices=1,
        max_epochs=stage.epochs,
        precision=_precision(config),
        accumulate_grad_batches=size.accumulate,
        gradient_clip_val=5.0,
        # The newest last: it keeps what the others know of this epoch.
        callbacks=[*average, early_stopping, watch.history, watch.timer, *watch.callbacks, best, newest],
        plugins=[AtomicCheckpointIO()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    seed = config.seed * 1009 + module.number
    train = WidthBatches(rows, cache.widths, size.images, shuffle=True, seed=seed)
    val = WidthBatches(cache.catalog.rows("val"), cache.widths, size.images, shuffle=False)
    with watch.timer("frozen part"):
        train_data, val_data = cache_trunk(module, cache, train, val) or (CachedImages(cache), CachedImages(cache))
    last = folder / LAST
    if last.is_file():  # Lightning says the epoch too late: it asks for the first batch before
        train.set_epoch(next_epoch(last))
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(
            module,
            make_loader(train_data, train),
            make_loader(val_data, val),
            ckpt_path=last if last.is_file() else None,
            weights_only=True,
        )
    except SystemExit:  # what Lightning makes of Ctrl-C, the signal muted; for us it is still Ctrl-C
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    write_json(folder / STAGE_DONE, {"score": float(best.best_model_score or 0.0), "epochs": trainer.current_epoch})


def _solve_stage(task: Task, module: TrainingModule, cache: PixelCache, folder: Path, history: EpochHistory) -> None:
    """The head in closed form; leaves what a stage of epochs leaves."""
    began = time.perf_counter()
    figures = task.solve_head(module, cache, cache.catalog.rows("val"))
    history.note(module, time.perf_counter() - began, {f"val_{name}": value for name, value in figures.items()})
    save_network(module.model, folder / BEST)
    write_json(folder / STAGE_DONE, {"score": figures["score"], "epochs": 1})


def _precision(config: TrainConfig) -> Literal["bf16-mixed", "32-true"]:
    """bfloat16 arithmetic over float32 weights, where the processor has it and the network gains by it.

    Depthwise networks such as EfficientNet do not gain on a CPU (docs/log.md), plain convolutions do twofold.
    """
    if config.precision != "auto":
        return "bf16-mixed" if config.precision == "bfloat16" else "32-true"
    on_cuda = config.device in ("auto", "cuda") and torch.cuda.is_available()
    gains = on_cuda or config.backbone in (SMALL, DEEP)
    return "bf16-mixed" if gains and native_bfloat16("cuda" if on_cuda else "cpu") else "32-true"


def make_loader(images: Dataset[Batch], batches: WidthBatches) -> DataLoader[Batch]:
    """A loader of whole batches with dice of its own.

    It would take one from dropout's each epoch, and on a resume not the same.
    """
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
