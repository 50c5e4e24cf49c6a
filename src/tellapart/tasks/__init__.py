"""Lightning modules: loss, steps, optimiser, what is frozen. The networks themselves know none of this."""

from tellapart.tasks.base import Task
from tellapart.tasks.classify import ClassifyTask
from tellapart.tasks.read import ReadTask

__all__ = ["ClassifyTask", "ReadTask", "Task"]
