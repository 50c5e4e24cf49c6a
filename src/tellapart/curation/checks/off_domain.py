"""Detect a minority kind: photos among drawings, or drawings, screenshots and cards among photos.

No label is used.

Cameras and drawing programs leave traces that hold for any subject: a photo's neighbouring pixels nearly never
agree exactly, a drawing's nearly always do. Pictures that show this beyond doubt are the first examples of
either kind; a linear discriminant then learns from them what the kind looks like in this very set, and calls
the doubtful ones. (Seeds and two steps of expectation maximisation with one covariance for both: McLachlan 1975.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.data.image_statistics import NAMES

FEWEST = 40  # pictures, below which no kind of them is told
FEWEST_SEEDS = 5  # pictures of the minority beyond doubt, and
SEED_SHARE = 0.01  # their share of the set: fewer are chance
MOST = 0.35  # a larger share is no minority
DIMENSIONS = (32, 64, 128)
STEPS = {"pixels": 3, "network": 2}

Array = npt.NDArray[Any]

_AT = {name: place for place, name in enumerate(NAMES)}
_SHARES = [place for place, name in enumerate(NAMES) if name.startswith(("step_", "colour_1", "colour_4", "grain_flat",
           "ripple_none", "grey_", "background")) or name == "foreground"]  # fmt: skip


def certain_seeds(measures: Array) -> tuple[Array, Array]:
    """Return two masks: which pictures are photos beyond doubt, and which are drawings.

    The bounds are on the share of neighbours that are exactly equal, away from the background: in photographs one in
    twenty to one in five, in clip art more than half.

    Args:
        measures: N, M as `tellapart.data.image_statistics` gives them.
    """
    flat, soft = measures[:, _AT["step_0_foreground"]], measures[:, _AT["step_1"]]
    photos = (flat < 0.15) & (soft < 0.75) & (measures[:, _AT["entropy_foreground"]] > 6)
    drawings = (flat > 0.5) & (measures[:, _AT["colours_foreground"]] < 5)
    return photos, drawings


def minority_probability(measures: Array, style: Array | None = None) -> tuple[Array, str]:
    """Return for each picture the probability that it is of the minority kind, N, and a sentence on that kind.

    Args:
        measures: N, M as `tellapart.data.image_statistics` gives them.
        style: N, S of a network; None to use the measures instead.
    """
    n = len(measures)
    none = np.zeros(n, np.float32)
    photos, drawings = certain_seeds(measures)
    kind, mask = ("photos", photos) if photos.sum() < drawings.sum() else ("drawings, screenshots or cards", drawings)
    other = "drawings" if kind == "photos" else "photos"
    if n < FEWEST or mask.sum() < max(FEWEST_SEEDS, SEED_SHARE * n):
        return none, "one kind of picture throughout"
    feature_sets = [_numbers(measures)] if style is None else [_standard(style.astype(np.float64))]
    likely = mask.astype(np.float64)
    for _ in range(STEPS["pixels" if style is None else "network"]):
        likely = np.mean([_discriminant(axes, likely) for features in feature_sets for axes in _axes(features)], axis=0)
    share = float((likely >= 0.5).mean())
    if share > MOST:
        return none, f"two kinds, {kind} ({share:.0%}) and {other}: neither is a minority"
    return likely.astype(np.float32), f"{kind} among {other}"


def _numbers(measures: Array) -> Array:
    values = measures.astype(np.float64)
    values[:, _SHARES] = np.log((values[:, _SHARES] + 0.01) / (1.01 - np.clip(values[:, _SHARES], 0, 1)))
    values[:, _AT["sharpness"]] = np.log1p(values[:, _AT["sharpness"]])
    return _standard(values)


def _standard(values: Array) -> Array:
    result: Array = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    return result


def _axes(features: Array) -> list[Array]:
    """Return principal components of unit variance, in several numbers of them."""
    spread, directions = np.linalg.eigh(features.T @ features / len(features))
    spread, directions = spread[::-1], directions[:, ::-1]
    most = min(features.shape[1] - 1, len(features) // 8)
    counts = sorted({min(count, most) for count in DIMENSIONS})
    return [features @ directions[:, :count] / np.sqrt(spread[:count] + 1e-9) for count in counts]


def _discriminant(axes: Array, likely: Array) -> Array:
    """Return new probabilities after one step: two Gaussians of one covariance, weighted by the old ones."""
    weights = np.stack([1 - likely, likely], axis=1)
    share = weights.mean(axis=0)
    means = (weights.T @ axes) / weights.sum(axis=0)[:, None]
    apart = [axes - mean for mean in means]
    covariance = sum((a * weights[:, [k]]).T @ a for k, a in enumerate(apart)) / len(axes)
    inverse = np.linalg.inv(covariance + 0.01 * np.eye(axes.shape[1]))
    far = [np.einsum("nd,nd->n", a @ inverse, a) for a in apart]
    odds = np.log(share[1] / share[0]) - 0.5 * (far[1] - far[0])
    result: Array = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
    return result
