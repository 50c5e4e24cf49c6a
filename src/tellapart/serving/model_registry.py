"""Which bundles are served, in a file that outlives the server and that its processes watch.

models.json    name → versions, the one that answers, the one it was last started with
running.lock   held while a server runs with this folder
workers/       of each process, what it has loaded
shares/        of each process, how many requests it has in hand
corrections/   what users said was wrong: NAME/*.parquet, a labelled source
samples/       a share of what was asked, where that is switched on: NAME/*.parquet
metrics/       of each process, its figures
drift/         of `monitor`: NAME/ holds the windows that were compared, and figures.prom their figures

Nobody but the server's user may read any of it: files have the mode 0600, folders 0700.
"""

from __future__ import annotations

import copy
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tellapart.core.errors import BundleError, ConfigError, did_you_mean
from tellapart.core.files import private_folder, write_json
from tellapart.core.locks import lock
from tellapart.inference.bundle import Bundle
from tellapart.inference.known_labels import label_changes
from tellapart.inference.mlflow_registry import is_registered, registered_name

_OWN = ("models.json", "running.lock", "switch.lock", "workers", "shares", "corrections", "samples", "metrics",
        "drift")  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOOK = 0.1  # seconds between two looks at what the workers have loaded


@dataclass(frozen=True)
class ModelRegistry:
    """The folder of a server."""

    path: Path

    @property
    def file(self) -> Path:
        """Whose change tells the workers of a switch."""
        return self.path / "models.json"

    @property
    def shares(self) -> Path:
        """Where processes see each other's load."""
        return self.path / "shares"

    @property
    def drift_figures(self) -> Path:
        """Where `monitor` leaves its figures for ``/metrics``."""
        return self.path / "drift" / "figures.prom"

    def read(self) -> dict[str, dict[str, Any]]:
        """Name → ``versions`` (bundle folders) and ``current`` (which of them).

        Raises:
            ConfigError: no server was started with this folder.
        """
        try:
            models: dict[str, dict[str, Any]] = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.path}: no folder of a server (there is no {self.file.name} in it)") from error
        return models

    def start(self, models: Sequence[str]) -> None:
        """Note what is to be served. A server that is started again with the same words goes on as it was switched.

        Raises:
            BundleError: there is no usable bundle.
            ConfigError: a name that is none, or twice.
        """
        known = self.read() if self.file.is_file() else {}
        wanted: dict[str, dict[str, Any]] = {}
        for name, folder in named(models).items():
            before = known.get(name, {"versions": [], "current": 0, "given": None})
            versions = [*before["versions"]]
            if folder not in versions:
                versions.append(folder)
            again = folder == before["given"]
            current = before["current"] if again else versions.index(folder)
            wanted[name] = {"versions": versions, "current": current, "given": folder}
        self.make_private()
        write_json(self.file, wanted, private=True)

    def make_private(self) -> None:
        """Make the folder, and take from others what an earlier server or a copy let them read of it.

        A folder that was there before and holds other things keeps its own mode; what the server puts there is
        private all the same.
        """
        ours = self.file.exists() or not self.path.exists() or not any(self.path.iterdir())
        if ours:
            private_folder(self.path)
        for name in _OWN:
            for each in (self.path / name, *sorted((self.path / name).rglob("*"))):
                if each.exists() and not each.is_symlink() and each.stat().st_mode & 0o077:
                    each.chmod(0o700 if each.is_dir() else 0o600)

    @contextmanager
    def held(self) -> Iterator[int]:
        """`hold`, until the end of a block.

        Raises:
            ConfigError: a server runs with this folder.
        """
        file = self.hold()
        try:
            yield file
        finally:
            os.close(file)

    def hold(self) -> int:
        """Keep every other server off this folder, until this process and those that it becomes or starts have ended.

        Returns:
            The open file that holds the lock, which the processes that this one becomes have too.

        Raises:
            ConfigError: a server runs with it.
        """
        self.make_private()
        try:
            held = self._lock("running.lock", wait=False)
        except BlockingIOError as error:
            raise ConfigError(
                f"{self.path}: a server runs with this folder; stop it, or give another --state"
            ) from error
        os.set_inheritable(held, True)
        for old in (self.path / "workers").glob("*.json"):
            old.unlink(missing_ok=True)  # of processes that ended; their numbers may be another's by now
        return held

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        file = self._lock(name, wait=True)
        try:
            yield
        finally:
            os.close(file)

    def _lock(self, name: str, *, wait: bool) -> int:
        """The open file of a lock that this process now has; `BlockingIOError` if another has it and none waits."""
        file = os.open(self.path / name, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            lock(file, wait=wait)
        except BaseException:
            os.close(file)
            raise
        return file

    def is_running(self) -> bool:
        """Whether a server runs with this folder."""
        try:
            os.close(self._lock("running.lock", wait=False))
        except BlockingIOError:
            return True
        return False

    def switch(self, name: str, bundle: str | Path | None, *, wait: float, force: bool = False) -> str:
        """Point a name at another bundle, or at the one before; wait until all workers answer with it."""
        folder = None if bundle is None else str(Bundle.open(bundle).path.absolute())
        self.read()
        if not self.is_running():
            raise ConfigError(f"{self.path}: no server runs with this folder; start one with the bundle instead")
        with self._locked("switch.lock"):  # one switch at a time
            return self._switched(name, folder, wait, force=force)

    def _switched(self, name: str, folder: str | None, wait: float, *, force: bool) -> str:
        models = self.read()
        if name not in models:
            raise ConfigError(
                f"{self.path}: no model {name!r}{did_you_mean(name, models)}; there are: {', '.join(models)}"
            )
        model = models[name]
        before = copy.deepcopy(model)
        if folder is not None:
            changes = "" if force else _changes(model["versions"][model["current"]], folder)
            if changes:
                raise ConfigError(
                    f"{folder}: {changes}; callers of {name} would not expect that. Switch with --force all the same"
                )
            if folder in model["versions"]:
                model["versions"].remove(folder)  # a version's place is when it was switched to last
            model["versions"].append(folder)
            model["current"] = len(model["versions"]) - 1
        elif model["current"] == 0:
            raise ConfigError(f"{name}: no version before {model['versions'][0]}")
        else:
            model["current"] -= 1
        write_json(self.file, models, private=True)
        now: str = model["versions"][model["current"]]
        trouble = self._wait(name, now, wait)
        if trouble:
            write_json(self.file, self.read() | {name: before}, private=True)
            raise BundleError(f"{now}: not taken, the version before still answers: {trouble}")
        return now

    def report(self, loaded: dict[str, str], trouble: dict[str, str]) -> None:
        """Of a worker: what answers in it, and what could not be loaded."""
        folder = private_folder(self.path / "workers")
        write_json(folder / f"{os.getpid()}.json", {"models": loaded, "trouble": trouble}, private=True)
        for other in folder.glob("*.json"):
            if other.stem.isdigit() and not _alive(int(other.stem)):
                other.unlink(missing_ok=True)

    def _wait(self, name: str, folder: str, seconds: float) -> str:
        """Empty once every worker that lives has loaded it; else why not."""
        end = time.monotonic() + seconds
        while True:
            reports = []
            for file in (self.path / "workers").glob("*.json"):
                try:
                    if _alive(int(file.stem)):
                        reports.append(json.loads(file.read_text(encoding="utf-8")))
                except (OSError, ValueError):
                    continue  # it has just gone
            for each in reports:
                if each["trouble"].get(name, "").startswith(f"{folder}: "):
                    return str(each["trouble"][name])
            if all(each["models"].get(name) == folder for each in reports):
                return ""
            if time.monotonic() > end:
                return f"a worker has not taken it within {seconds:g} s"
            time.sleep(_LOOK)


def _changes(old: str, new: str) -> str:
    """What callers would not expect of another bundle; of one that cannot be opened any more nobody can say."""
    try:
        return label_changes(Bundle.open(old), Bundle.open(new))
    except BundleError:
        return ""


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def named(models: Sequence[str]) -> dict[str, str]:
    """Name → bundle folder, of words that are ``NAME=MODEL``, or a model alone.

    The name of a model alone is the last folder of its own, or in MLflow's registry the one that it has there.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a name that is none, or twice, or no word at all.

    >>> list(named(["base", "mine=base"]))
    ['base', 'mine']
    """
    result: dict[str, str] = {}
    for each in models:
        name, equals, path = each.partition("=")
        bundle = Bundle.open(path if equals else each)
        if not equals:
            name = registered_name(each) if is_registered(each) else bundle.name
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{each}: {name!r} is no name for an address; letters, digits, '.', '_', '-': NAME=BUNDLE"
            )
        if name in result:
            raise ConfigError(f"two models are named {name!r}; name them: NAME=BUNDLE")
        result[name] = str(bundle.path.absolute())
    if not result:
        raise ConfigError("nothing to serve: give a bundle")
    return result
