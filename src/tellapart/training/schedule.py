"""How long each stage trains where nobody decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tellapart.core.errors import ConfigError
from tellapart.training.config import Stage

UPDATES = 1200  # what learning from nothing takes, whatever the number of images: about two minutes
FINE_TUNING_UPDATES = 500  # of a reader that begins with another
FEWEST, MOST = 8, 150  # epochs
EFFORT_FACTORS = {"quick": 0.5, "good": 1.0, "best": 3.0}  # how much longer than usual learning from nothing takes
TRANSFER_STAGES = {
    "quick": [Stage("solve", epochs=1)],
    "good": [Stage("solve", epochs=1), Stage("all", epochs=6, lr=3e-4)],
    "best": [Stage("solve", epochs=1), Stage("all", epochs=15, lr=3e-4)],
}


def without_pretrained(
    images: int, batch_size: int, lr: float, effort: str = "good", updates: int = UPDATES
) -> list[Stage]:
    """One stage over the whole network, of as many epochs as make so many updates.

    Args:
        images: how many images an epoch has.
        batch_size: images a step.
        lr: the peak learning rate.
        effort: quick, good or best, which multiply the epochs.
        updates: how many steps a ``good`` effort takes.

    >>> [stage.epochs for n in (40, 800, 100_000) for stage in without_pretrained(n, 32, 1e-3)]
    [150, 48, 8]
    """
    steps = -(-images // batch_size)
    epochs = min(max(round(updates / steps), FEWEST), MOST)
    return [Stage("all", epochs=max(1, round(epochs * EFFORT_FACTORS[effort])), lr=lr)]


def scale_rates(stages: Sequence[Stage], lr: float) -> list[Stage]:
    """The stages with learning rates in the same proportions, the highest of which is ``lr``.

    >>> [s.lr for s in scale_rates([Stage("solve"), Stage("head", lr=0.004), Stage("all", lr=0.001)], 0.02)]
    [0.001, 0.02, 0.005]

    Raises:
        ConfigError: no stage has a learning rate, as a head in closed form has none.
    """
    learning = [stage.lr for stage in stages if stage.train != "solve"]
    if not learning:
        raise ConfigError("lr: a head in closed form has no learning rate; leave it out, or give another --effort")
    factor = lr / max(learning)
    return [stage if stage.train == "solve" else replace(stage, lr=stage.lr * factor) for stage in stages]


def scale_epochs(stages: Sequence[Stage], epochs: int) -> list[Stage]:
    """The stages scaled to a number of epochs in all; with few, the earlier stages fall away first.

    >>> [s.epochs for s in scale_epochs([Stage("head", 4, 1e-3), Stage("all", 6, 1e-3)], 5)]
    [2, 3]
    >>> [s.train for s in scale_epochs([Stage("head", 4, 1e-3), Stage("all", 6, 1e-3)], 1)]
    ['all']
    >>> [s.train for s in scale_epochs([Stage("solve", 1), Stage("all", 6, 1e-3)], 1)]
    ['solve', 'all']
    """
    if stages and stages[0].train == "solve":  # no epochs to scale
        return [stages[0], *(scale_epochs(stages[1:], epochs) if stages[1:] else [])]
    total = sum(stage.epochs for stage in stages)
    ends = [0, *(round(epochs * sum(s.epochs for s in stages[: i + 1]) / total) for i in range(len(stages)))]
    shares = [high - low for low, high in pairwise(ends)]
    if shares[-1] == 0:
        shares = [*([0] * (len(shares) - 1)), epochs]
    return [replace(stage, epochs=share) for stage, share in zip(stages, shares, strict=True) if share]
