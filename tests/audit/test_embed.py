"""The network that is not trained: folding changes nothing, features tell pictures apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tellapart.audit import look
from tellapart.embed import Embedder, fold_norms
from tellapart.models.classifier import timm_backbone
from tellapart.plan import DEFAULT_BACKBONE


def test_folding_the_norms_changes_no_answer():
    torch.manual_seed(0)
    model = timm_backbone(DEFAULT_BACKBONE, 3, pretrained=True).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = model(x)
        fold_norms(model)
        after = model(x)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def embedder():
    return Embedder()


def test_features_have_their_shapes_and_repeat(embedder, drawing):
    pixels = np.stack([np.asarray(drawing(seed).resize((224, 224))) for seed in range(3)])
    content, style = embedder(pixels)
    assert content.shape == (3, 1280)
    assert style.shape == (3, 384)
    assert content.dtype == style.dtype == np.float16
    alone, _ = embedder(pixels[1:2])
    assert np.corrcoef(alone[0].astype(float), content[1].astype(float))[0, 1] > 0.999


def test_an_audit_with_a_network_says_so(drawing, tmp_path, embedder):
    for label in ("disc", "box"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for seed in range(8):
            drawing(seed * 2 + (label == "box"), label).save(tmp_path / "set" / label / f"{seed}.png")
    found = look(tmp_path / "set", out=tmp_path / "a")
    assert found.about["evidence"] == embedder.name
    assert found.checks["label_errors"].facts["evidence"] == f"features of {embedder.name}"
    again = look(tmp_path / "set", out=tmp_path / "a")
    assert again.summary() == found.summary()
