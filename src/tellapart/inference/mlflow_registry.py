"""A bundle in MLflow's registry: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or ``models:/NAME/latest``.

The registry is the one that MLflow is set to (``MLFLOW_TRACKING_URI``, ``MLFLOW_REGISTRY_URI``).
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tellapart.core.errors import BundleError, ConfigError
from tellapart.core.own_commands import install_command

IN_MODEL = "data/bundle"  # where the models that `tellapart train --track` registers hold their bundle
# What the user has set counts. A server that does not answer is asked four times, within a quarter of a minute.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}  # fmt: skip
_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:@[^/@]+|/[^/@]+)")


def is_registered(model: object) -> bool:
    """Whether a model is named by an address of MLflow's registry.

    >>> is_registered("models:/cats@newest"), is_registered(Path("models:/cats/3")), is_registered("models/cats")
    (True, True, False)
    """
    return isinstance(model, str | Path) and str(model).startswith("models:/")


def registered_name(address: str | Path) -> str:
    """The name of the model in an address.

    Raises:
        ConfigError: no alias and no version in it.

    >>> registered_name("models:/cats@newest"), registered_name("models:/cats/3")
    ('cats', 'cats')
    """
    if (found := _ADDRESS.fullmatch(str(address))) is None:
        raise ConfigError(f"{address}: name an alias or a version: models:/NAME@ALIAS or models:/NAME/VERSION")
    return found["name"]


def download_registered(address: str | Path, folder: Path, file: str | None = None) -> Path:
    """Copy the bundle of a registered model, or one file of it, into a folder.

    Args:
        address: ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
        folder: where to copy it to.
        file: the name of one file in the bundle; by default all.

    Returns:
        The bundle's folder, or the file, in ``folder``.

    Raises:
        ConfigError: an address without alias and version, MLflow is not installed, or it is set to no registry.
        BundleError: no such model there, one that holds no bundle, or a registry that does not answer.
    """
    registered_name(address)
    inside = f"{IN_MODEL}/{file}" if file else IN_MODEL
    with _registry(address) as mlflow:
        return Path(mlflow.artifacts.download_artifacts(f"{address}/{inside}", dst_path=str(folder)))


@contextmanager
def _registry(address: str | Path) -> Iterator[Any]:
    """MLflow, told to be quiet and to keep to itself; what fails in it is said of the address."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|alembic|pydantic|google|databricks)\b")
        try:
            import mlflow
            import sqlalchemy.exc
        except ModuleNotFoundError as error:
            raise ConfigError(f"{address}: {error.name} is not installed; {install_command('track')}") from error
        if not mlflow.is_tracking_uri_set() and "MLFLOW_REGISTRY_URI" not in os.environ:  # type: ignore[no-untyped-call]
            raise ConfigError(
                f"{address}: MLFLOW_TRACKING_URI is not set; set it to the server of MLflow, or to "
                "sqlite:///FOLDER/mlflow.db of the FOLDER that tellapart train --track got"
            )
        registry = str(mlflow.get_registry_uri())
        database = Path(registry.removeprefix("sqlite:///").partition("?")[0])
        if registry.startswith("sqlite:///") and not database.is_file():  # MLflow would make an empty one
            raise ConfigError(f"{address}: {database}, which MLFLOW_TRACKING_URI names, is not there")
        logger = logging.getLogger("mlflow")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield mlflow
        except (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            if "No such artifact" in str(error) or isinstance(error, FileNotFoundError):
                reason = "this model holds no bundle; register one with tellapart train --track"
                raise BundleError(f"{address}: {reason}") from error
            raise BundleError(f"{address}: {str(error).strip()} (registry: {registry})") from error
        finally:
            logger.setLevel(level)
