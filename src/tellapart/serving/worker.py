"""One process that answers: the models, the app and what stands around it, on the socket that it was handed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tellapart.core.errors import TellapartError
from tellapart.serving.app import App
from tellapart.serving.json_log import log_as_json, log_event
from tellapart.serving.listening import take_waiting
from tellapart.serving.middleware.load_balance import LoadBalanceMiddleware
from tellapart.serving.middleware.stack import protected
from tellapart.serving.model_manager import ModelManager
from tellapart.serving.prometheus import PrometheusMetrics
from tellapart.serving.settings import Settings

_IDLE = 75  # seconds that a connection may lie idle
_GRACE = 1.0  # seconds in which open connections may ask once more, once the server is to end
_FINISH = 25  # seconds for what is being answered then


class ClosingMiddleware:
    """ASGI middleware: once ``closing``, each answer ends its connection, so that its client asks no further."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def noted(message: Message) -> None:
            if self.closing and message["type"] == "http.response.start":
                others = [each for each in message["headers"] if each[0] != b"connection"]
                message["headers"] = [*others, (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, noted)


class DrainingServer(uvicorn.Server):
    """Uvicorn's server, that at its end answers what was begun.

    A signal stops it in steps: it takes the connections that wait in the socket; each answer ends its connection;
    connections that are idle still after a moment are closed; what is being answered is finished.
    """

    def __init__(self, config: uvicorn.Config, closing: ClosingMiddleware) -> None:
        super().__init__(config)
        self._closing = closing

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM ends it; Ctrl-C is for the process above, which then says so."""
        signal.signal(signal.SIGTERM, self._asked_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        yield

    def _asked_to_end(self, number: int, frame: FrameType | None) -> None:
        self._closing.closing = True
        self.handle_exit(number, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in steps."""
        waiting = [each.dup() for each in sockets or []]
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for listener in waiting:
            for taken in take_waiting(listener):
                await self._answer_on(taken)
            listener.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + _GRACE
        while self.server_state.connections and loop.time() < end:
            await asyncio.sleep(0.02)
        await super().shutdown()

    async def _answer_on(self, taken: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._protocol, taken, ssl=self.config.ssl)
        except OSError:  # who has gone away need not be answered
            taken.close()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def run(settings: Settings, listener: socket.socket, alive: int | None = None) -> int:
    """Load the models and answer until SIGTERM; the exit status.

    Args:
        settings: of the server.
        listener: takes the connections.
        alive: a pipe that ends when the process above has; then this one ends too.
    """
    os.umask(0o077)
    log_as_json()
    meter = PrometheusMetrics()
    try:
        live = ModelManager(
            settings,
            seen=lambda name, size: meter.batch.labels(name).observe(size),
            switched=lambda name: meter.switches.labels(name).inc(),
        )
    except (TellapartError, OSError) as error:
        log_event("failed", level="error", reason=str(error))
        return 2
    app = App(settings, live, meter)
    balanced = LoadBalanceMiddleware(app.asgi, live.state.shares, settings.workers)
    closing = ClosingMiddleware(protected(balanced, settings))
    config = uvicorn.Config(
        closing, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_keep_alive=_IDLE, timeout_graceful_shutdown=_FINISH,
        ssl_certfile=settings.certfile or None, ssl_keyfile=settings.keyfile or None,
    )  # fmt: skip
    if alive is not None:
        threading.Thread(target=_end_with, args=(alive,), name="alive", daemon=True).start()
    DrainingServer(config, closing).run([listener])
    app.close()
    return 0


def _end_with(alive: int) -> None:
    """Ends this process in order once the one above has ended, however it did."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
