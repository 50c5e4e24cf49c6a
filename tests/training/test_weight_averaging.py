"""Means of weights, against the same by hand."""

from __future__ import annotations

import pytest
import torch

from tellapart.training.weight_averaging import average_weights, ema_update, interpolate_weights


def test_an_average_by_hand():
    dice = torch.Generator().manual_seed(0)
    old, new = torch.rand(50, generator=dice), torch.rand(50, generator=dice)
    blend = ema_update(0.75)
    torch.testing.assert_close(blend(old, new, torch.tensor(300)), 0.75 * old + 0.25 * new)
    torch.testing.assert_close(blend(old, new, torch.tensor(2)), 0.25 * old + 0.75 * new)
    assert torch.equal(blend(old, old, torch.tensor(3)), old)
    assert blend(torch.arange(12), torch.arange(12), torch.tensor(3)).tolist() == list(range(12))


@pytest.mark.parametrize(("images", "characters", "share"), [(30, 10, 0.75), (0, 10, 0.0), (10, 0, 1.0)])
def test_a_trained_reader_counts_by_its_images(images, characters, share):
    initial, trained = (
        {"w": torch.tensor([1.0, -1.0]), "n": torch.tensor(3)},
        {"w": torch.tensor([2.0, 1.0]), "n": torch.tensor(9)},
    )
    result = interpolate_weights(initial, trained, images, characters)
    torch.testing.assert_close(result["w"], (1 - share) * initial["w"] + share * trained["w"])
    assert result["n"] == 9  # a count is not averaged


def test_the_mean_of_several_is_numpys_and_counts_are_the_firsts():
    dice = torch.Generator().manual_seed(1)
    several = [{"w": torch.rand(4, 3, generator=dice), "n": torch.tensor(n)} for n in range(3)]
    result = average_weights(several)
    expected = sum(each["w"].double().numpy() for each in several) / 3
    assert result["w"].numpy() == pytest.approx(expected, abs=1e-6)
    assert result["n"] == 0
