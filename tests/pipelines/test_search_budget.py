"""A search ends when its budget is spent, and its dice follow from the trials that ended by themselves."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from tellapart.core.errors import ConfigError
from tellapart.pipelines.search_budget import MINUTES, Budget, seeded_sampler, trials_of


def study(*states, error=None):
    made = optuna.create_study()
    for state in states:
        attributes = {"seconds": 20.0, **({"error": error} if error and state == TrialState.FAIL else {})}
        made.add_trial(
            create_trial(
                state=state,
                value=1.0 if state == TrialState.COMPLETE else None,
                params={"x": 0.5},
                distributions={"x": FloatDistribution(0, 1)},
                user_attrs=attributes,
            )
        )
    return made


def test_a_budget_is_of_time_or_of_trials():
    assert Budget.of(None, None) == Budget(MINUTES, None)
    ended = study(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    assert Budget.of(2, None).seconds_left(ended) == 60
    assert Budget.of(None, 3).seconds_left(ended) == math.inf  # what was stopped counts for no trial
    assert Budget.of(None, 2).seconds_left(ended) == 0
    for minutes, trials in ((0, None), (math.nan, None), (None, 0)):
        with pytest.raises(ConfigError, match="give"):
            Budget.of(minutes, trials)


def drawn(made):
    made.sampler = seeded_sampler(made, 7)
    return made.ask({"x": FloatDistribution(0, 1)}).params["x"]


def test_a_killed_trial_changes_no_draw_and_one_that_ended_does():
    first = drawn(study(TrialState.COMPLETE))
    assert drawn(study(TrialState.COMPLETE, TrialState.FAIL)) == first
    assert drawn(study(TrialState.COMPLETE, TrialState.FAIL, error="too little memory")) != first
    assert drawn(study(TrialState.COMPLETE, TrialState.PRUNED)) != first
    assert len(trials_of(study(TrialState.COMPLETE, TrialState.FAIL), TrialState.FAIL)) == 1
