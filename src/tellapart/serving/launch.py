"""Bundles behind HTTP: answers in batches, models switched while they answer, corrections kept for training."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tellapart.core.errors import ConfigError
from tellapart.serving.model_registry import ModelRegistry, named
from tellapart.serving.settings import Settings, default_workers, secret_for


def serve(
    models: Sequence[str],
    *,
    state: str | Path = "serving",
    host: str = "127.0.0.1",
    port: int = 3000,
    workers: int | None = None,
    token_file: str | Path | None = None,
    sample: float = 0.0,
    bento: str | Path | None = None,
    check: bool = False,
) -> Settings | None:
    """Serve bundles until stopped; this process becomes the server.

    Args:
        models: bundles or runs, each ``PATH`` or ``NAME=PATH``; a name stands in the address of its answers.
        state: the folder of what the server keeps: which versions there are, corrections, samples.
        host: where to listen; anything but the machine itself needs a token.
        port: from 1 to 65535.
        workers: processes; by default one a core, at most four.
        token_file: a file whose first line callers must send; or the environment variable ``TELLAPART_TOKEN``.
        sample: this share of the images asked about is kept, with the answers.
        bento: instead of serving, pack the models and the server as this file, for BentoML.
        check: only make sure that it could start.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a name twice, a port that is none, an address that needs a token.
    """
    if bento is not None:
        from tellapart.serving.bento_package import build_bento as pack

        pack(models, bento)
        return None
    if not 0 <= sample <= 1:
        raise ConfigError(f"sample {sample:g}: give a share from 0 to 1")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers {workers}: at least one")
    secret = secret_for(host, port, token_file)
    folder = ModelRegistry(Path(state).absolute())
    numeric = "127.0.0.1" if host == "localhost" else host.strip("[]")
    settings = Settings(str(folder.path), numeric, port, workers or default_workers(), secret, sample)
    if check:
        named(models)
    else:
        folder.hold()
        folder.start(models)
        _become(settings)
    return settings


def switch(state: str | Path, name: str, bundle: str | Path | None = None, *, wait: float = 30.0) -> str:
    """Let a running server answer with another bundle, or with the one before if none is given; nothing is dropped.

    Returns:
        The bundle that answers now.

    Raises:
        BundleError: there is no usable bundle, or a worker could not load it.
        ConfigError: no such name, or nothing to go back to.
    """
    return ModelRegistry(Path(state)).switch(name, bundle, wait=wait)


def _become(settings: Settings) -> None:
    # Before the change of process: a missing package is said in the words of every other verb.
    import bentoml  # noqa: F401

    words = [sys.executable, "-m", "tellapart.serving", "serve", "tellapart.serving.service:Recogniser",
             "--host", settings.host, "--port", str(settings.port)]  # fmt: skip
    sys.stdout.flush()
    os.execve(sys.executable, words, {**os.environ, **settings.to_environment()})  # noqa: S606  (no shell is wanted)
