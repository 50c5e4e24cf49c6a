"""A bundle in object storage or in MLflow's registry is copied to this machine once, under its digest."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tellapart.core.errors import BundleError
from tellapart.core.files import atomic_folder
from tellapart.core.locks import lock
from tellapart.core.storage import as_path, is_url
from tellapart.inference.manifest import MANIFEST
from tellapart.inference.mlflow_registry import download_registered, is_registered


def is_remote(model: object) -> bool:
    """Whether a model is named by a URL or by an address of MLflow's registry.

    >>> is_remote("s3://bucket/cats"), is_remote("models:/cats@newest"), is_remote("runs/cats")
    (True, True, False)
    """
    return is_url(model) or is_registered(model)


def fetch_bundle(url: str) -> Path:
    """The local copy of a bundle, or of a run's bundle, that lies at a URL or in MLflow's registry.

    Only ``bundle.json`` is read where the copy is there already; several processes of a machine copy it once.

    Raises:
        BundleError: no bundle there, or one with a file missing.
        StorageError: no such bucket, or no permission.
        ConfigError: see `tellapart.inference.mlflow_registry.download_registered`.
    """
    if is_registered(url):
        return _fetch_registered(url)
    home = as_path(url)
    for place in (home, home / "bundle"):
        try:
            description = (place / MANIFEST).read_bytes()
        except FileNotFoundError:
            continue
        target = _target(description)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (target.parent / f"{target.name}.lock").open("wb") as file:
            with suppress(OSError, ImportError):  # a file system without locks: then each copies it, to the same end
                lock(file.fileno(), wait=True)
            if not target.is_dir():
                _copy(place, target, description)
        return target
    raise BundleError(f"{url}: no bundle there (a bundle is a folder with {MANIFEST})")


def _fetch_registered(address: str) -> Path:
    with TemporaryDirectory() as name:
        folder = Path(name)
        target = _target(download_registered(address, folder, MANIFEST).read_bytes())
        return target if target.is_dir() else fetch_bundle(str(download_registered(address, folder)))


def _target(description: bytes) -> Path:
    return cache_folder() / hashlib.sha256(description).hexdigest()


def cache_folder() -> Path:
    """Where copies lie: ``tellapart/bundles`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tellapart" / "bundles"


def _copy(place: Path, target: Path, description: bytes) -> None:
    try:
        names = list(json.loads(description)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{place / MANIFEST}: not readable as a bundle's description: {error!r}") from error
    with atomic_folder(target) as folder:
        for name in names:
            if "/" in name or "\\" in name or name.startswith("."):
                raise BundleError(f"{place / MANIFEST}: names a file {name!r} outside of the bundle")
            try:
                (folder / name).write_bytes((place / name).read_bytes())
            except FileNotFoundError:
                raise BundleError(f"{place / name}: missing; copy the whole bundle folder there") from None
        (folder / MANIFEST).write_bytes(description)
