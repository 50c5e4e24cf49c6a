"""Means of weights: of one training's updates, of a training and its beginning, of several trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Weights = dict[str, Tensor]  # by their names in the network


def interpolate_weights(initial: Weights, trained: Weights, images: int, characters: int) -> Weights:
    """The weights between those that a reader began with and those trained: nearer to the first, the fewer images.

    A few images teach a reader by heart what it then reads worse elsewhere. The mean of both networks' weights reads
    better than either (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022); its share is that of a prior
    worth one image for each character of the alphabet.

    Args:
        initial: the weights of a network that reads already.
        trained: the weights after the training.
        images: how many images were trained on.
        characters: how many characters the alphabet has.

    Returns:
        The mean, in which ``trained`` has the share images / (images + characters); what is counted is that of
        ``trained``.

    >>> interpolate_weights({"w": torch.zeros(1)}, {"w": torch.ones(1)}, images=30, characters=10)["w"]
    tensor([0.7500])
    """
    share = images / (images + characters)
    return {
        name: torch.lerp(initial[name], value, share) if value.is_floating_point() else value
        for name, value in trained.items()
    }


def ema_update(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The exponential moving average that Lightning's ``WeightAveraging`` updates after each step.

    What did not change stays as it is to the bit, and counts are not averaged. The first updates decay faster, by
    (1 + updates) / (10 + updates): else an average over few of them would hold what the training began with
    (TensorFlow's ``ExponentialMovingAverage``).

    Args:
        decay: the share of the old average after many updates, from 0 up to 1.

    Returns:
        A function of the average, the new weights and the number of updates before.

    >>> update = ema_update(0.9)
    >>> [update(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor(n)).item() for n in (5, 500)]
    [1.600000023841858, 1.100000023841858]
    >>> ema_update(0.9)(torch.tensor([7]), torch.tensor([8]), torch.tensor(5))
    tensor([8])
    """

    def update(average: Tensor, new: Tensor, updates: Tensor) -> Tensor:
        if not average.is_floating_point():
            return new
        n = int(updates)
        return torch.lerp(average, new, 1 - min(decay, (1 + n) / (10 + n)))

    return update


def average_weights(trained: Sequence[Weights]) -> Weights:
    """The mean of the weights of networks that began alike; of what is counted, the first's.

    At which step a reader says a letter is its own, so the answers of two have no mean. But networks that were trained
    from the same weights lie in one valley, and the network amid them is more often right than each (Wortsman et
    al., "Model soups", 2022).

    >>> average_weights([{"w": torch.zeros(1)}, {"w": torch.ones(1)}])["w"]
    tensor([0.5000])
    """
    return {
        name: torch.stack([weights[name] for weights in trained]).mean(dim=0) if value.is_floating_point() else value
        for name, value in trained[0].items()
    }
