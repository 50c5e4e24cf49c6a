"""The minority kind, both ways round, and silence where there is one kind."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.curation.checks.off_domain import minority_probability
from tellapart.data.image_statistics import image_statistics


@pytest.fixture(scope="module")
def measures(drawing, photo):
    drawings = np.stack([image_statistics(drawing(seed, ("disc", "box")[seed % 2])) for seed in range(150)])
    photos = np.stack([image_statistics(photo(seed)) for seed in range(150)])
    return drawings, photos


@pytest.mark.parametrize("few", [6, 20, 40])
def test_photos_among_drawings(measures, few):
    drawings, photos = measures
    likely, what = minority_probability(np.concatenate([drawings, photos[:few]]))
    assert what == "photos among drawings"
    assert not (likely[:150] >= 0.5).any()
    assert (likely[150:] >= 0.5).sum() >= few - 1


@pytest.mark.parametrize("few", [6, 20, 40])
def test_drawings_among_photos(measures, few):
    drawings, photos = measures
    likely, what = minority_probability(np.concatenate([photos, drawings[:few]]))
    assert what == "drawings, screenshots or cards among photos"
    assert set(range(150, 150 + few)) >= set((likely >= 0.5).nonzero()[0].tolist())
    assert (likely[150:] >= 0.5).mean() > 0.8


def test_one_kind_is_left_alone(measures):
    for one in measures:
        likely, what = minority_probability(one)
        assert what == "one kind of picture throughout"
        assert not likely.any()


def test_halves_are_no_minority(measures):
    likely, what = minority_probability(np.concatenate(measures))
    assert "neither is a minority" in what
    assert not likely.any()


def test_few_images_are_not_judged(measures):
    assert minority_probability(measures[0][:10])[1] == "one kind of picture throughout"
