"""A model's name → the network that turns images into features: a bundle's own, or a pretrained backbone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.evaluation.feature_extraction import FeatureExtractor, Floats
from tellapart.inference.base_model import is_shipped
from tellapart.inference.bundle import Bundle
from tellapart.inference.fetching import is_remote
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess


def feature_extractor(model: str | Path) -> FeatureExtractor:
    """A run's or a bundle's network, or a timm backbone by its name, with ImageNet weights.

    Raises:
        BundleError: no bundle, or one of an earlier version, without features.
        ConfigError: neither a folder nor a backbone.
    """
    if is_shipped(model) or is_remote(model) or Path(model).exists():
        bundle = Bundle.open(model)
        predictor = Predictor(bundle)
        return FeatureExtractor(f"bundle {bundle.version[:16]}", bundle.task, bundle.preprocess, predictor.features)
    return _backbone(str(model))


def _backbone(name: str) -> FeatureExtractor:
    """Torch is loaded here only."""
    import torch

    from tellapart.training.models.backbones import timm_backbone

    model: Any = timm_backbone(name, 3, pretrained=True).eval()
    config = model.pretrained_cfg
    side = int(config["input_size"][1])
    spec = Preprocess(side, side, 3, mean=tuple(config["mean"]), std=tuple(config["std"]))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))

    def features(pixels: npt.NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            return np.asarray(model((x - mean) / std).float(), np.float32)

    weights = hashlib.sha256(b"".join(value.numpy().tobytes() for value in list(model.state_dict().values())[:4]))
    return FeatureExtractor(f"{name} {weights.hexdigest()[:16]}", None, spec, features)
