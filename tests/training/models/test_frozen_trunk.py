"""A network cut in two: the halves are the whole."""

from __future__ import annotations

import pytest
import torch

from tellapart.training.models.backbones import ConcatBackbones
from tellapart.training.models.classifier import Classifier
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.models.freezing import trainable
from tellapart.training.models.frozen_trunk import SplitNetwork, split_network

SIDE = 64


def network(name, classes=3):
    """An untrained classifier whose norms have seen something, so that none of them is the identity."""
    torch.manual_seed(0)
    model = Classifier(classes, name, pretrained=False)
    model.train()
    with torch.no_grad():
        for seed in range(2):
            model(pictures(4, seed))
    return model.eval()


def pictures(n=2, seed=9):
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def numbers(values):
    return {id(value) for value in values}


@pytest.fixture(scope="module", params=["resnet18", "tf_efficientnet_lite0", "test_convnext"])
def timms(request):
    return network(request.param)


@pytest.mark.parametrize("what", ["head", "last:1", "last:2", "last:3"])
def test_the_tail_of_the_trunk_is_the_model(timms, what):
    x = pictures()
    learning = trainable(timms, what)
    trunk = split_network(timms, learning, pictures(1))
    assert isinstance(trunk, SplitNetwork)
    with torch.inference_mode():
        torch.testing.assert_close(trunk.tail(trunk(x)), timms(x), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(timms(x)[0], timms(x)[1])  # it does look at the picture
    learns = numbers(parameter for module in learning for parameter in module.parameters())
    assert numbers(trunk.tail.parameters()) == learns
    assert numbers(trunk.body.parameters()) == numbers(timms.parameters()) - learns


def test_the_small_networks_head_is_cut_off():
    model = network("small")
    trunk = split_network(model, trainable(model, "head"), pictures(1))
    with torch.inference_mode():
        assert torch.equal(trunk.tail(trunk(pictures())), model(pictures()))
        assert torch.equal(trunk(pictures()), model.embed(pictures()))


def test_backbones_side_by_side_are_cut_at_the_head():
    model = network("test_convnext+test_convnext2")
    assert isinstance(model.backbone, ConcatBackbones)
    trunk = split_network(model, trainable(model, "head"), pictures(1))
    with torch.inference_mode():
        assert torch.equal(trunk.tail(trunk(pictures())), model(pictures()))


def test_several_blocks_of_a_dense_network_are_cut_too():
    model = network("densenet121")
    trunk = split_network(model, trainable(model, "last:2"), pictures(1))
    with torch.inference_mode():
        torch.testing.assert_close(trunk.tail(trunk(pictures())), model(pictures()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "what"),
    [("small", "last:1"), ("small", "last:3"), ("test_vit", "last:2"), ("test_mambaout", "last:1"),
     ("hrnet_w18_small", "last:1"), ("resnet18", "last:99")],
)  # fmt: skip
def test_what_cannot_be_cut_is_left_whole(name, what):
    torch.manual_seed(0)
    model = Classifier(3, name, pretrained=False).train()
    example = torch.rand(1, 3, 160 if name == "test_vit" else SIDE, 160 if name == "test_vit" else SIDE)
    assert split_network(model, trainable(model, what), example) is None
    assert all(module.training for module in model.modules())  # as it was before


def test_a_network_that_learns_all_or_reads_has_no_trunk():
    model = network("small")
    assert split_network(model, trainable(model, "all"), pictures(1)) is None
    assert split_network(CTCReader(5), trainable(CTCReader(5), "head"), torch.rand(1, 1, 24, 32)) is None


def test_the_modes_are_as_before():
    model = network("resnet18")
    model.get_submodule("backbone.layer4").train()
    before = {name: module.training for name, module in model.named_modules()}
    assert split_network(model, trainable(model, "last:1"), pictures(1)) is not None
    assert {name: module.training for name, module in model.named_modules()} == before
