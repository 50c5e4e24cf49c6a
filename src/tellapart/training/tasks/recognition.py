"""Image to text: connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tellapart.core.errors import ConfigError
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.inference.base_model import BASE, BASE_SMALL, is_shipped
from tellapart.inference.charset import BLANK, Charset
from tellapart.inference.ctc import decode_ctc
from tellapart.inference.picture_view import View
from tellapart.inference.preprocess import READ_HEIGHT, Preprocess
from tellapart.metrics.text import reading_scores
from tellapart.training.augmentation import without_text
from tellapart.training.colour import is_colour_coded
from tellapart.training.config import DEEP, OF_CLASSIFIERS, PATIENCE, SMALL, Stage, TrainConfig
from tellapart.training.dataset import Batch
from tellapart.training.decision_rules import calibrate_texts
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.run_folder import Run
from tellapart.training.schedule import FINE_TUNING_UPDATES, UPDATES, without_pretrained
from tellapart.training.tasks.base import Floats, Task
from tellapart.training.tasks.training_module import Answer, TrainingModule
from tellapart.training.text_checks import check_texts
from tellapart.training.warm_start import Beginning, known_characters, open_beginning, warm_start

FEW_IMAGES = 2000  # for training, from which a reader begins with the faster of those that ship
READ_EMA = 0.99  # the decay of a reader's averaged weights
ABSENT = -1e4  # a logit that leaves no chance
NO_TEXT = -1  # in place of a row: an image without a text
SURE = 50.0  # a logit that leaves the others no chance


class RecognitionTask(Task):
    """The strategy of readers.

    >>> RecognitionTask().preprocess(TrainConfig(height=48)).width is None  # it follows the picture
    True
    """

    name = "read"
    averages_weights = True
    augmentations = ("glyph", "text", "hues", "none")

    def check_options(self, config: TrainConfig) -> None:
        """Refuse what only a classifier knows."""
        if config.cv_folds:
            raise ConfigError(
                "cv_folds: readers' answers cannot be averaged, as their steps need not agree; give --ensemble"
            )
        if any(step.kind == "flip" for step in config.augmentations or []):
            raise ConfigError("augmentations: flip: a mirrored text is another one; leave it out")
        default = TrainConfig()
        unused = [name for name in OF_CLASSIFIERS if getattr(config, name) != getattr(default, name)]
        if unused:
            raise ConfigError(f"{', '.join(unused)}: for classify only; leave it out")

    def plan(self, config: TrainConfig, catalog: Catalog) -> TrainConfig:
        """What was not decided is as with the reader that the training begins with, by default `small`.

        Pictures are grey unless that reader sees colour, or colour may say what is the text.
        """
        init_from = initial_reader(config, catalog)
        begin = beginning_of(config, catalog)
        if config.ensemble > 1 and init_from is None:
            raise ConfigError("ensemble: readers are averaged where all begin with the same weights; "
                              "leave out --ensemble, or begin with another reader (--init-from)")  # fmt: skip
        lr, updates = (2e-3, UPDATES) if init_from is None else (1e-3, FINE_TUNING_UPDATES)
        batch_size = config.batch_size or 32
        images = len(catalog.training_rows())
        return replace(
            config,
            colour=_colour(config, begin.channels if begin else 1, catalog),
            backbone=config.backbone or (begin.backbone if begin else SMALL),
            init_from=init_from,
            height=config.height or (begin.height if begin else READ_HEIGHT),
            stages=config.stages or without_pretrained(images, batch_size, lr, config.effort, updates),
            batch_size=batch_size,
            augment=self.preset(config, "text"),
            ema=READ_EMA if config.ema is None else config.ema,
        )

    def patience(self, epochs: int) -> int:
        """Half the stage: a reader stands at nothing for a while, and its few validation texts soon all agree."""
        return max(PATIENCE, epochs // 2)

    def check_decisions(self, config: TrainConfig, catalog: Catalog) -> None:
        """A reader has no threshold."""
        if config.threshold or config.positive_class:
            raise ConfigError("threshold and positive_class: for classify only")

    def check_data(self, catalog: Catalog, spec: Preprocess, init_from: str | None) -> list[str]:
        """See `tellapart.training.text_checks.check_texts`."""
        return check_texts(catalog, spec, known_characters(init_from))

    def preprocess(
        self, config: TrainConfig, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)
    ) -> Preprocess:
        """A canvas of one height, whose width follows the picture."""
        assert config.height is not None
        return Preprocess(
            height=config.height,
            width=None,
            channels=1 if config.colour == "grey" else 3,
            pad="edge",
            mean=tuple(mean),
            std=tuple(std),
            view=View.parse("" if config.preprocess in ("auto", "none") else config.preprocess),
        )

    def build_network(self, run: Run, *, pretrained: bool) -> nn.Module:
        """One reader, also of several: their weights are averaged."""
        config = run.config
        assert config.backbone is not None
        channels = 1 if config.colour == "grey" else 3
        return CTCReader(
            run.charset.size, channels, dropout=config.dropout, backbone=config.backbone, pretrained=pretrained
        )

    def warm_start(self, run: Run, model: nn.Module, spec: Preprocess) -> bool:
        """See `tellapart.training.warm_start.warm_start`."""
        return run.config.init_from is not None and warm_start(model, run.charset, spec, run.config.init_from)

    def training_module(
        self, run: Run, catalog: Catalog, model: nn.Module, spec: Preprocess, stage: Stage, number: int
    ) -> RecognitionModule:
        """The CTC loss over the run's characters."""
        labels = catalog.column("label")
        trained = set().union(*(labels[row] for row in catalog.training_rows()))
        unseen = set(run.charset.characters) - trained if run.config.init_from is not None else set()
        return RecognitionModule(
            model, spec, run.config, stage, number, texts=labels, charset=run.charset, unseen=sorted(unseen)
        )

    def merge_logits(self, batches: Sequence[Floats]) -> Floats:
        """N, T, K, where steps beyond a picture's own say blank."""
        steps = max(batch.shape[1] for batch in batches)
        return np.concatenate([pad_with_blanks(batch, steps) for batch in batches])

    def calibrate(self, config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
        """logits: N, T, K; see `tellapart.training.decision_rules.calibrate_texts`."""
        return calibrate_texts(config, catalog, rows, logits)


def initial_reader(config: TrainConfig, catalog: Catalog) -> str | None:
    """What a reader begins with: what was decided, else a shipped one where pictures are as that sees them.

    `base` reads more of what few images teach, and takes several times as long for each; from `FEW_IMAGES` on, `small`.
    """
    if config.init_from is not None or not config.pretrained:
        return config.init_from
    few = len(catalog.training_rows()) < FEW_IMAGES
    if few and config.height in (None, READ_HEIGHT) and config.backbone in (None, DEEP) and config.colour != "grey":
        return BASE
    fits = config.height in (None, READ_HEIGHT) and config.backbone in (None, SMALL, DEEP)
    return BASE_SMALL if fits else None


def beginning_of(config: TrainConfig, catalog: Catalog) -> Beginning | None:
    """What a reader begins with; None from nothing, or where it is gone: what is finished needs it no more.

    Raises:
        ConfigError, BundleError: as `tellapart.training.warm_start.open_beginning`.
    """
    source = initial_reader(config, catalog)
    gone = source is not None and not is_shipped(source) and not Path(source).exists()
    return None if source is None or gone else open_beginning(source)


def pad_with_blanks(logits: Floats, steps: int) -> Floats:
    """N, T, K → N, ``steps``, K; added steps say blank.

    >>> pad_with_blanks(np.zeros((1, 1, 2), np.float32), 2).tolist()
    [[[0.0, 0.0], [50.0, -50.0]]]
    """
    padded = np.full((len(logits), steps, logits.shape[2]), -SURE, np.float32)
    padded[:, :, BLANK] = SURE
    padded[:, : logits.shape[1]] = logits
    return padded


class RecognitionModule(TrainingModule):
    """A stage of a reader.

    Args:
        args: those of `TrainingModule`.
        texts: by catalog row.
        charset: holds all their characters.
        unseen: characters that no training text holds but the network knows from elsewhere. They take no part in the
            training's softmax: else it would learn, from their absence alone, never to read them.
    """

    measure = "exact_match"

    def __init__(self, *args: Any, texts: list[str], charset: Charset, unseen: Iterable[str] = ()) -> None:
        super().__init__(*args)
        self.texts = texts
        self.charset = charset
        self.unseen = torch.tensor(charset.encode("".join(unseen)), dtype=torch.long)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Some of the images lose their text first; see the option ``textless``."""
        if not self.config.textless:
            return super().training_step(batch, index)
        pixels, rows = batch
        count = int(self.config.textless * len(rows) + float(torch.rand((), generator=self.dice)))
        if count:
            chosen = torch.randperm(len(rows), generator=self.dice)[:count]
            images = without_text(self.scale.unit(pixels[chosen]), self.dice)
            pixels, rows = pixels.clone(), rows.clone()
            pixels[chosen] = (images * 255).round().byte().permute(0, 2, 3, 1)
            rows[chosen] = NO_TEXT
        return super().training_step((pixels, rows), index)

    def _encoded(self, rows: Tensor) -> list[list[int]]:
        return [self.charset.encode(self.texts[row]) if row >= 0 else [] for row in rows.tolist()]

    def share_right(self, logits: Tensor, rows: Tensor) -> Tensor:
        """logits: N, T, K. A text is right where its best path spells all of it."""
        paths = [torch.unique_consecutive(path) for path in logits.argmax(dim=2).cpu()]
        right = [path[path != BLANK].tolist() == text for path, text in zip(paths, self._encoded(rows), strict=True)]
        return torch.tensor(right, dtype=torch.float32).mean()

    def loss(self, logits: Tensor, rows: Tensor, *, training: bool) -> Tensor:
        """logits: N, T, K."""
        encoded = self._encoded(rows)
        n, steps, _ = logits.shape
        if training and len(self.unseen):
            logits = logits.index_fill(2, self.unseen.to(logits.device), ABSENT)
        return F.ctc_loss(
            logits.log_softmax(dim=2).transpose(0, 1),
            torch.tensor([index for text in encoded for index in text], dtype=torch.long),
            torch.full((n,), steps, dtype=torch.long),
            torch.tensor([len(text) for text in encoded], dtype=torch.long),
            zero_infinity=True,
        )

    def validation_figures(self, outputs: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """Exact match is the score; character errors and the loss break ties, and lead while it is zero.

        Logits that are no numbers have no score: such weights are no result.
        """
        if not all(bool(logits.isfinite().all()) for logits, _, _ in outputs):
            return {"loss": math.nan, "exact_match": 0.0, "cer": 1.0, "score": -math.inf}
        self.answers = [
            Answer(row, self.texts[row], reading.text, reading.confidence)
            for logits, rows, _ in outputs
            for row, reading in zip(rows.tolist(), decode_ctc(logits.softmax(dim=2).numpy(), self.charset), strict=True)
        ]
        loss = sum(loss * len(rows) for _, rows, loss in outputs) / len(self.answers)
        figures = reading_scores([each.truth for each in self.answers], [each.answer for each in self.answers])
        exact, cer = figures["exact_match"]["value"], figures["cer"]["value"]
        return {
            "loss": loss,
            "exact_match": exact,
            "cer": cer,
            "score": exact - 0.1 * min(cer, 1.0) - 0.001 * min(loss, 10.0),
        }


def _colour(config: TrainConfig, channels: int, catalog: Catalog) -> Literal["auto", "grey", "rgb"]:
    """Grey, unless the reader that a training begins with sees colour, or colour may say what is the text."""
    if config.colour != "auto":
        return config.colour
    if channels == 3:
        return "rgb"
    if not is_colour_coded(catalog):
        return "grey"
    log("reading in colour: nearly every picture has strokes of one same hue beside others, which may say what is the "
        "text (--colour grey reads without)")  # fmt: skip
    return "rgb"
