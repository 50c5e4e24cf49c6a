"""A finished run in MLflow: its options, curves, figures and files, and its bundle as a registered model.

All of it lies in the run folder anyway; this is for those who keep many runs side by side. The model is the bundle
itself, loaded by `_load_pyfunc` below, so nothing is pickled and whoever loads it needs no torch.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.core.regular_files import kind_of
from tellapart.inference.bundle_checks import file_digest
from tellapart.inference.manifest import MANIFEST
from tellapart.inference.predictor import Predictor
from tellapart.pipelines.preconditions import is_installed
from tellapart.viz.confusion_matrix import draw_confusion_matrix

if TYPE_CHECKING:
    import pandas as pd

    from tellapart.training.run_folder import Run

DATABASE = "mlflow.db"
ALIAS = "newest"  # MLflow keeps "latest" for itself
FINGERPRINT = "tellapart.fingerprint"
BATCH = 100  # parameters and metrics that MLflow takes in one call


def log_run(run: Run, where: str, *, experiment: str | None = None) -> str:
    """Log a finished run, register its bundle under the experiment's name, and point the alias ``newest`` at it.

    Args:
        run: a finished run.
        where: a tracking URI, or a folder: it then holds ``mlflow.db`` and ``artifacts/``.
        experiment: its name; by default ``tellapart-classify`` or ``tellapart-read``.

    Returns:
        MLflow's id of the run; of the one that is there already where the same run was logged before.

    Raises:
        ConfigError: MLflow is not installed, the run is not finished, or the place cannot be used.
    """
    report = run.metrics()
    if report is None or not (run.path / "bundle" / MANIFEST).is_file():
        raise ConfigError(f"{run.path}: not finished yet; run its train command again")
    name = experiment or f"tellapart-{run.config.task}"
    with _mlflow(where) as mlflow:
        client = mlflow.MlflowClient()
        known = client.get_experiment_by_name(name)
        experiment_id = known.experiment_id if known else client.create_experiment(name, _artifacts(where))
        fingerprint = _fingerprint(run)
        for old in client.search_runs([experiment_id], f"tags.`{FINGERPRINT}` = '{fingerprint}'"):
            if old.info.status == "FINISHED":
                return str(old.info.run_id)
            client.delete_run(old.info.run_id)  # one that was broken off
        tags = {FINGERPRINT: fingerprint, "tellapart.run": str(run.path.resolve())}
        run_id = client.create_run(experiment_id, tags=tags, run_name=run.path.resolve().name).info.run_id
        with mlflow.start_run(run_id=run_id, nested=True):
            _log(client, run_id, run, report)
            version = _register(mlflow, run, name)
            client.set_registered_model_alias(name, ALIAS, version)
    return str(run_id)


def _log(client: Any, run_id: str, run: Run, report: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    params = [Param(key, str(value)) for key, value in flatten(run.config.to_dict()).items()]
    metrics = [Metric(key, value, now, step) for key, value, step in [*_curves(run), *_figures(report)]]
    for start in range(0, max(len(params), len(metrics)), BATCH):
        part = slice(start, start + BATCH)
        client.log_batch(run_id, metrics=metrics[part], params=params[part])
    for file in sorted([*run.path.glob("*.yaml"), *run.path.glob("*.json*")]):
        client.log_artifact(run_id, str(file))
    for kind in ("confusion", "fine_confusion"):
        if kind in report:
            client.log_image(
                run_id, draw_confusion_matrix(report[kind]["labels"], report[kind]["counts"]), f"{kind}.png"
            )


def _register(mlflow: Any, run: Run, name: str) -> str:
    """The bundle as a model, with what goes in and what comes out; its version."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    catalog = run.catalog()
    _, image = next(catalog.read(catalog.rows()[:1]))
    columns = [ColSpec("string", "answer"), ColSpec("double", "confidence"), ColSpec("string", "error", required=False)]
    if catalog.groups:
        columns.append(ColSpec("string", "group", required=False))
    model = mlflow.pyfunc.log_model(
        name="bundle",
        loader_module=__name__,
        data_path=str(run.path / "bundle"),
        signature=ModelSignature(Schema([ColSpec("binary", "image")]), Schema([*columns])),
        input_example=pd.DataFrame({"image": [image]}),
        pip_requirements=[f"tellapart=={metadata.version('tellapart')}"],
        registered_model_name=name,
    )
    return str(model.registered_model_version)


class _Served:
    """What MLflow loads: a column of encoded images in, answers out."""

    def __init__(self, bundle: str) -> None:
        self.predictor = Predictor(bundle)

    def predict(self, images: pd.DataFrame) -> pd.DataFrame:
        """One row an image: answer, confidence, the error of one that cannot be decoded, the group if any."""
        import pandas as pd

        answers = self.predictor.predict(images["image"])
        table = pd.DataFrame([(each.answer, each.confidence, each.error) for each in answers],
                             columns=["answer", "confidence", "error"])  # fmt: skip
        return table.assign(group=[each.group for each in answers]) if self.predictor.bundle.groups else table


def _load_pyfunc(path: str) -> _Served:
    """Called by MLflow by this name."""
    return _Served(path)


