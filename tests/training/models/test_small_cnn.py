"""Our own convolutional network and its blocks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tellapart.training.models.small_cnn import ConvBlock, Residual, SmallNet


def test_a_residual_block_begins_as_the_identity():
    block = Residual(4).train()
    x = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(block(x), x)


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
