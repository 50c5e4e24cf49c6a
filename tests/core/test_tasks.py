"""The tasks by their names, and their refusal."""

from __future__ import annotations

import pytest

from tellapart.core.errors import InputError
from tellapart.core.tasks import ANSWERS, MODELS, TASKS, check_task


def test_each_task_is_said_in_words():
    assert set(ANSWERS) == set(MODELS) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_is_known_passes(task):
    check_task(task, "here", "anything", [task])


def test_another_is_refused_with_what_is_known(refuses):
    with refuses(InputError, "t.csv: several labels an image (tag); drift knows classify and read only"):
        check_task("tag", "t.csv", "drift")
