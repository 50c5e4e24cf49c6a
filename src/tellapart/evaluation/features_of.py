"""Images → features: of a bundle's own network, or of a backbone that nobody here has trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tellapart.core.parallel import map_threads
from tellapart.core.progress import track
from tellapart.data.catalog import Catalog
from tellapart.inference.bundle import Bundle, Predictor, batched_by_width
from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import BASE

Floats = npt.NDArray[np.float32]


class FeatureExtractor(NamedTuple):
    """What turns model pixels into features, and what names it: maps of another one do not fit."""

    name: str
    task: str | None  # what a bundle was trained to; a backbone was to neither
    spec: Preprocess
    features: Callable[[npt.NDArray[np.uint8]], Floats]


def feature_extractor(model: str | Path) -> FeatureExtractor:
    """A run's or a bundle's network, or a timm backbone by its name, with ImageNet weights.

    Raises:
        BundleError: no bundle, or one of an earlier version, without features.
        ConfigError: neither a folder nor a backbone.
    """
    if model == BASE or Path(model).exists():
        bundle = Bundle.open(model)
        predictor = Predictor(bundle)
        return FeatureExtractor(f"bundle {bundle.version[:16]}", bundle.task, bundle.preprocess, predictor.features)
    return _backbone(str(model))


def extract_features(look: FeatureExtractor, catalog: Catalog, rows: list[int]) -> Floats:
    """N, F features of these rows, in their order."""
    files = catalog.column("file")

    def load(item: tuple[int, bytes]) -> tuple[int, npt.NDArray[np.uint8]]:
        row, data = item
        return row, look.spec.load(data, files[row])

    found: dict[int, Floats] = {}
    for keys, pixels in batched_by_width(track(map_threads(load, catalog.read(rows)), "looking", len(rows))):
        found.update(zip(keys, look.features(pixels), strict=True))
    return np.stack([found[row] for row in rows])


def _backbone(name: str) -> FeatureExtractor:
    """Torch is loaded here only."""
    import torch

    from tellapart.training.models.classifier import timm_backbone

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
