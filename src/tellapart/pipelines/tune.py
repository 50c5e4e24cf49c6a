"""Many short trainings in search of a better configuration, within a budget; the test part is never seen."""

from __future__ import annotations

import math
import shutil
import sqlite3
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import optuna
import yaml
from optuna.trial import TrialState

from tellapart.core.errors import ConfigError, TellapartError, join_some, pluralize
from tellapart.core.files import atomic_file, contents
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.data.opening import check_source
from tellapart.pipelines import shared_search
from tellapart.pipelines.preconditions import check_training
from tellapart.pipelines.search_budget import Budget, seeded_sampler, trials_of
from tellapart.pipelines.train import check_data, open_split
from tellapart.pipelines.training_view import with_preprocess
from tellapart.training.auto_config import plan
from tellapart.training.config import TrainConfig, make_config
from tellapart.training.loop import lightning_quiet
from tellapart.training.options import TrainOptions
from tellapart.training.run_folder import DATA
from tellapart.training.search_space import (
    Space,
    config_of_trial,
    default_space,
    draw,
    encode_settings,
    format_value,
    open_options,
    read_space,
    validate_space,
    values_of_config,
)
from tellapart.training.tasks.registry import get_task
from tellapart.training.trial import PruningCallback, TimeUpError, run_trial
from tellapart.viz.importance_bars import draw_importance_bars

BEST, SPACE, PICTURE, STUDY, TRIALS = "best.yaml", "space.yaml", "importances.png", "study.db", "trials"
UNPRUNED = 5  # trials that are trained to their end before others are compared with them
TRUSTED = 0.25  # share of the epochs before which no trial is pruned
COMPARABLE = 4  # complete trials from where it can be told what mattered
FAILURES = 3  # in a row, and something is wrong with the space or the data

Study = optuna.study.Study


class TuneResult(TypedDict):
    """What `tune` answers."""

    best: dict[str, Any]
    config: str
    score: float
    untuned: float | None
    trials: dict[str, int]
    importances: dict[str, float]
    picture: str


def tune(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    space: str | Path | Mapping[str, Any] | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    storage: str | None = None,
    **options: Unpack[TrainOptions],
) -> TuneResult:
    """Search for options that validate better than what ``train`` would decide by itself.

    The data is split once, by seed, as ``train`` splits it; trials learn from the train part and are compared on the
    val part, and the rows of the test part are dropped before the first. The score is the best of many on one val
    part, so it flatters: what the found configuration is worth, ``train`` says on the test part.

    The first trial is the untuned configuration. Trials that fall behind are pruned. The budget is of the whole
    search: the same call again goes on until it is spent, and answers at once when it is; with more, it goes on. A
    trial that was stopped or killed counts as failed, and towards no number of trials.

    Args:
        data: any source, or a catalog.
        out: folder of the search; by default ``runs/NAME-tune``. It holds best.yaml, space.yaml, importances.png,
            study.db (Optuna, sqlite), and a folder a trial with its configuration, history and log.
        minutes: of training in all; 30 if no budget is given. The trial that runs then is stopped after its epoch; the
            first one always ends.
        trials: complete or pruned ones in all.
        space: a YAML file, or the same as a mapping, see `tellapart.training.search_space`. It replaces the default
            space, and what it leaves out is fixed. The default space holds what neither ``options`` nor ``config``
            decides.
        recipe: a packaged recipe, as for ``train``.
        config: a YAML file of options, as for ``train``.
        storage: where machines share one search: a file on a disk of all, ``FILE.journal``, or a database,
            ``postgresql://...``. The same call on each of them, with a folder of its own, is a worker; the budget is
            of all together, and the trial of a worker that died is taken up again.
        options: see `tellapart.training.config.TrainConfig`.

    Returns:
        ``best`` (the configuration, whole), ``config`` (the same as YAML that ``train`` takes), ``score`` (accuracy
        less a hundredth of the loss, on val), ``untuned`` (that of the first trial, if it was the untuned one),
        ``trials`` (how many complete, pruned and failed), ``importances`` (option to share), ``picture``.

    Raises:
        ConfigError: unknown options or values, a folder that holds something else or that another command works in, or
            trials that fail in a row.
        CatalogError, TextError: data that cannot be trained on.

    Example:
        tellapart.tune("photos", out="runs/photos-tune", minutes=10)
    """
    asked = make_config(recipe, config, options)
    check_source(data)
    check_training(asked, packs=False)
    budget = Budget.of(minutes, trials)
    searched = None if space is None else validate_space(space) if isinstance(space, Mapping) else read_space(space)
    source = Path(data.source if isinstance(data, Catalog) else data)
    folder = Path(out) if out is not None else Path("runs") / f"{source.stem or 'data'}-tune"
    if storage is not None:
        shared_search.check_storage(storage)
    if folder.is_dir() and contents(folder) and not any((folder / name).is_file() for name in (STUDY, SPACE)):
        raise ConfigError(f"{folder}: not empty and not a search; give another --out")
    with hold_folder(folder):
        catalog = _without_test(data, asked)
        check_data(catalog, allow_lost_classes=asked.allow_lost_classes)
        get_task(catalog.task).check_decisions(asked, catalog)
        asked = with_preprocess(asked, catalog)
        planned = plan(asked, catalog)
        searched = searched or open_options(default_space(planned, catalog), asked, options)
        if not searched:
            raise ConfigError("nothing to search: every option is decided; leave some out, or give a --space")
        about = {"config": asked.to_dict(), "space": searched, "data": catalog.fingerprint}
        opened = _opened if storage is None else partial(shared_search.opened, storage)
        with opened(folder, about, _pruner(planned)) as study, lightning_quiet():
            log(
                f"{folder}: tuning {', '.join(searched)} on {len(catalog.rows('train')):,} images, judged by "
                f"{len(catalog.rows('val')):,}; the test part is left alone"
            )
            _enqueue_untuned(study, planned, searched)
            seed = asked.seed if storage is None else None
            _search(study, TrialRunner(searched, asked, planned, catalog, folder / TRIALS, seed), budget, folder)
            return _write(study, folder)


