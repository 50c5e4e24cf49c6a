"""How long stages train: scaled to a number of epochs, or by a number of updates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tellapart.training.config import Stage
from tellapart.training.schedule import FEWEST, MOST, UPDATES, scale_epochs, without_pretrained

# Stages that can be told apart by their rate.
stages = st.lists(st.integers(1, 60), min_size=1, max_size=5).map(
    lambda epochs: [Stage("all", each, lr=0.1 / (n + 1)) for n, each in enumerate(epochs)]
)


@given(stages, st.integers(1, 8) | st.integers(1, 400))
def test_scaled_stages_have_as_many_epochs_as_asked(some_stages, epochs):
    scaled = scale_epochs(some_stages, epochs)
    assert sum(stage.epochs for stage in scaled) == epochs
    assert all(stage.epochs >= 1 for stage in scaled)
    rates = [stage.lr for stage in scaled]
    assert rates == [stage.lr for stage in some_stages if stage.lr in rates], "in their order"
    assert rates[-1] == some_stages[-1].lr, "the last stage never falls away"


@given(stages, st.integers(1, 20))
def test_scaled_stages_keep_their_shares(some_stages, times):
    total = sum(stage.epochs for stage in some_stages)
    assert scale_epochs(some_stages, total) == some_stages
    assert [stage.epochs for stage in scale_epochs(some_stages, total * times)] == [
        stage.epochs * times for stage in some_stages
    ]


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_learning_from_nothing_takes_its_updates(images, batch_size):
    (stage,) = without_pretrained(images, batch_size, 1e-3)
    assert (stage.train, stage.lr) == ("all", 1e-3)
    assert FEWEST <= stage.epochs <= MOST
    steps = -(-images // batch_size)
    if FEWEST < stage.epochs < MOST:
        assert abs(stage.epochs * steps - UPDATES) <= steps / 2
