"""Features of a timm network for a reader."""

from __future__ import annotations

import pytest
import torch

from tellapart.core.errors import ConfigError
from tellapart.training.models.ctc_reader import CTCReader

LITE0 = "tf_efficientnet_lite0"


class TestReaderOnABackbone:
    """A reader on the features of a timm network; convnext_atto leaves out what is less than a whole column."""

    @pytest.mark.parametrize("backbone", ["test_efficientnet", "resnet10t", "convnext_atto"])
    def test_a_step_every_four_pixels(self, backbone):
        reader = CTCReader(12, 1, backbone=backbone, pretrained=False).eval()
        for height, width in ((40, 40), (40, 136), (64, 200)):
            logits, features = reader.with_features(torch.rand(2, 1, height, width))
            assert logits.shape == (2, CTCReader.steps(width), 12)
            assert features.shape[0] == 2

    def test_colours_are_as_its_weights_want_them(self):
        assert CTCReader(12, 3, backbone=LITE0, pretrained=False).mean == (0.5, 0.5, 0.5)
        assert CTCReader(12, 3, backbone="resnet10t", pretrained=False).mean == (0.485, 0.456, 0.406)
        assert CTCReader(12, 1, backbone="resnet10t", pretrained=False).mean == (0.5,)

    def test_one_that_takes_no_lines_is_refused(self):
        with pytest.raises(ConfigError, match=r"^backbone 'test_vit': it does not take pictures of any width"):
            CTCReader(12, 1, backbone="test_vit", pretrained=False)