# --- before ----------------------------------------------------------------------------------------


def _without_test(data: str | Path | Catalog, config: TrainConfig) -> Catalog:
    """The train and val rows; the test part's are gone from here on."""
    catalog = open_split([data], config)
    return replace(catalog, table=catalog.table.filter([part in ("train", "val") for part in catalog.column("split")]))


def _pruner(config: TrainConfig) -> optuna.pruners.BasePruner:
    epochs = sum(stage.epochs for stage in config.stages or [])
    return optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=round(TRUSTED * epochs))


@contextmanager
def _opened(folder: Path, about: dict[str, Any], pruner: optuna.pruners.BasePruner) -> Iterator[Study]:
    """The study in a folder that is held, new or gone on with; what a killed search left running has failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = (folder / STUDY).resolve()  # not in the address: there, some signs of a path would mean something else
    storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": lambda: sqlite3.connect(file)})
    try:
        study = optuna.create_study(
            storage=storage, study_name="tune", direction="maximize", pruner=pruner, load_if_exists=True
        )
        if study.trials and (odd := _differences(study.user_attrs["about"], about)):
            raise ConfigError(f"{folder}: holds another search ({join_some(odd)}); give another --out, or remove it")
        study.set_user_attr("about", about)
        for trial in trials_of(study, TrialState.RUNNING):
            study.tell(trial.number, state=TrialState.FAIL)
        write_space(folder / SPACE, about["space"])
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def write_space(path: Path, space: Space) -> None:
    """Write what is searched, as YAML."""
    with atomic_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(dict(space), sort_keys=False), encoding="utf-8")


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    odd = [
        f"{key} {before[part].get(key)!r} there, {now[part].get(key)!r} here"
        for part in ("config", "space")
        for key in {**before[part], **now[part]}
        if before[part].get(key) != now[part].get(key)
    ]
    return odd + ["other data"] * (before["data"] != now["data"])


def _enqueue_untuned(study: Study, planned: TrainConfig, space: Space) -> None:
    """Let a search that has no result yet begin with the untuned configuration."""
    if all(trial.state == TrialState.FAIL and "error" not in trial.user_attrs for trial in study.trials):
        known = values_of_config(planned, space)
        study.enqueue_trial(encode_settings(known), {"untuned": known.keys() == space.keys()})


# --- a trial -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialRunner:
    """What all trials of a search share.

    Args:
        space: the options that are searched.
        asked: the configuration as the caller states it.
        planned: the same with what the data decides filled in.
        catalog: the train and val parts.
        folder: a folder for the trials, each in one of its own.
        seed: of what is drawn; None where others draw too, each by dice of its own.
    """

    space: Space
    asked: TrainConfig
    planned: TrainConfig
    catalog: Catalog
    folder: Path
    seed: int | None

    def run(self, study: Study, seconds: float) -> TellapartError | None:
        """Train with the study's next settings, tell the study its score, and log a line about it.

        Args:
            study: draws the settings and keeps the score.
            seconds: the trial stops after the epoch in which these are over.

        Returns:
            Why the trial failed, if it failed by itself.
        """
        began = time.perf_counter()
        shared_search.take_up(study)
        if self.seed is not None:
            study.sampler = seeded_sampler(study, self.seed)
        trial = study.ask()
        trial.set_user_attr("worker", shared_search.worker())
        settings = draw(trial, self.space)
        callback = PruningCallback(trial, seconds)
        run = self.folder / f"{trial.number:03d}"
        state, score, outcome, error = TrialState.FAIL, None, "stopped", None
        try:
            config = config_of_trial(self.asked, self.planned, settings, self.catalog)
            whole = replace(config, ensemble=self.asked.ensemble, cv_folds=self.asked.cv_folds)
            trial.set_user_attr("config", whole.to_dict())
            score = run_trial(run, replace(config, ensemble=1, cv_folds=0), self.catalog, callback)
            state, outcome = TrialState.COMPLETE, f"score {score:.4f}"
        except optuna.TrialPruned:
            state, outcome = TrialState.PRUNED, f"pruned after epoch {callback.epoch}"
        except TimeUpError:
            outcome = f"stopped after epoch {callback.epoch}, the time is up"
        except TellapartError as failure:
            error, outcome = failure, f"failed: {failure}"
            trial.set_user_attr("error", str(failure))
        finally:
            spent = time.perf_counter() - began
            trial.set_user_attr("seconds", spent)
            study.tell(trial, score, state)
            shutil.rmtree(run / "checkpoints", ignore_errors=True)
            (run / DATA).unlink(missing_ok=True)
            values = ", ".join(f"{option} {format_value(option, value)}" for option, value in settings.items())
            log(f"{callback.start}trial {trial.number}: {outcome}; {spent:.0f} s; {values}")
        return error


def _search(study: Study, trials: TrialRunner, budget: Budget, folder: Path) -> None:
    """Run trials until the budget is spent; the best so far is written after each.

    Raises:
        ConfigError: trials fail in a row.
    """
    failures = 0
    while (left := budget.seconds_left(study)) > 0:
        if not trials_of(study, TrialState.COMPLETE):
            left = math.inf  # whatever the budget, there is an answer
        error = trials.run(study, left)
        failures = failures + 1 if error else 0
        if failures == FAILURES:
            raise ConfigError(f"{folder}: {FAILURES} trials in a row failed; mend what the last one says: {error}")
        if trials_of(study, TrialState.COMPLETE):
            _write(study, folder)


# --- after -------------------------------------------------------------------------------------------


def _write(study: Study, folder: Path) -> TuneResult:
    """The best configuration so far as YAML, the picture of what mattered, and what `tune` answers."""
    complete = trials_of(study, TrialState.COMPLETE)
    best = study.best_trial
    untuned = next((trial.value for trial in complete if trial.user_attrs.get("untuned")), None)
    header = (
        f"# The best of {pluralize(len(complete), 'complete trial')} on the val part: trial {best.number}, score "
        f"{best.value:.4f}" + (f" (untuned {untuned:.4f})" if untuned is not None else "") + ".\n"
        f"# tellapart train DATA --config {BEST}\n"
    )
    with atomic_file(folder / BEST) as temporary:
        text = yaml.safe_dump(best.user_attrs["config"], sort_keys=False, allow_unicode=True)
        temporary.write_text(header + text, encoding="utf-8")
    importances = _importances(study)
    notes = [
        "A share says how much of the difference between the better trials and all others an option explains "
        f"(PED-ANOVA), over {pluralize(len(complete), 'complete trial')}. With few trials it is a hint and no proof."
    ]
    if not importances:
        notes = [f"{pluralize(len(complete), 'complete trial')}: too few, or too much alike, to tell what mattered."]
    rows = [
        (option, share, f"best {format_value(option, best.params[option])}" if option in best.params else "")
        for option, share in importances.items()
    ]
    draw_importance_bars(folder / PICTURE, "What mattered for the score on the val part", rows, notes)
    return {
        "best": best.user_attrs["config"],
        "config": str(folder / BEST),
        "score": study.best_value,
        "untuned": untuned,
        "trials": {
            "complete": len(complete),
            "pruned": len(trials_of(study, TrialState.PRUNED)),
            "failed": len(trials_of(study, TrialState.FAIL)),
        },
        "importances": importances,
        "picture": str(folder / PICTURE),
    }


def _importances(study: Study) -> dict[str, float]:
    """Option to share, the largest first; nothing while there is nothing to compare."""
    scores = [trial.value for trial in trials_of(study, TrialState.COMPLETE)]
    if len(scores) < COMPARABLE or len(set(scores)) == 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on few trials: the picture says it
        importances = optuna.importance.get_param_importances(study)
    return {option: float(share) for option, share in importances.items()}
