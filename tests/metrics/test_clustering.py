"""k-means is scikit-learn's, and points in clusters are told from points without."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from tellapart.metrics.clustering import clusteredness, kmeans


def cloud(n=120, clusters=1, apart=0.0, size=12, seed=0):
    dice = np.random.default_rng(seed)
    centres = dice.normal(size=(clusters, size)) * apart
    return dice.normal(size=(n, size)) + centres[np.arange(n) % clusters]


@pytest.mark.parametrize(("clusters", "apart"), [(2, 3.0), (5, 4.0), (3, 0.0)])
def test_the_clustering_is_as_tight_as_scikit_learns(clusters, apart):
    points = cloud(clusters=clusters, apart=apart)
    found, within = kmeans(points, clusters)
    expected = KMeans(clusters, n_init=20, random_state=0).fit(points)
    assert within <= 1.02 * expected.inertia_
    centres = np.array([points[found == number].mean(axis=0) for number in range(clusters)])
    assert within == pytest.approx(((points - centres[found]) ** 2).sum())


def test_clusters_that_lie_apart_are_found():
    found, _ = kmeans(cloud(clusters=4, apart=8.0), 4)
    assert all(len(set(found[number::4].tolist())) == 1 for number in range(4))
    assert len(set(found.tolist())) == 4


def test_points_all_alike_are_one_cluster():
    found, within = kmeans(np.ones((6, 3)), 2)
    assert within == 0
    assert len(found) == 6


@pytest.mark.parametrize("seed", range(5))
def test_clusters_are_told_from_none(seed):
    assert clusteredness(cloud(clusters=3, apart=3.0, seed=seed), 3) < 0.8
    assert clusteredness(cloud(seed=seed), 3) > 0.95
