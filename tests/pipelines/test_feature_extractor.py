"""A model's name becomes the network that makes features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tellapart.core.errors import ConfigError
from tellapart.inference.base_model import BASE
from tellapart.inference.predictor import Predictor
from tellapart.pipelines.feature_extractor import feature_extractor
from tellapart.training.models.backbones import timm_backbone


def test_a_bundle_is_its_own_network(shape_bundle):
    extractor, predictor = feature_extractor(shape_bundle), Predictor(shape_bundle)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *_size(extractor.spec)), dtype=np.uint8)
    assert extractor.name == f"bundle {predictor.bundle.version[:16]}"
    assert extractor.task == "classify"
    assert np.array_equal(extractor.features(pixels), predictor.features(pixels))


def test_the_shipped_reader_has_a_name():
    assert feature_extractor(BASE).task == "read"


def test_a_backbone_sees_normalised_pixels():
    extractor = feature_extractor("tf_efficientnet_lite0")
    assert extractor.task is None
    pixels = np.random.default_rng(0).integers(0, 256, (2, *_size(extractor.spec)), dtype=np.uint8)
    features = extractor.features(pixels)
    model = timm_backbone("tf_efficientnet_lite0", 3, pretrained=True).eval()
    mean, std = (np.array(model.pretrained_cfg[name], np.float32) for name in ("mean", "std"))
    scaled = ((pixels / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        expected = model(torch.from_numpy(np.ascontiguousarray(scaled))).numpy()
    assert features.dtype == np.float32
    assert np.allclose(features, expected, atol=1e-4)
    assert feature_extractor("tf_efficientnet_lite0").name == extractor.name


def test_neither_a_folder_nor_a_backbone():
    with pytest.raises(ConfigError, match="no_such_net"):
        feature_extractor("no_such_net")


def _size(spec):
    return spec.height, spec.width, spec.channels
