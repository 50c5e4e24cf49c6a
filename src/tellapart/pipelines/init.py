"""The verb `init`: a new project folder, whose steps DVC runs again when what they depend on has changed."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template
from typing import Literal

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_folder, contents

TASKS = ("classify", "read")  # that the steps of a project know
FILES = {  # of the project → in this package
    "params.yaml": "params.yaml",
    "dvc.yaml": "dvc.yaml",
    "Makefile": "Makefile",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/data.yml": "workflows/data.yml",
    ".github/workflows/model.yml": "workflows/model.yml",
}
DATA = "data"


def init(folder: str | Path, *, task: Literal["classify", "read"] = "classify") -> list[str]:
    """Write a new project: a place for data, options, steps for DVC, a Makefile, and workflows of CI with two gates.

    Args:
        folder: that is not there yet, or empty.
        task: what is to be learnt.

    Returns:
        The files and folders in it.

    Raises:
        ConfigError: the folder holds something, or there is no such task.

    Example:
        tellapart.init("photos")
    """
    target = Path(folder)
    if task not in TASKS:
        raise ConfigError(f"task {task!r}: known are {', '.join(TASKS)}")
    if target.exists() and (not target.is_dir() or any(contents(target))):
        raise ConfigError(f"{target}: there is something already; name a new folder, or an empty one")
    source = resources.files("tellapart.pipelines") / "project"
    with atomic_folder(target) as temporary:
        for name, template in FILES.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            text = Template((source / template).read_text(encoding="utf-8"))
            file.write_text(text.substitute(name=target.resolve().name, task=task), encoding="utf-8")
        (temporary / DATA).mkdir()
    return [*FILES, DATA]
