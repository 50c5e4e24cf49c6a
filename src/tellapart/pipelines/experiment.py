"""Trainings of one plan, one after the other, and their comparison on the same test images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, cast

from tellapart.core.errors import ConfigError, TellapartError, describe_os_error
from tellapart.core.files import write_json
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log
from tellapart.core.tasks import check_task
from tellapart.data.catalog import Catalog
from tellapart.data.opening import check_source
from tellapart.evaluation.compare import compare
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.preconditions import check_training
from tellapart.pipelines.train import check_run_folder, open_split, plan_training, train
from tellapart.training.experiment_plan import ExperimentPlan, PlannedRun, read_plan
from tellapart.training.options import TrainOptions
from tellapart.training.run_folder import CONFIG, MODEL, Run

RESULT, PAGE = "experiment.json", "compare.html"


class RunOutcome(TypedDict):
    """How a run of an experiment ended: ``finished``, or ``failed`` with an error."""

    name: str
    group: str
    run: str
    state: str
    seconds: float | None
    error: str | None
    same_as: str | None


class SeedSummary(TypedDict):
    """The score of the runs that differ in their seed alone."""

    group: str
    n: int
    mean: float
    lowest: float
    highest: float


class ExperimentResult(TypedDict):
    """What `experiment` answers."""

    folder: str
    runs: list[RunOutcome]
    seeds: list[SeedSummary]
    comparison: dict[str, Any] | None
    page: str | None


def experiment(plan: str | Path | Mapping[str, Any], *, out: str | Path | None = None) -> ExperimentResult:
    """Train every run of a plan, and compare them on the same test images.

    The data is read, split and sampled once, by the seed of the shared options, so that every run has the same test
    part. All options are checked before the first training. The same call again trains what is not done: a run that
    was stopped goes on, one that failed is tried again, one that is finished stays. The others go on where one fails.

    Args:
        plan: a YAML file, or the same as a mapping: ``data``, ``options`` that all runs share, ``seeds``, and ``runs``,
            name to options; see `tellapart.training.experiment_plan.read_plan`.
        out: a folder, which gets a run folder for each run, experiment.json and compare.html; by default ``runs/`` and
            the name of the file.

    Returns:
        ``folder``; ``runs``, each with ``name``, ``group`` (its name in the plan), ``run`` (its folder), ``state``
        (``finished`` or ``failed``), ``seconds``, ``error``, and ``same_as`` (the name of another run whose model is
        the same); ``seeds``, with several seeds for each name of the plan the mean, lowest and highest score;
        ``comparison``, what `tellapart.compare` says of the finished runs, None of fewer than two different models; and
        ``page``.

    Raises:
        ConfigError: a plan that cannot be trained as it stands, with the name of the run, or a folder of another
            training.
        CatalogError, TextError: data that cannot be trained on, or of which no images are left to test with.

    Example:
        tellapart.experiment("plan.yaml", out="runs/plan")
    """
    planned = read_plan(plan)
    folder = Path(out) if out is not None else Path("runs") / _name(plan)
    if (folder / CONFIG).is_file():
        raise ConfigError(f"{folder}: a run; give another --out, for a folder of runs")
    for source in planned.data:
        check_source(source)
    for run in planned.runs:
        with _names(f"{planned.name}: run {run.name}"):
            check_training(run.config, finished=(folder / run.name / MODEL).is_file())
    with hold_folder(folder):
        with _names(f"{planned.name}: options"):
            catalog = open_split(planned.data, planned.shared)
        check_task(catalog.task, catalog.source, "experiment")
        if not catalog.rows("test"):
            raise ConfigError(f"{catalog.source}: no test part, which the runs are compared on; split it with one")
        _check_runs(planned, catalog, folder)
        outcomes = [_trained(planned, number, catalog, folder) for number in range(len(planned.runs))]
        comparison = _compared(outcomes, folder / PAGE)
        result: ExperimentResult = {
            "folder": str(folder),
            "runs": outcomes,
            "seeds": _seed_summaries(outcomes, comparison),
            "comparison": comparison,
            "page": None if comparison is None else str(folder / PAGE),
        }
        write_json(folder / RESULT, result)
    return result


def _name(plan: str | Path | Mapping[str, Any]) -> str:
    return "experiment" if isinstance(plan, Mapping) else Path(plan).stem


# --- before ----------------------------------------------------------------------------------------


@contextmanager
def _names(where: str) -> Iterator[None]:
    """Options that do not fit are said with their place in the plan."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _check_runs(plan: ExperimentPlan, catalog: Catalog, folder: Path) -> None:
    """Check every run with its data and its folder, before the first training.

    Raises:
        ConfigError: a run cannot be trained, its folder holds another training, or it is like another run.
        CatalogError: data that cannot be trained on.
    """
    known: dict[str, PlannedRun] = {}
    for run in plan.runs:
        with _names(f"{plan.name}: run {run.name}"):
            path, config = folder / run.name, run.config
            if config.preprocess == "auto":  # what pictures are seen in is found out once, by the training itself
                before = Run.open(path).config.preprocess if (path / CONFIG).is_file() else "none"
                config = replace(config, preprocess=before)
            data = open_split([catalog], config)  # as the training opens it
            whole = plan_training(config, data)
            check_run_folder(path, data, whole)
            if (twin := known.setdefault(repr(whole), run)) is not run:
                raise ConfigError(f"the same options as run {twin.name}; leave one of the two out")


