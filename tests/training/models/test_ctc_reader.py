"""The CTC reader: a step every 4 px, whatever the width."""

from __future__ import annotations

import pytest
import torch

import tellapart
from tellapart.inference.bundle import Bundle
from tellapart.training.models.ctc_reader import Column, CTCReader


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(48, 32), (48, 192), (24, 64), (64, 1024)])
def test_the_reader_has_a_step_every_4_px(channels, height, width):
    model = CTCReader(11, channels).eval()
    with torch.inference_mode():
        logits = model(torch.randn(1, channels, height, width))
    assert logits.shape == (1, width // 4, 11)
    assert CTCReader.steps(width) == width // 4


def test_a_readers_answer_does_not_depend_on_its_companions():
    model = CTCReader(11).eval()
    x = torch.rand(3, 1, 48, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-4, atol=1e-5)


def test_a_reader_on_a_backbone_trains_and_is_packed(texts, text_options, tmp_path):
    options = {**text_options, "backbone": "test_efficientnet", "pretrained": False, "epochs": 1}
    result = tellapart.train(texts, out=tmp_path / "run", **options)
    bundle = Bundle.open(result["bundle"])
    assert bundle.manifest.training["backbone"] == "test_efficientnet"
    assert bundle.manifest.parity.different_answers == 0


def test_the_column_is_the_filter_over_the_means_of_the_thirds_whatever_the_height():
    torch.manual_seed(0)
    column = Column(5).eval()
    with torch.no_grad():
        column[2].running_mean.normal_()
        column[2].weight.normal_()
        for rows, window in ((3, 1), (4, 2), (5, 3)):
            x = torch.randn(2, 5, rows, 7)
            means = x.unfold(2, window, 1).mean(dim=4)
            torch.testing.assert_close(column(x), column[3](column[2](column[1](means))))
        short = torch.randn(2, 5, 2, 7)
        torch.testing.assert_close(column(short), column(column[0](short)))