# --- what is logged ----------------------------------------------------------------------------------


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested options as one level.

    >>> flatten({"seed": 1, "stages": [{"lr": 0.1}, {"lr": 0.2}]})
    {'seed': 1, 'stages.0.lr': 0.1, 'stages.1.lr': 0.2}
    """
    if isinstance(values, Mapping | list):
        items = values.items() if isinstance(values, Mapping) else enumerate(values)
        return {name: leaf for key, value in items for name, leaf in flatten(value, f"{prefix}.{key}").items()}
    return {prefix.removeprefix("."): values}


def _curves(run: Run) -> Iterator[tuple[str, float, int]]:
    """Name, value and epoch, counted through all stages; of members each by its number."""
    for number, lines in run.histories().items():
        member = f"member-{number}/" if number else ""
        for epoch, line in enumerate(lines, 1):
            for name, value in line.items():
                if name != "epoch":
                    yield f"{member}{name}", float(value), epoch


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, float, int]]:
    """The figures of the test part, with their intervals."""
    part = report.get("split", "test")
    for name, figure in report.items():
        if isinstance(figure, Mapping) and "ci95" in figure:
            yield f"{part}/{name}", figure["value"], 0
            for end, value in zip(("low", "high"), figure["ci95"], strict=True):
                yield f"{part}/{name}_{end}", value, 0
        elif isinstance(figure, int | float):
            yield f"{part}/{name}", float(figure), 0
    if "fine_per_class" in report:
        for name, scores in report["per_class"].items():
            shown = re.sub(r"[^\w.\- ]", "_", name)  # other characters are refused in a name
            for kind, value in scores.items():
                yield f"{part}/group/{shown}/{kind}", float(value), 0


def _fingerprint(run: Run) -> str:
    """Of the options and the bundle, which knows the data and every byte of the model."""
    from tellapart.training.run_folder import CONFIG

    both = file_digest(run.path / CONFIG) + file_digest(run.path / "bundle" / MANIFEST)
    return hashlib.sha256(both.encode()).hexdigest()


# --- where ---------------------------------------------------------------------------------------------


def check_tracking(where: str) -> None:
    """Check that a run can be logged there, before hours of training: nothing is written or connected to.

    Args:
        where: as `log_run` takes it.

    Raises:
        ConfigError: MLflow is not installed, or no folder can be made there.

    >>> check_tracking("/dev/null/runs")
    Traceback (most recent call last):
    tellapart.core.errors.ConfigError: track /dev/null/runs: /dev/null is a device, not a folder; give a folder
    """
    for module in ("mlflow", "pandas", "sqlalchemy"):
        if not is_installed(module):
            raise ConfigError(f"track: {module} is not installed; {install_command('track')}")
    if "://" in where:
        return
    folder = Path(where).resolve()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise ConfigError(f"track {where}: {there} is {kind_of(there.stat().st_mode)}, not a folder; give a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"track {where}: no right to write in {there}; give another folder")


def _uri(where: str) -> str:
    """The address of the database, of an address or a folder. SQLAlchemy says how an odd name is written in one.

    >>> _uri("sqlite:///a.db"), _uri("/tmp/runs"), _uri("/tmp/a%20b")
    ('sqlite:///a.db', 'sqlite:////tmp/runs/mlflow.db', 'sqlite+pysqlite:////tmp/a%2520b/mlflow.db')
    """
    if "://" in where:
        return where
    from sqlalchemy.engine import URL

    database = f"{Path(where).resolve()}/{DATABASE}"
    plain, uri = f"sqlite:///{database}", str(URL.create("sqlite", database=database))
    # MLflow makes the folder of what follows sqlite:///, as that is written: one more where it is written otherwise.
    return plain if uri == plain else uri.replace("sqlite:", "sqlite+pysqlite:", 1)


def _folder(where: str) -> Path | None:
    """The folder of a database of SQLite; None for a server."""
    if "://" not in where:
        return Path(where).resolve()
    if not where.startswith("sqlite:///"):
        return None
    return Path(where.removeprefix("sqlite:///")).resolve().parent


def _artifacts(where: str) -> str | None:
    """Beside the database; a server knows its own place."""
    folder = _folder(where)
    return None if folder is None else (folder / "artifacts").as_uri()


@contextmanager
def _mlflow(where: str) -> Iterator[Any]:
    """MLflow, told to be quiet and to keep to itself; afterwards it points where it pointed before."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "true")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|alembic|pydantic|google|databricks)\b")
        try:
            import mlflow
            import pandas  # noqa: F401
            import sqlalchemy.exc
        except ModuleNotFoundError as error:
            raise ConfigError(f"track: {error.name} is not installed; {install_command('track')}") from error
        before: Any = os.environ.get("MLFLOW_TRACKING_URI")  # where MLflow keeps what was set in any way
        level = logging.getLogger("mlflow").level
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        try:
            if (folder := _folder(where)) is not None:
                folder.mkdir(parents=True, exist_ok=True)
            mlflow.set_tracking_uri(_uri(where))
            yield mlflow
        except (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            raise ConfigError(f"track {where}: {error}") from error
        finally:
            mlflow.set_tracking_uri(before)
            logging.getLogger("mlflow").setLevel(level)
