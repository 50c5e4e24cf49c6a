"""Which modules learn in a stage, and the order of a network's blocks."""

from __future__ import annotations

import pytest

from tellapart.core.errors import ConfigError
from tellapart.training.models.classifier import Classifier
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.models.freezing import trainable

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def lite0():
    return Classifier(3, LITE0).eval()


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


def test_backbones_side_by_side_have_no_last_blocks():
    both = Classifier(3, "tf_efficientnet_lite0+tf_efficientnet_lite1", pretrained=False)
    with pytest.raises(ConfigError, match="no common order of blocks"):
        trainable(both, "last:2")


def test_last_blocks_of_a_reader_on_a_timm_backbone():
    reader = CTCReader(12, 1, backbone="test_efficientnet", pretrained=False)
    head, *last = trainable(reader, "last:4")
    assert head is reader.head
    assert last[-3:] == [reader.features.join, reader.column, reader.context]
    assert last[0] in list(reader.features.network.modules())
