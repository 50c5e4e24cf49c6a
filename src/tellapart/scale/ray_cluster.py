"""Parts as tasks of a Ray cluster."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.core.progress import log
from tellapart.scale.job import do_part

REACH_SECONDS = 20  # for a cluster with an address
HINT = "is it up, and is its port open to this machine?"


def check_address(on: str) -> None:
    """Refuse what is no ``ray`` or ``ray://HOST:PORT``, and say where Ray is missing.

    Raises:
        ConfigError: so.
    """
    if on != "ray" and not (on.startswith("ray://") and urlsplit(on).hostname and _port(on)):
        raise ConfigError(f"on {on!r}: give ray (this machine, or what RAY_ADDRESS names) or ray://HOST:PORT")
    try:
        import ray  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigError(f"on {on}: Ray is not installed; {install_command('scale')}, or leave out --on") from None


class RayCluster:
    """A cluster: one that runs already, or one of this machine's cores.

    Args:
        on: ``ray`` or ``ray://HOST:PORT``.

    Raises:
        ConfigError: it cannot be reached within 20 s.
    """

    alone_again = False  # each task has a process of its own

    def __init__(self, on: str) -> None:
        import ray

        check_address(on)
        self.ray = ray
        self.ours = not ray.is_initialized()
        if self.ours:
            _connect(ray, on)
        self.task = ray.remote(num_cpus=1, max_retries=0)(do_part)

    def slots(self) -> int:
        """Return how many parts may be under way: two a core of the cluster as it is now."""
        return max(2, 2 * _cores(self.ray))

    def submit(self, request: str) -> Any:
        """Begin a part."""
        return self.task.remote(request)

    def finished(self, under_way: Sequence[Any]) -> list[tuple[Any, str | None, str]]:
        """Wait a moment; return each part that ended, with its answer, or None and why there is none.

        Raises:
            ConfigError: a node cannot load this package.
        """
        done, _ = self.ray.wait(list(under_way), num_returns=1, timeout=1.0)
        ended: list[tuple[Any, str | None, str]] = []
        for reference in done:
            try:
                ended.append((reference, self.ray.get(reference), ""))
            except self.ray.exceptions.RayError as error:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                if any("No module named 'tellapart" in line for line in lines):
                    raise ConfigError(
                        "a node of the cluster has no tellapart; install the same version on all"
                    ) from error
                ended.append((reference, None, f"{type(error).__name__}: {lines[0][:200] if lines else ''}"))
        return ended

    def close(self, *, finished: bool) -> None:
        """Leave the cluster; what is under way is cancelled."""
        if self.ours:
            self.ray.shutdown()


def _connect(ray: Any, on: str) -> None:
    address = on if on != "ray" else os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        log("starting Ray on the cores of this machine (RAY_ADDRESS or --on ray://HOST:PORT names a cluster)")
        ray.init("local", log_to_driver=False, configure_logging=False, include_dashboard=False)
        return
    _knock(address)
    failure: list[BaseException] = []

    def start() -> None:
        try:
            ray.init(address)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=start, daemon=True)  # it may hang for minutes on an address that is silent
    thread.start()
    thread.join(REACH_SECONDS)
    if thread.is_alive():
        raise ConfigError(f"{address}: the cluster does not answer within {REACH_SECONDS} s; {HINT}")
    if failure:
        words = " ".join(str(failure[0]).split())[:300]
        raise ConfigError(f"{address}: the cluster cannot be used: {words}") from failure[0]


def _knock(address: str) -> None:
    """Whether anything answers there: quicker and clearer than what Ray says after minutes, or dies of."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if parts.hostname and parts.port:
        try:
            socket.create_connection((parts.hostname, parts.port), REACH_SECONDS).close()
        except OSError as error:
            raise ConfigError(
                f"{address}: the cluster cannot be reached ({error.strerror or error}); {HINT}"
            ) from error


def _cores(ray: Any) -> int:
    return int(ray.cluster_resources().get("CPU", 1))


def _port(on: str) -> int:
    try:
        return urlsplit(on).port or 0
    except ValueError:
        return 0
