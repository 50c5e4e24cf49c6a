"""Image to text: connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tellapart.inference.charset import Charset
from tellapart.inference.ctc import decode_ctc
from tellapart.metrics.text import reading_scores
from tellapart.training.tasks.base import Task

ABSENT = -1e4  # a logit that leaves no chance


class ReadTask(Task):
    """``texts`` by catalog row; the charset holds all their characters.

    Args:
        unseen: characters that no training text holds but the network knows from elsewhere. They take no part in the
            training's softmax: else it would learn, from their absence alone, never to read them.
    """

    def __init__(self, *args: Any, texts: list[str], charset: Charset, unseen: Iterable[str] = ()) -> None:
        super().__init__(*args)
        self.texts = texts
        self.charset = charset
        self.unseen = torch.tensor(charset.encode("".join(unseen)), dtype=torch.long)

    def loss(self, logits: Tensor, rows: Tensor, *, training: bool) -> Tensor:
        """logits: N, T, K."""
        encoded = [self.charset.encode(self.texts[row]) for row in rows.tolist()]
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

    def validation_figures(self, seen: list[tuple[Tensor, Tensor, float]]) -> dict[str, float]:
        """Exact match is the score; character errors and the loss break ties, and lead while it is zero.

        Logits that are no numbers have no score: such weights are no result.
        """
        if not all(bool(logits.isfinite().all()) for logits, _, _ in seen):
            return {"loss": math.nan, "exact_match": 0.0, "cer": 1.0, "score": -math.inf}
        truth, read = [], []
        for logits, rows, _ in seen:
            truth += [self.texts[row] for row in rows.tolist()]
            read += [reading.text for reading in decode_ctc(logits.softmax(dim=2).numpy(), self.charset)]
        loss = sum(loss * len(rows) for _, rows, loss in seen) / len(truth)
        figures = reading_scores(truth, read)
        exact, cer = figures["exact_match"]["value"], figures["cer"]["value"]
        return {
            "loss": loss,
            "exact_match": exact,
            "cer": cer,
            "score": exact - 0.1 * min(cer, 1.0) - 0.001 * min(loss, 10.0),
        }
