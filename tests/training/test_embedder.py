"""The network that is not trained: folding changes nothing, features tell pictures apart."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from tellapart.curation.audit import run_audit
from tellapart.training.embedder import Embedder, fold_norms, map_batches
from tellapart.training.models.backbones import DEFAULT_BACKBONE, timm_backbone


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
    found = run_audit(tmp_path / "set", out=tmp_path / "a", embedder=Embedder)
    assert found.about["evidence"] == embedder.name
    assert found.checks["label_errors"].facts["evidence"] == f"features of {embedder.name}"
    again = run_audit(tmp_path / "set", out=tmp_path / "a", embedder=Embedder)
    assert again.summary() == found.summary()


# --- batches side by side, a thread each


@pytest.fixture
def threads():
    """Sets torch's threads, and puts back what was."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_how_many_lanes_there_are_changes_no_bit_of_an_answer(threads):
    network = timm_backbone("tf_efficientnet_lite0", 3, pretrained=False).eval()
    batches = list(torch.rand(11, 3, 64, 64, generator=torch.Generator().manual_seed(0)).split(2))

    def answer(batch):
        with torch.inference_mode():
            return network(batch)

    found = []
    for lanes in (1, 2, 3):
        threads(lanes)
        found.append(torch.cat(list(map_batches(answer, batches, "cpu"))))
        assert torch.get_num_threads() == lanes
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_each_lane_computes_on_one_thread_and_as_many_run_at_once_as_torch_has(threads):
    threads(3)
    met = threading.Barrier(3, timeout=20)  # passed only by three at once

    def look(number):
        met.wait()
        return number, torch.get_num_threads()

    assert list(map_batches(look, iter(range(6)), "cpu")) == [(number, 1) for number in range(6)]


def test_an_error_in_a_lane_reaches_the_caller_and_the_threads_are_put_back(threads):
    threads(2)
    with pytest.raises(ZeroDivisionError):
        list(map_batches(lambda number: 1 / number, [1, 0, 2], "cpu"))
    assert torch.get_num_threads() == 2


def test_on_an_accelerator_batches_go_one_after_the_other(threads):
    threads(2)
    here = threading.get_ident()
    assert list(map_batches(lambda _: threading.get_ident(), [1, 2], "cuda")) == [here, here]
