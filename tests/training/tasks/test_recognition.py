"""The CTC loss and the figures of texts, against references."""

from __future__ import annotations

import math

import pytest
import torch

from tellapart.inference.charset import Charset
from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.tasks.recognition import NO_TEXT, RecognitionModule


def read(texts=("147", "40", "7", ""), **options):
    spec = Preprocess(height=24, width=None, channels=1)
    config = TrainConfig(**{"augment": "none", **options})
    charset = Charset(("0", "1", "4", "7"))
    return RecognitionModule(CTCReader(5), spec, config, Stage("all"), 0, texts=list(texts), charset=charset)


def test_letters_that_no_text_holds_are_not_unlearnt():
    logits = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    common = (CTCReader(5), Preprocess(height=24, width=None, channels=1), TrainConfig(augment="none"), Stage("all"), 0)
    task = RecognitionModule(*common, texts=["147", "4"], charset=Charset(("0", "1", "4", "7")), unseen=["0"])
    task.loss(logits, torch.tensor([0, 1]), training=True).backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[:, :, 1].any()
    assert logits.grad[:, :, [0, 2, 3, 4]].any(dim=(0, 1)).all()
    # What validates is what answers: there they count.
    assert task.loss(logits, torch.tensor([0, 1]), training=False) > task.loss(
        logits, torch.tensor([0, 1]), training=True
    )


def test_the_loss_of_texts_is_ctc():
    """Against the sum over all paths, by brute force."""
    from itertools import groupby, product

    task = read(["147", "40", "7", "44"])
    logits = torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(0))
    probabilities = logits.double().softmax(dim=2).numpy()
    losses = []
    for place, text in enumerate(task.texts):
        target = task.charset.encode(text)
        total = sum(
            math.prod(probabilities[place, step, symbol] for step, symbol in enumerate(path))
            for path in product(range(5), repeat=5)
            if [symbol for symbol, _ in groupby(path) if symbol] == target
        )
        losses.append(-math.log(total) / len(target))  # torch's mean is over characters first
    loss = task.loss(logits, torch.arange(4), training=True)
    assert float(loss) == pytest.approx(sum(losses) / 4, rel=1e-4)


def test_reading_figures():
    task = read(["147", "40"])
    logits = torch.full((2, 6, 5), -9.0)
    for place, path in enumerate(([2, 0, 3, 3, 4, 0], [3, 0, 2, 0, 0, 0])):  # "147" and "41"
        for step, symbol in enumerate(path):
            logits[place, step, symbol] = 9.0
    figures = task.validation_figures([(logits, torch.tensor([0, 1]), 0.25)])
    assert figures["exact_match"] == 0.5
    assert figures["cer"] == pytest.approx(1 / 5)
    assert figures["score"] == pytest.approx(0.5 - 0.1 * 0.2 - 0.001 * 0.25)
    assert [(each.row, each.truth, each.answer) for each in task.answers] == [(0, "147", "147"), (1, "40", "41")]
    assert float(task.share_right(logits, torch.tensor([0, 1]))) == 0.5
    assert float(task.share_right(logits, torch.tensor([0, -1]))) == 0.5, "an image without a text has none to read"
    assert float(task.share_right(torch.zeros(1, 4, 5), torch.tensor([-1]))) == 1.0


def test_a_share_of_a_step_s_images_teaches_to_read_nothing():
    pixels, rows = torch.randint(0, 255, (8, 40, 64, 1), dtype=torch.uint8), torch.arange(8)
    charset = Charset(("a", "b"))
    spec, stage = Preprocess(height=40, width=None, channels=1, pad="edge"), Stage()
    config = TrainConfig(task="read", augment="none", textless=0.5)
    module = RecognitionModule(
        CTCReader(charset.size), spec, config, stage, 0, texts=["ab"] * 8, charset=charset, unseen=[]
    )
    module.dice = torch.Generator().manual_seed(0)
    seen = []
    module.training_loss = lambda x, rows: seen.append((x, rows)) or module.loss(module.logits(x), rows, training=True)
    module.log = lambda *args, **options: None
    loss = module.training_step((pixels, rows), 0)
    assert loss.isfinite()
    ((x, taught),) = seen
    assert 4 <= int((taught == NO_TEXT).sum()) <= 5
    kept = taught != NO_TEXT
    torch.testing.assert_close(x[kept], module.scale(pixels[kept]))
    assert torch.equal(rows, torch.arange(8))  # the batch of the loader is left alone
