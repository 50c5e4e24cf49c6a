"""The tasks by their names, and the refusal of one that a command does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tellapart.core.errors import InputError

TaskName = Literal["classify", "read", "tag"]
TASKS: tuple[TaskName, ...] = ("classify", "read", "tag")
CLEANED: tuple[TaskName, ...] = ("classify", "read")  # whose labels `clean` and `prepare` can mend
ANSWERS = {"classify": "one class an image", "read": "a text an image", "tag": "several labels an image"}
MODELS = {"classify": "classifier", "read": "reader", "tag": "tagger"}  # what a model of each task is called


def check_task(task: str, source: object, what: str, known: Sequence[str] = ("classify", "read")) -> None:
    """Refuse data, or a model, of a task that a command does not know.

    Args:
        task: of the data or the model.
        source: its name, for the message.
        what: the command, in words that begin the reason, such as ``balance``.
        known: the tasks that it knows.

    Raises:
        InputError: the task is none of them.

    >>> check_task("tag", "photos.csv", "balance", ["classify"])
    Traceback (most recent call last):
    tellapart.core.errors.InputError: photos.csv: several labels an image (tag); balance knows classify only
    """
    if task not in known:
        raise InputError(f"{source}: {ANSWERS.get(task, task)} ({task}); {what} knows {' and '.join(known)} only")
