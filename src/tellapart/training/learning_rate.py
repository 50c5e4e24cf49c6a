"""How the learning rate runs over the steps of a stage."""

from __future__ import annotations

import math

WARM_UP = 0.1  # share of a stage's steps


def learning_rate_factor(step: int, steps: int, kind: str = "cosine", level: float = 1.0) -> float:
    """Return the share of the peak learning rate at a step: up along a line, then down along a cosine, or at a level.

    Warm-up after Goyal et al. (2017), the cosine after Loshchilov & Hutter (2017).

    Args:
        step: from 0.
        steps: how many the stage has.
        kind: ``cosine``, or another schedule, whose ``level`` holds after the warm-up.
        level: a share of the peak, for other schedules than the cosine.

    >>> learning_rate_factor(0, 100) < learning_rate_factor(10, 100)
    True
    >>> round(learning_rate_factor(10, 100), 2), round(learning_rate_factor(99, 100), 2)
    (1.0, 0.0)
    >>> learning_rate_factor(50, 100, "step", 0.9 ** 2)
    0.81
    """
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return level * (step + 1) / (warm + 1)
    if kind != "cosine":
        return level
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
