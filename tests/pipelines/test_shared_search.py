"""Several workers share one search; what a dead one left is taken up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

optuna = pytest.importorskip("optuna", reason="Optuna is not installed (extra tune)")

from tellapart.core.errors import ConfigError  # noqa: E402
from tellapart.pipelines.shared_search import check_storage, opened, take_up, worker  # noqa: E402

ABOUT = {"config": {"seed": 1}, "space": {"lr": [0.1, 0.2]}, "data": "abc"}


@pytest.fixture
def storage(tmp_path):
    return str(tmp_path / "search.journal")


def test_the_same_search_is_shared_and_another_is_not(storage, tmp_path):
    with opened(storage, tmp_path, ABOUT, optuna.pruners.NopPruner()) as first:
        first.tell(first.ask(), 0.5)
        with opened(storage, tmp_path, ABOUT, optuna.pruners.NopPruner()) as second:
            assert second.best_value == 0.5
        with opened(storage, tmp_path, ABOUT | {"data": "other"}, optuna.pruners.NopPruner()) as other:
            assert other.trials == []
    assert (tmp_path / "space.yaml").read_text() == "lr:\n- 0.1\n- 0.2\n"


def test_a_dead_workers_trial_is_taken_up_and_a_living_ones_is_left(storage, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with opened(storage, tmp_path, ABOUT, optuna.pruners.NopPruner()) as study:
        for process in (gone.pid, os.getpid()):
            trial = study.ask()
            trial.suggest_float("lr", 0, 1)
            trial.set_user_attr("worker", f"{worker().split()[0]} {process}")
        lost = study.trials[0].params
        take_up(study)
        assert [trial.state.name for trial in study.trials] == ["FAIL", "RUNNING", "WAITING"]
        again = study.ask()
        assert again.suggest_float("lr", 0, 1) == lost["lr"]


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("sqlite:///a.db", "storage sqlite://: several machines would damage it; give FILE.journal or "
                           "postgresql://USER@HOST/NAME"),
        ("redis://a", "storage redis://: no database that they can share; give FILE.journal or "
                      "postgresql://USER@HOST/NAME"),
        ("search.db", "storage 'search.db': give FILE.journal, on a disk of all machines, or postgresql://..."),
    ],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused(storage, words, refuses):
    with refuses(ConfigError, words):
        check_storage(storage)


def test_a_database_is_named_as_it_is_asked_for():
    check_storage("postgresql+psycopg://user:secret@host/name")
