"""Where MLflow keeps runs and models: a folder with a database of ours, or any address that MLflow knows."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.core.regular_files import kind_of
from tellapart.inference.mlflow_registry import ENVIRONMENT
from tellapart.pipelines.preconditions import is_installed

DATABASE = "mlflow.db"


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
    if (database := database_file(where)) is None:
        return
    folder = database.parent
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise ConfigError(f"track {where}: {there} is {kind_of(there.stat().st_mode)}, not a folder; give a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"track {where}: no right to write in {there}; give another folder")


def database_file(where: str) -> Path | None:
    """The database of SQLite that is meant by a folder, as a path or a file URI, or by an address; None for a server.

    >>> [str(database_file(each)) for each in ("/tmp/a%20b", "file:///tmp/a%20b", "sqlite:////tmp/a%20b/x.db")]
    ['/tmp/a%20b/mlflow.db', '/tmp/a b/mlflow.db', '/tmp/a b/x.db']
    >>> database_file("http://127.0.0.1:5000")
    """
    if where.startswith("file:"):
        return Path(url2pathname(urlsplit(where).path)).resolve() / DATABASE
    if "://" not in where:
        return Path(where).resolve() / DATABASE
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    with suppress(ArgumentError):
        url = make_url(where)
        if url.get_backend_name() == "sqlite" and url.database:
            return Path(url.database).resolve()
    return None


def store_uri(where: str) -> str:
    """The address of the database, of an address or a folder. SQLAlchemy says how an odd name is written in one.

    >>> store_uri("sqlite:////tmp/a.db"), store_uri("/tmp/runs"), store_uri("/tmp/a%20b")
    ('sqlite:////tmp/a.db', 'sqlite:////tmp/runs/mlflow.db', 'sqlite+pysqlite:////tmp/a%2520b/mlflow.db')
    """
    if (database := database_file(where)) is None:
        return where
    from sqlalchemy.engine import URL

    plain, uri = f"sqlite:///{database}", str(URL.create("sqlite", database=str(database)))
    # MLflow makes the folder of what follows sqlite:///, as that is written: one more where it is written otherwise.
    return plain if uri == plain else uri.replace("sqlite:", "sqlite+pysqlite:", 1)


def artifact_location(where: str) -> str | None:
    """Beside the database; a server knows its own place."""
    database = database_file(where)
    return None if database is None else (database.parent / "artifacts").as_uri()


@contextmanager
def mlflow_at(where: str) -> Iterator[Any]:
    """MLflow, told to be quiet and to keep to itself; afterwards it points where it pointed before."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
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
            if (database := database_file(where)) is not None:
                database.parent.mkdir(parents=True, exist_ok=True)
                sqlite3.connect(database).close()  # MLflow would try for minutes to open what cannot be opened
            mlflow.set_tracking_uri(store_uri(where))
            yield mlflow
        except (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise ConfigError(f"track {where}: {error}") from error
        finally:
            mlflow.set_tracking_uri(before)
            logging.getLogger("mlflow").setLevel(level)
