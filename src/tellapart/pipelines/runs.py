"""The runs of a folder side by side: data, options that differ, figures with intervals, and time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError, TellapartError
from tellapart.core.progress import log
from tellapart.data.catalog_file import catalog_metadata
from tellapart.pipelines.tracking import flatten
from tellapart.training.run_folder import CONFIG, DATA, MEMBERS, Run


def runs(folder: str | Path = "runs") -> dict[str, Any]:
    """List the runs in a folder, at any depth, the latest last; members of an ensemble are no runs of their own.

    Args:
        folder: where to look.

    Returns:
        ``runs``, each with ``name`` (its path in the folder), ``task``, ``state`` (``finished``, ``trained`` without
        figures, ``stopped`` or ``new``), ``data`` (``source``, ``n``, ``fingerprint``), ``options`` (those that are not
        the same in all runs listed), ``figures`` (those of the test part that have an interval), ``split``, ``seconds``
        and ``changed`` (when, UTC).

    Raises:
        ConfigError: there is no such folder, or no run in it.

    Example:
        tellapart.runs("experiments")
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(f"{folder}: no such folder; name one that holds runs")
    listed, options = [], []
    for path in _run_folders(root):
        try:
            run = Run.open(path)
            listed.append(_describe(run, root))
        except (TellapartError, OSError, ValueError, KeyError) as error:
            log(f"note: {path}: left out, as it cannot be read as a run: {error}")
            continue
        options.append(flatten(run.config.to_dict()))
    if not listed:
        raise ConfigError(f"{folder}: no run in this folder (a run is a folder with {CONFIG} and {DATA})")
    names = list(dict.fromkeys(name for each in options for name in each))
    differ = [name for name in names if len({json.dumps(each.get(name)) for each in options}) > 1]
    for each, own in zip(listed, options, strict=True):
        each["options"] = {name: own[name] for name in differ if name in own}
    return {"folder": str(folder), "runs": sorted(listed, key=lambda each: (each["changed"], each["name"]))}


def _run_folders(root: Path) -> Iterator[Path]:
    """Folders of runs, whatever lies within a run left out."""
    for where, folders, files in os.walk(root):
        if CONFIG in files and DATA in files:
            folders.clear()
            yield Path(where)
        folders[:] = sorted(name for name in folders if name != MEMBERS and not name.startswith("."))


def _describe(run: Run, root: Path) -> dict[str, Any]:
    catalog, metrics = run.catalog(), run.metrics()
    state = "finished" if metrics else "trained" if run.finished else "stopped" if run.started else "new"
    seconds = run.environment().get("seconds")
    if seconds is None and run.started:
        seconds = round(sum(float(line["seconds"]) for lines in run.histories().values() for line in lines), 1)
    times = [file.stat().st_mtime for file in run.path.iterdir() if file.is_file()]
    name = run.path.relative_to(root).as_posix()
    return {
        "name": run.path.resolve().name if name == "." else name,
        "path": str(run.path),
        "task": run.config.task,
        "state": state,
        "data": {"source": _source(run.path / DATA), "n": len(catalog.rows()), "fingerprint": catalog.fingerprint},
        "options": {},
        "split": metrics.get("split", "test") if metrics else None,
        "figures": {
            key: value for key, value in (metrics or {}).items() if isinstance(value, dict) and "ci95" in value
        },
        "seconds": seconds,
        "changed": datetime.fromtimestamp(max(times), UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }


def _source(data: Path) -> str:
    """What a run's catalog was made of, which its file remembers."""
    return str((catalog_metadata(data) or {}).get("source") or data)
