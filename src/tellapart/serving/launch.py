"""Bundles behind HTTP: answers in batches, models switched while they answer, corrections kept for training."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from tellapart.core.errors import ConfigError
from tellapart.core.files import private_folder
from tellapart.core.progress import log
from tellapart.serving.listening import check_certificate, open_listener
from tellapart.serving.model_registry import ModelRegistry, named
from tellapart.serving.settings import Settings, default_workers, origin, secret_for


class ServeOptions(TypedDict, total=False):
    """What `serve` takes beside the models and where it listens."""

    state: str | Path  # the folder of what the server keeps: which versions there are, corrections, samples
    workers: int | None  # processes; by default one a core, at most four
    token_file: str | Path | None  # its first line is what callers must send; or the variable ``TELLAPART_TOKEN``
    sample: float  # this share of the images asked about is kept, with the answers
    cors: Sequence[str]  # origins of pages that may ask, such as https://shop.example; "*" with a token
    certfile: str | Path | None  # PEM: speak TLS with this certificate
    keyfile: str | Path | None  # PEM: its private key, where that is not in ``certfile``


def serve(
    models: Sequence[str],
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    bento: str | Path | None = None,
    check: bool = False,
    **options: Unpack[ServeOptions],
) -> Settings | None:
    """Serve bundles until stopped; this process becomes the server.

    Args:
        models: bundles or runs, each ``PATH`` or ``NAME=PATH``; a name stands in the address of its answers.
        host: where to listen; anything but the machine itself needs a token.
        port: from 1 to 65535.
        bento: instead of serving, pack the models and the server as this file, for BentoML.
        check: only make sure that it could start.
        **options: see `ServeOptions`.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a name twice, a port that is none or in use, an address that needs a token, an origin that is none,
            a certificate that cannot be used.
    """
    if bento is not None:
        from tellapart.serving.bento_package import build_bento as pack

        pack(models, bento)
        return None
    settings = _settings(host, port, options)
    folder = ModelRegistry(Path(settings.state))
    if check:
        named(models)
    else:
        with closing(open_listener(settings.host, port)) as listener, folder.held() as lock:
            folder.start(models)
            _become(settings, listener, lock)
    return settings


def _settings(host: str, port: int, options: ServeOptions) -> Settings:
    unknown = set(options) - set(ServeOptions.__annotations__)
    if unknown:
        raise TypeError(f"serve() has no option {unknown.pop()!r}")
    sample, workers = options.get("sample", 0.0), options.get("workers")
    if not 0 <= sample <= 1:
        raise ConfigError(f"sample {sample:g}: give a share from 0 to 1")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers {workers}: at least one")
    secret = secret_for(host, port, options.get("token_file"))
    cors = tuple(map(origin, options.get("cors") or ()))
    if "*" in cors and not secret:
        raise ConfigError("--cors *: pages of every site could ask, so callers must send a token; give --token-file")
    certificate, key = options.get("certfile"), options.get("keyfile")
    check_certificate(certificate, key)
    return Settings(
        state=str(Path(options.get("state", "serving")).absolute()),
        host="127.0.0.1" if host == "localhost" else host.strip("[]"),
        port=port, workers=workers or default_workers(), token=secret, sample=sample, cors=cors,
        certfile=str(Path(certificate).absolute()) if certificate else "",
        keyfile=str(Path(key).absolute()) if key else "",
    )  # fmt: skip


def switch(
    state: str | Path, name: str, bundle: str | Path | None = None, *, wait: float = 30.0, force: bool = False
) -> str:
    """Let a running server answer with another bundle, or with the one before if none is given; nothing is dropped.

    Args:
        state: the folder that the server was started with.
        name: of the model.
        bundle: a bundle or a run; None for the version before.
        wait: seconds for all processes to follow.
        force: also to a bundle of another task, or with other classes or characters.

    Returns:
        The bundle that answers now.

    Raises:
        BundleError: there is no usable bundle, or a worker could not load it.
        ConfigError: no such name, nothing to go back to, or another task or other labels without ``force``.
    """
    return ModelRegistry(Path(state)).switch(name, bundle, wait=wait, force=force)


def _become(settings: Settings, listener: socket.socket, lock: int) -> None:
    # Before the change of process: a missing package is said in the words of every other verb.
    import prometheus_client  # noqa: F401
    import python_multipart  # noqa: F401
    import uvicorn  # noqa: F401

    environment = settings.to_environment()
    metrics = private_folder(Path(environment["PROMETHEUS_MULTIPROC_DIR"]))
    for old in metrics.glob("*.db"):  # figures of processes that have ended
        old.unlink(missing_ok=True)
    log(f"{settings.address} (Ctrl-C ends it)")
    sys.stdout.flush()
    if sys.platform == "win32":  # where no open socket outlives a change of process: one process answers
        os.environ |= environment
        from tellapart.serving.worker import run

        sys.exit(run(replace(settings, workers=1), listener))
    listener.set_inheritable(True)
    words = [sys.executable, "-m", "tellapart.serving", "supervisor", str(listener.fileno()), str(lock)]
    os.execve(sys.executable, words, {**os.environ, **environment})  # noqa: S606  (no shell is wanted)
