"""The tasks by their names."""

from __future__ import annotations

from tellapart.training.tasks.base import Task
from tellapart.training.tasks.classification import ClassificationTask
from tellapart.training.tasks.recognition import RecognitionTask
from tellapart.training.tasks.tagging import TaggingTask

TASKS: dict[str, Task] = {task.name: task for task in (ClassificationTask(), RecognitionTask(), TaggingTask())}


def get_task(name: str | None) -> Task:
    """The strategy of a task.

    Args:
        name: as a catalog and a configuration write it; None, of a configuration that is not planned yet, is classify.

    Raises:
        KeyError: there is no such task.

    >>> get_task("read").averages_weights, get_task(None).name
    (True, 'classify')
    """
    return TASKS[name or ClassificationTask.name]
