"""A page in the browser: give it a picture, see the answer and how sure it is, say where it is wrong."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def web(
    model: str | Path,
    *,
    server: str | None = None,
    host: str = "127.0.0.1",
    port: int = 3001,
    corrections: str | Path = "corrections",
    token_file: str | Path | None = None,
    check: bool = False,
) -> None:
    """Show the page until stopped.

    Args:
        model: a run or a bundle; with ``server``, the name of one of its models.
        server: ask this address for answers, and send it the corrections.
        host: where to listen; anything but the machine itself needs a token.
        port: from 1 to 65535.
        corrections: a folder for the pictures that users said were wrong, without a server.
        token_file: a file whose first line is the password of the page; or the environment variable
            ``TELLAPART_TOKEN``. The user's name is ``tellapart``.
        check: only make sure that it could start.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a port that is none or in use, or an address that needs a token.
        ServerError: the server cannot be reached.
    """
    # Before its import: it asks its makers for news otherwise, and keeps pictures where it is told at first.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from tellapart.serving.listening import open_listener
    from tellapart.serving.settings import secret_for

    password = secret_for(host, port, token_file)
    if not check:
        open_listener(host.strip("[]"), port).close()  # one sentence now, instead of Gradio's later
    with _private_pictures():
        from starlette.middleware import Middleware

        from tellapart.serving.ui.backends import LocalBackend, ServerBackend
        from tellapart.serving.ui.layout import LOOK, build_page
        from tellapart.serving.ui.localhost_only import LocalhostOnly, disable_external_assets

        answering = LocalBackend(model, Path(corrections)) if server is None else ServerBackend(server, str(model))
        page = build_page(answering)
        if check:
            return
        disable_external_assets()
        page.launch(
            server_name=host, server_port=port, share=False, quiet=True, ssr_mode=False, footer_links=[],
            auth=("tellapart", password) if password else None, max_file_size="32mb", show_error=False,
            app_kwargs={"middleware": [] if password else [Middleware(LocalhostOnly)]}, **LOOK,
        )  # fmt: skip


@contextmanager
def _private_pictures() -> Iterator[None]:
    """Keep what visitors give in a folder that no other user of this machine can enter, and remove it at the end."""

    def end(*_: object) -> None:
        sys.exit(0)

    mask = os.umask(0o077)
    before = signal.signal(signal.SIGTERM, end) if threading.current_thread() is threading.main_thread() else None
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        with tempfile.TemporaryDirectory(prefix="tellapart-web-", dir=given, ignore_cleanup_errors=True) as folder:
            os.environ["GRADIO_TEMP_DIR"] = folder
            yield
    finally:
        os.umask(mask)
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        if given is None:
            os.environ.pop("GRADIO_TEMP_DIR", None)
        else:
            os.environ["GRADIO_TEMP_DIR"] = given
