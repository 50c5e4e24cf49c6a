"""The tasks by their names."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from tellapart.training.config import TrainConfig
from tellapart.training.tasks.classification import ClassificationTask
from tellapart.training.tasks.recognition import RecognitionTask
from tellapart.training.tasks.registry import TASKS, get_task


def test_the_tasks_are_those_that_a_configuration_may_name():
    (names, _) = get_args(get_type_hints(TrainConfig)["task"])
    assert set(TASKS) == set(get_args(names))
    assert all(task.name == name for name, task in TASKS.items())


def test_a_task_is_found_by_its_name():
    assert isinstance(get_task("read"), RecognitionTask)
    assert isinstance(get_task("classify"), ClassificationTask)
    assert get_task(None) is get_task("classify")
    with pytest.raises(KeyError):
        get_task("guess")
