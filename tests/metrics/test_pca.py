"""Principal axes against scikit-learn, on few and on many images, and packed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA as SKLEARN
from sklearn.preprocessing import normalize

from tellapart.metrics.pca import PCA


@pytest.mark.parametrize(("n", "width"), [(120, 20), (15, 40)], ids=["covariance", "singular vectors"])
def test_the_reduction_is_that_of_scikit_learn(n, width):
    features = np.random.default_rng(0).normal(size=(n, width)).astype(np.float32) * np.linspace(
        3, 1, width, dtype=np.float32
    )
    ours, theirs = PCA.of(features)(features), SKLEARN(10).fit_transform(normalize(features))
    np.testing.assert_allclose(np.abs(ours[:, :10]), np.abs(theirs), atol=1e-5)


def test_the_largest_share_of_each_axis_points_up():
    axes = PCA.of(np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)).axes
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] > 0).all()


def test_the_length_of_features_does_not_matter():
    features = np.random.default_rng(2).normal(size=(30, 6)).astype(np.float32)
    reduction = PCA.of(features)
    np.testing.assert_allclose(reduction(features * 7), reduction(features), atol=1e-6)


def test_what_is_packed_is_unpacked_to_the_bit():
    reduction = PCA.of(np.random.default_rng(3).normal(size=(30, 6)).astype(np.float32), 4)
    again = PCA.from_json(json.loads(json.dumps(reduction.to_json())))
    np.testing.assert_array_equal(again.mean, reduction.mean)
    np.testing.assert_array_equal(again.axes, reduction.axes)
    assert again.axes.shape == (6, 4)
