"""Features become places in a plane: clumps stay together, later points find them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from tellapart.evaluation.projection import project, project_later
from tellapart.metrics.pca import PCA


def clumps(n=40, seed=0):
    """Three clumps in 20 dimensions."""
    dice = np.random.default_rng(seed)
    centres = np.eye(3, 20) * 5
    of = np.repeat(np.arange(3), n)
    return (centres[of] + dice.normal(size=(3 * n, 20)) * 0.4).astype(np.float32), of


def agreement(at, of):
    """How often the nearest other on the map is of the same clump."""
    return KNeighborsClassifier(2).fit(at, of).kneighbors(at, return_distance=False)[:, 1]


@pytest.mark.parametrize("perplexity", [None, 5.0])
def test_clumps_stay_together(perplexity):
    features, of = clumps()
    points = PCA.of(features)(features)
    at = project(points, "tsne", perplexity=perplexity)
    assert at.shape == (120, 2)
    assert (of[agreement(at, of)] == of).mean() > 0.98
    assert np.array_equal(project(points, "tsne", perplexity=perplexity), at)


def test_later_points_find_their_clump():
    features, of = clumps()
    reduction = PCA.of(features)
    points = reduction(features)
    at = project(points, "tsne")
    later, of_later = clumps(10, seed=1)
    found = project_later(reduction(later), points, at)
    assert (KNeighborsClassifier(5).fit(at, of).predict(found) == of_later).all()
    moved = at + np.array([100, -40], np.float32)  # wherever the map stands, they stand on it
    assert np.abs(project_later(reduction(later), points, moved) - found - [100, -40]).max() < 0.1


def test_of_the_very_images_of_a_map_most_stand_where_they_stood():
    dice = np.random.default_rng(0)
    features = np.concatenate([clumps(30)[0], dice.normal(size=(15, 20)).astype(np.float32) - 4])  # one side is heavy
    points = PCA.of(features)(features)
    at = project(points, "tsne")
    apart = np.linalg.norm(project_later(points, points, at) - at, axis=1)
    assert np.median(apart) < 0.1 * np.ptp(at)