# --- the trainings and their comparison ----------------------------------------------------------------


def _trained(plan: ExperimentPlan, number: int, catalog: Catalog, folder: Path) -> RunOutcome:
    """Train a run, or see that it is done; an error is kept and logged."""
    run = plan.runs[number]
    path = folder / run.name
    log(f"run {number + 1} of {len(plan.runs)}: {run.name}")
    outcome: RunOutcome = {
        "name": run.name,
        "group": run.group,
        "run": str(path),
        "state": "finished",
        "seconds": None,
        "error": None,
        "same_as": None,
    }
    try:
        outcome["seconds"] = train(catalog, out=path, **cast("TrainOptions", run.options))["seconds"]
    except (TellapartError, OSError) as error:
        outcome["state"] = "failed"
        outcome["error"] = describe_os_error(error) if isinstance(error, OSError) else str(error)
        log(f"run {run.name} failed: {outcome['error']}")
    return outcome


def _compared(outcomes: list[RunOutcome], page: Path) -> dict[str, Any] | None:
    """The comparison of the runs that are finished, of one and the same model the first."""
    first: dict[str, str] = {}
    models = []
    for outcome in outcomes:
        if outcome["state"] == "finished":
            twin = first.setdefault(Bundle.open(outcome["run"]).version, outcome["name"])
            if twin == outcome["name"]:
                models.append(outcome["run"])
            else:
                outcome["same_as"] = twin
                log(f"note: run {outcome['name']} became the same model as {twin}, and is compared as that one")
    if len(models) < 2:
        page.unlink(missing_ok=True)
        log("note: fewer than two different models are finished, so there is nothing to compare")
        return None
    return compare(models, report=page)


def _seed_summaries(outcomes: list[RunOutcome], comparison: dict[str, Any] | None) -> list[SeedSummary]:
    """The mean, lowest and highest score of the runs of one name; none where no name has several."""
    if comparison is None:
        return []
    score = "exact_match" if comparison["task"] == "read" else "accuracy"
    scores = {model["name"]: model[score]["value"] for model in comparison["models"]}
    values: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        if outcome["state"] == "finished":
            values[outcome["group"]].append(scores[outcome["same_as"] or outcome["name"]])
    if len(values) == sum(map(len, values.values())):
        return []
    return [
        {"group": group, "n": len(each), "mean": sum(each) / len(each), "lowest": min(each), "highest": max(each)}
        for group, each in values.items()
    ]
