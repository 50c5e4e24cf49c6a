"""A run in MLflow: each epoch as it ends, then the figures, the files, and the bundle as a registered model.

All of it lies in the run folder anyway; this is for those who keep many runs side by side. The model is the bundle
itself, loaded by `_load_pyfunc` below, so nothing is pickled and whoever loads it needs no torch.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import ConfigError
from tellapart.core.terminal import excerpt
from tellapart.inference.bundle_checks import file_digest
from tellapart.inference.manifest import MANIFEST
from tellapart.inference.predictor import Predictor
from tellapart.pipelines.tracking_store import artifact_location, mlflow_at, store_uri
from tellapart.viz.confusion_matrix import draw_confusion_matrix

if TYPE_CHECKING:
    import pandas as pd

    from tellapart.training.run_folder import Run

ALIAS = "newest"  # MLflow keeps "latest" for itself
FINGERPRINT, TRAINING = "tellapart.fingerprint", "tellapart.training"  # tags
BATCH = 100  # parameters and metrics that MLflow takes in one call


class TrackedRun:
    """A run in MLflow while it trains. One that was stopped is gone on with, as its run folder is.

    Args:
        run: the run, which may not have begun.
        where: a tracking URI, or a folder: it then holds ``mlflow.db`` and ``artifacts/``.
        experiment: its name; by default ``tellapart-classify`` or ``tellapart-read``.

    Raises:
        ConfigError: MLflow is not installed, or the place cannot be used.
    """

    def __init__(self, run: Run, where: str, experiment: str | None = None) -> None:
        self.run, self.where = run, where
        self.name = _experiment_name(run, experiment)
        with mlflow_at(where) as mlflow:
            self.client: Any = mlflow.MlflowClient()
            self.experiment = self._experiment()
            self.id = self._begun() or self._begin()
            self.logged = {
                member: len(self.client.get_metric_history(self.id, f"{_prefix(member)}stage"))
                for member in ["", *map(str, range(run.count))]
            }

    def _experiment(self) -> str:
        known = self.client.get_experiment_by_name(self.name)
        return str(
            known.experiment_id if known else self.client.create_experiment(self.name, artifact_location(self.where))
        )

    def _begun(self) -> str | None:
        """The id of this very training, where it was logged before and not finished."""
        for old in self.client.search_runs([self.experiment], f"tags.`{TRAINING}` = '{_training(self.run)}'"):
            if old.info.status != "FINISHED":
                self.client.update_run(old.info.run_id, "RUNNING")
                return str(old.info.run_id)
        return None

    def _begin(self) -> str:
        from mlflow.entities import Param

        folder = self.run.path.resolve()
        tags = {TRAINING: _training(self.run), "tellapart.run": str(folder)}
        run_id = str(self.client.create_run(self.experiment, tags=tags, run_name=folder.name).info.run_id)
        params = [Param(key, str(value)) for key, value in flatten(self.run.config.to_dict()).items()]
        for start in range(0, len(params), BATCH):
            self.client.log_batch(run_id, params=params[start : start + BATCH])
        return run_id

    def update(self) -> None:
        """Log the epochs that ended since the last call.

        Raises:
            ConfigError: the place cannot be reached; the next call tries again.
        """
        for member, lines in self.run.histories().items():
            for epoch, line in enumerate(lines[self.logged[member] :], self.logged[member] + 1):
                values = [(f"{_prefix(member)}{name}", float(value)) for name, value in line.items() if name != "epoch"]
                try:
                    self._log([(name, value, epoch) for name, value in values])
                except Exception as error:
                    raise ConfigError(f"track {self.where}: an epoch could not be logged: {excerpt(error)}") from error
                self.logged[member] = epoch

    def close(self, error: BaseException | None) -> None:
        """Say that the training was stopped, if it was; `finish` ends what came to its end."""
        if error is not None:
            self.client.set_terminated(self.id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def finish(self, report: Mapping[str, Any]) -> None:
        """Log the figures and files of a finished run, and register its bundle.

        Args:
            report: the figures of the test part.

        Raises:
            ConfigError: the place cannot be used.
        """
        run = self.run
        with mlflow_at(self.where) as mlflow, mlflow.start_run(run_id=self.id, nested=True):
            self.update()
            self._log(list(_figures(report)))
            for file in sorted([*run.path.glob("*.yaml"), *run.path.glob("*.json*")]):
                self.client.log_artifact(self.id, str(file))
            for kind in ("confusion", "fine_confusion"):
                if kind in report:
                    picture = draw_confusion_matrix(report[kind]["labels"], report[kind]["counts"])
                    self.client.log_image(self.id, picture, f"{kind}.png")
            self.client.set_tag(self.id, FINGERPRINT, _fingerprint(run))
            version = _register(mlflow, run, self.name)
            self.client.set_registered_model_alias(self.name, ALIAS, version)

    def _log(self, points: list[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for name, value, step in points]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(self.id, metrics=metrics[start : start + BATCH])


def log_run(run: Run, where: str, *, experiment: str | None = None) -> str:
    """Log a finished run, register its bundle under the experiment's name, and point the alias ``newest`` at it.

    Args:
        run: a finished run.
        where: as of `TrackedRun`.
        experiment: as of `TrackedRun`.

    Returns:
        MLflow's id of the run; of the one that is there already where the same run was logged before.

    Raises:
        ConfigError: MLflow is not installed, the run is not finished, or the place cannot be used.
    """
    report = run.metrics()
    if report is None or not (run.path / "bundle" / MANIFEST).is_file():
        raise ConfigError(f"{run.path}: not finished yet; run its train command again")
    name = _experiment_name(run, experiment)
    with mlflow_at(where) as mlflow:
        client = mlflow.MlflowClient()
        if (known := client.get_experiment_by_name(name)) is not None:
            for old in client.search_runs([known.experiment_id], f"tags.`{FINGERPRINT}` = '{_fingerprint(run)}'"):
                if old.info.status == "FINISHED":
                    return str(old.info.run_id)
        tracked = TrackedRun(run, where, experiment)
        tracked.finish(report)
    return tracked.id


def look_at(where: str) -> str:
    """What shows the runs that are kept there: a command, or the address of a server.

    >>> look_at("http://127.0.0.1:5000"), look_at("/tmp/kept")
    ('http://127.0.0.1:5000', 'mlflow ui --backend-store-uri sqlite:////tmp/kept/mlflow.db')
    """
    uri = store_uri(where)
    return uri if uri.startswith("http") else f"mlflow ui --backend-store-uri {shlex.quote(uri)}"


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


def _experiment_name(run: Run, experiment: str | None) -> str:
    return experiment or f"tellapart-{run.config.task}"


def _prefix(member: str) -> str:
    return f"member-{member}/" if member else ""


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


def _training(run: Run) -> str:
    """Of the options, the data and the folder, which are known before a training."""
    from tellapart.training.run_folder import CONFIG

    parts = [file_digest(run.path / CONFIG), run.catalog().fingerprint, str(run.path.resolve())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _fingerprint(run: Run) -> str:
    """Of the options and the bundle, which knows the data and every byte of the model."""
    from tellapart.training.run_folder import CONFIG

    both = file_digest(run.path / CONFIG) + file_digest(run.path / "bundle" / MANIFEST)
    return hashlib.sha256(both.encode()).hexdigest()
