"""Weights from a file: whatever they are called and wrapped in, they are the network's, or refused by name."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.models.backbone_weights import load_backbone_weights, read_state_dict
from tellapart.training.models.backbones import timm_backbone

mend_torchvision()

import timm  # noqa: E402

NAME = "resnet10t"


def network(classes=0, name=NAME, **options):
    return timm.create_model(name, pretrained=False, num_classes=classes, **options)


@pytest.fixture(scope="module")
def whole():
    """A trained network with a head for seven classes; its statistics are no beginner's."""
    torch.manual_seed(1)
    model = network(7)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
    return model


def same(model, whole):
    theirs = whole.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("wrap", [
    lambda state: state,
    lambda state: {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}},
    lambda state: {"model": {f"backbone.{name}": value for name, value in state.items()}},
    lambda state: {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")},
    lambda state: {f"layer.{n}.{name.split('.')[-1]}": value for n, (name, value) in enumerate(state.items())
                   if not name.startswith("fc.")},
])  # fmt: skip
def test_state_dicts_of_all_kinds_are_the_networks(whole, wrap, tmp_path):
    torch.save(wrap(whole.state_dict()), tmp_path / "weights.pth")
    model = network()
    load_backbone_weights(model, tmp_path / "weights.pth")
    assert same(model, whole)


def test_safetensors_and_a_head_that_is_left_out(whole, tmp_path, capsys):
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    assert same(timm_backbone(NAME, 3, pretrained=str(tmp_path / "w.safetensors")), whole)
    assert (
        f"{tmp_path / 'w.safetensors'}: its head for 7 classes is left out; a new one learns\n"
        in capsys.readouterr().err
    )


def test_torchvisions_efficient_network_is_timms_by_its_order(tmp_path):
    from torchvision.models import efficientnet_b0

    torch.manual_seed(2)
    theirs = efficientnet_b0(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "b0.pth")
    ours = timm_backbone("efficientnet_b0", 3, pretrained=str(tmp_path / "b0.pth")).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = theirs.avgpool(theirs.features(x)).flatten(1)
        torch.testing.assert_close(ours(x), expected, rtol=1e-3, atol=1e-4)


def test_a_grey_network_takes_the_sum_of_the_colours(whole, tmp_path):
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    grey = timm_backbone(NAME, 1, pretrained=str(tmp_path / "w.safetensors")).eval()
    colour = timm_backbone(NAME, 3, pretrained=str(tmp_path / "w.safetensors")).eval()
    x = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(grey(x), colour(x.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    save_file(network(name="resnet14t").state_dict(), tmp_path / "w.safetensors")
    text = (
        r"w\.safetensors: not weights of resnet10t: it has layer1.0.bn3.+; of other shapes .+; name its own --backbone$"
    )
    with pytest.raises(ConfigError, match=text):
        load_backbone_weights(network(), tmp_path / "w.safetensors")


class Code:
    """Not a tensor."""


@pytest.mark.parametrize(("value", "words"), [
    (Code(), "it holds more than tensors, which is not loaded, as it may run code; save the network's state_dict"),
    ([1, 2], "no state dict, which maps names to tensors"),
    ({"epoch": 3}, "no state dict, which maps names to tensors"),
])  # fmt: skip
def test_what_is_no_state_dict_is_refused(value, words, tmp_path):
    torch.save(value, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match=f"w\\.pt: {words}"):
        read_state_dict(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors", "gone.pth"])
def test_what_is_damaged_or_gone_is_said(name, tmp_path):
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"not weights that can be read|more than tensors"):
        read_state_dict(tmp_path / name)
