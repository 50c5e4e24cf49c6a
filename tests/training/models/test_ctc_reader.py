"""The CTC reader: a step every 4 px, whatever the width."""

from __future__ import annotations

import pytest
import torch

import tellapart
from tellapart.inference.bundle import Bundle
from tellapart.training.models.ctc_reader import CTCReader


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
