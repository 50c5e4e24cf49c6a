"""The verb `monitor`: a server's samples, window after window, compared with what its models were packed with."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypedDict

from tellapart.core.errors import CatalogError, ConfigError, TellapartError, did_you_mean
from tellapart.core.files import atomic_file
from tellapart.core.progress import log
from tellapart.data.parquet import open_parquet
from tellapart.evaluation.drift import ALPHA, FEWEST, drift
from tellapart.evaluation.drift_history import PAGE, REPORT, add_window, in_a_row, read_windows
from tellapart.inference.bundle import Bundle
from tellapart.serving.model_registry import ModelRegistry
from tellapart.serving.prometheus import drift_figures

IMAGES = 200  # of a window, at least, and
MOST = 1000  # at most: of more the newest

Sample = tuple[float, bytes]  # when it was kept, in seconds since 1970, and the encoded image


class ModelState(TypedDict):
    """What `monitor` says of a model."""

    name: str
    waiting: int  # samples since the newest window; 0 where they have just become one
    windows: int
    drift: bool  # in the newest window
    in_a_row: int  # windows that have changed, up to the newest
    changed: list[str]  # checks that found it
    page: str | None


class MonitorResult(TypedDict):
    """What `monitor` answers: each model, whether one has changed, and the file of figures for Prometheus."""

    models: list[ModelState]
    drift: bool
    figures: str


def monitor(
    state: str | Path,
    name: str | None = None,
    *,
    images: int = IMAGES,
    alpha: float = ALPHA,
    every: float | None = None,
    seed: int = 0,
) -> MonitorResult:
    """Compare the samples that a server has kept since the last time with the reference of the bundle that answers.

    Windows that were compared are kept in the server's folder: ``drift/NAME`` holds their history, its page, and the
    page of the newest. The server adds the figures to its ``/metrics``.

    Args:
        state: the folder that the server was started with, with ``--sample``.
        name: of one model; by default all.
        images: a window has at least so many new samples; fewer wait for others. Of more than 1,000 the newest count.
        alpha: the share of unchanged windows that may be called changed, see `tellapart.drift`.
        every: look again after so many seconds, until stopped.
        seed: of the permutations.

    Raises:
        ConfigError: no such folder or model, or an option out of its range.
        BundleError: a bundle without a reference.

    Example:
        tellapart.monitor("serving")
    """
    if not FEWEST <= images <= MOST:
        raise ConfigError(f"images {images}: give a number from {FEWEST} to {MOST:,}")
    if every is not None and not 0 < every < threading.TIMEOUT_MAX:
        raise ConfigError(f"every {every:g}: give seconds, such as 3600")
    registry = ModelRegistry(Path(state))
    if every is None:
        return _looked(registry, name, images, alpha, seed)
    with _until_stopped() as stopped:
        while True:
            try:
                result = _looked(registry, name, images, alpha, seed)
                log(*map(describe, result["models"]))
            except TellapartError as error:  # a model that is just being switched, a sample that has just gone
                log(f"{error}")
            if stopped.wait(every):
                return _looked(registry, name, images, alpha, seed)


def describe(model: ModelState) -> str:
    """A line for people."""
    if not model["windows"]:
        return f"{model['name']}: no window yet; {model['waiting']:,} samples wait for more"
    found = f"changed: {', '.join(model['changed'])}" if model["drift"] else "no change"
    again = f", {model['in_a_row']} windows in a row" if model["in_a_row"] > 1 else ""
    return f"{model['name']}: {found}{again} ({model['windows']:,} windows, {model['waiting']:,} samples wait)"


def _looked(registry: ModelRegistry, name: str | None, images: int, alpha: float, seed: int) -> MonitorResult:
    """One look at all models, or at one."""
    models = registry.read()
    if name is not None and name not in models:
        raise ConfigError(f"{registry.path}: no model {name!r}{did_you_mean(name, models)}; there are: "
                          f"{', '.join(models)}")  # fmt: skip
    looked = []
    for each in models if name is None else [name]:
        bundle = Bundle.open(models[each]["versions"][models[each]["current"]])
        looked.append(_look_at(registry, each, bundle, images, alpha, seed))
    with atomic_file(registry.drift_figures, private=True) as temporary:
        temporary.write_bytes(drift_figures({each: read_windows(registry.path / "drift" / each) for each in models}))
    return {
        "models": looked, "drift": any(each["drift"] for each in looked), "figures": str(registry.drift_figures),
    }  # fmt: skip


def _look_at(registry: ModelRegistry, name: str, bundle: Bundle, images: int, alpha: float, seed: int) -> ModelState:
    folder = registry.path / "drift" / name
    windows = read_windows(folder)
    samples = _samples(registry.path / "samples" / name, windows[-1]["last"] if windows else 0.0)
    if enough := len(samples) >= images:
        with tempfile.TemporaryDirectory() as window:
            for number, (_, image) in enumerate(samples):
                (Path(window) / f"{number:04}").write_bytes(image)
            folder.mkdir(parents=True, exist_ok=True)
            found = drift(bundle, window, alpha=alpha, report=folder / REPORT, seed=seed)
        found |= {
            "window": str(registry.path / "samples" / name), "version": bundle.version[:12],
            "first": samples[0][0], "last": samples[-1][0],
        }  # fmt: skip
        windows = add_window(folder, name, found)
        registry.make_private()
    newest: dict[str, Any] = windows[-1] if windows else {"drift": False, "checks": []}
    return {
        "name": name, "waiting": 0 if enough else len(samples), "windows": len(windows), "drift": newest["drift"],
        "in_a_row": in_a_row(windows), "changed": [each["check"] for each in newest["checks"] if each["found"]],
        "page": str(folder / PAGE) if windows else None,
    }  # fmt: skip


def _samples(folder: Path, after: float) -> list[Sample]:
    """The newest samples that were kept after a time, in their order, at most `MOST`.

    The server throws its oldest shards away meanwhile: one that has gone is passed over.
    """
    found: list[tuple[float, Path, int]] = []
    for shard in sorted(folder.glob("*.parquet")):
        with suppress(CatalogError), open_parquet(shard) as file:
            times = file.read(columns=["time"]).column("time").to_pylist()
            found += [(kept, shard, row) for row, kept in enumerate(times) if kept > after]
    newest = sorted(found)[-MOST:]
    samples: list[Sample] = []
    for shard in sorted({shard for _, shard, _ in newest}):
        with suppress(CatalogError), open_parquet(shard) as file:
            pictures = file.read(columns=["image"]).column("image")
            samples += [(kept, pictures[row]["bytes"].as_py()) for kept, own, row in newest if own == shard]
    return sorted(samples)


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM sets: as the first process of a container nothing else would end it."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)
