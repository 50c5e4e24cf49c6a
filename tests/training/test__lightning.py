"""Lightning comes after torchvision has been mended."""

from __future__ import annotations

import sys

import pytorch_lightning
import pytorch_lightning.callbacks
import pytorch_lightning.plugins.io

from tellapart.training import _lightning


def test_the_names_are_lightnings():
    assert _lightning.pl is pytorch_lightning
    assert _lightning.TorchCheckpointIO is pytorch_lightning.plugins.io.TorchCheckpointIO
    for name in ("EarlyStopping", "ModelCheckpoint", "WeightAveraging"):
        assert getattr(_lightning, name) is getattr(pytorch_lightning.callbacks, name)


def test_torchvision_is_there_when_lightning_is():
    assert "torchvision" in sys.modules
