"""What every request passes first: who asks, how much, and what is said when something breaks."""

from __future__ import annotations

import asyncio
import hmac
import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tellapart.serving.http_errors import HTTPError, broken, busy
from tellapart.serving.middleware.request_log import note
from tellapart.serving.settings import Settings, is_loopback

_OPEN = ("/livez", "/readyz")  # for whoever watches over the server
_PATIENCE = 100  # seconds for a request and its answer
_log = logging.getLogger("tellapart.serve")


class SecurityMiddleware:
    """ASGI middleware: token, host, size and number of requests; any failure inside becomes JSON without its insides.

    What is let in goes straight to the app ``inside``, past what else the server that runs it has put around; only
    whether it lives is that server's to say.

    Without a token only this machine may ask, wherever the server listens, and no page of another site through a
    browser on it: a foreign ``Host`` or ``Origin`` is refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings, inside: ASGIApp | None = None) -> None:
        self.app = app
        self._inside = inside or app
        self._settings = settings
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
            await send(message)

        try:
            if scope["path"] in _OPEN:
                await self.app(scope, receive, send)
                return
            headers = Headers(scope=scope)
            self._who(scope, headers)
            limited = self._limited(headers, receive)
            if self._running >= self._settings.requests:
                raise busy(1)
            self._running += 1
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._inside(scope, limited, noted)
            finally:
                self._running -= 1
        except TimeoutError:
            if begun:
                raise
            slow = HTTPError(504, "too_slow", f"no answer within {_PATIENCE} s", "send less at a time, or again later")
            await slow.response()(scope, receive, send)
        except HTTPError as refusal:
            note(scope, code=refusal.code)
            if begun:
                raise
            await refusal.response()(scope, receive, send)
        except Exception:
            if begun:
                raise
            _log.exception("%s %s", scope["method"], scope["path"])
            await broken().response()(scope, receive, send)

    def _who(self, scope: Scope, headers: Headers) -> None:
        if self._settings.token:
            kind, _, given = headers.get("authorization", "").partition(" ")
            known = hmac.compare_digest(given.strip().encode(), self._settings.token.encode())
            if kind.lower() != "bearer" or not known:
                raise HTTPError(401, "unauthorized", "no token, or another one", "send Authorization: Bearer TOKEN")
            return
        if is_foreign(scope):
            raise HTTPError(403, "foreign", "a request by way of another site", "ask 127.0.0.1, or start with a token")

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        """Counts what comes, whatever was announced."""
        most = self._settings.request_bytes
        too_large = HTTPError(
            413, "too_large", f"the request has more than {most:,} bytes", "send fewer or smaller images at a time"
        )
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced[:18]) > most:
            raise too_large
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > most:
                raise too_large
            return message

        return counted


def is_foreign(scope: Scope) -> bool:
    """Whether a request comes from another machine, or from a page of another site in a browser of this one."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    try:
        names = [urlsplit("//" + headers.get("host", "localhost")).hostname]
        if origin is not None:
            names.append(urlsplit(origin).hostname)
    except ValueError:
        return True
    caller = scope.get("client")
    return not all(is_loopback(name or "") for name in [*names, *([caller[0]] if caller else [])])
