"""Lightning modules: loss, steps, optimiser, what is frozen. The networks themselves know none of this."""

from tellapart.training.tasks.base import Task
from tellapart.training.tasks.classification import ClassifyTask
from tellapart.training.tasks.recognition import ReadTask

__all__ = ["ClassifyTask", "ReadTask", "Task"]
