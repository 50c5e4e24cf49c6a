"""How far a search may go, how far it has come, and the dice that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import optuna
from optuna.trial import TrialState

from tellapart.core.errors import ConfigError

MINUTES = 30.0  # where nobody states a budget
RANDOM = 8  # trials drawn at random before the search learns from them

Study = optuna.study.Study
Frozen = optuna.trial.FrozenTrial


@dataclass(frozen=True)
class Budget:
    """How long a search may take in all.

    Args:
        minutes: of training, in all trials together; None for no limit.
        trials: complete or pruned ones; None for no limit.
    """

    minutes: float | None
    trials: int | None

    @classmethod
    def of(cls, minutes: float | None, trials: int | None) -> Budget:
        """The budget as stated, or `MINUTES` where nothing is.

        >>> Budget.of(None, None)
        Budget(minutes=30.0, trials=None)

        Raises:
            ConfigError: no time, or no trial.
        """
        if minutes is None and trials is None:
            minutes = MINUTES
        if minutes is not None and not 0 < minutes < math.inf:
            raise ConfigError(f"minutes {minutes}: give a number above 0")
        if trials is not None and trials < 1:
            raise ConfigError(f"trials {trials}: give at least 1")
        return cls(minutes, trials)

    def seconds_left(self, study: Study) -> float:
        """The seconds that a study may still take; 0 once its trials are done."""
        if self.trials is not None and len(trials_of(study, TrialState.COMPLETE, TrialState.PRUNED)) >= self.trials:
            return 0.0
        spent = sum(trial.user_attrs.get("seconds", 0.0) for trial in study.get_trials(deepcopy=False))
        return math.inf if self.minutes is None else 60 * self.minutes - spent


def seeded_sampler(study: Study, seed: int) -> optuna.samplers.BaseSampler:
    """What draws the next settings: its dice follow from how many trials have ended by themselves.

    So a search that goes on never draws again what it drew, and draws what it would have drawn had nothing stopped it.
    """
    ended = trials_of(study, TrialState.COMPLETE, TrialState.PRUNED)
    failed = [trial for trial in trials_of(study, TrialState.FAIL) if "error" in trial.user_attrs]
    return optuna.samplers.TPESampler(seed=seed * 1009 + len(ended) + len(failed), n_startup_trials=RANDOM)


def trials_of(study: Study, *states: TrialState) -> list[Frozen]:
    """The trials of a study in some states."""
    return study.get_trials(deepcopy=False, states=states)
