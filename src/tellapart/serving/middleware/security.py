"""What every request passes first: who asks, how much, and what is said when something breaks."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tellapart.serving.http_errors import HTTPError, broken, busy
from tellapart.serving.middleware.request_log import note
from tellapart.serving.settings import Settings, is_loopback

_OPEN = ("/livez", "/readyz")  # for whoever watches over the server
_PAGES = ("/", "/docs")  # where a browser may ask its user for the token, as a password
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
            if kind.lower() == "basic":
                given = _password(given)
                self._same_site(headers)
            known = hmac.compare_digest(given.strip().encode(), self._settings.token.encode())
            if kind.lower() not in ("bearer", "basic") or not known:
                raise HTTPError(
                    401, "unauthorized", "no token, or another one", "send Authorization: Bearer TOKEN",
                    challenge='Basic realm="tellapart", charset="UTF-8"' if scope["path"] in _PAGES else "Bearer",
                )  # fmt: skip
            return
        if is_foreign(scope, self._settings.cors):
            raise HTTPError(403, "foreign", "a request by way of another site", "ask 127.0.0.1, or start with a token")

    def _same_site(self, headers: Headers) -> None:
        """A browser sends a password by itself, whichever site's page makes it ask: only our own pages may."""
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            raise HTTPError(403, "foreign", "a request by way of another site", "send Authorization: Bearer TOKEN")

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


def _password(given: str) -> str:
    """Of Basic credentials, whoever's."""
    try:
        return base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def is_foreign(scope: Scope, allowed: Sequence[str] = ()) -> bool:
    """Whether a request comes from another machine, or from a page of another site in a browser of this one.

    Args:
        scope: of the request.
        allowed: origins whose pages may ask all the same.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    try:
        names = [urlsplit("//" + headers.get("host", "localhost")).hostname]
        if origin is not None and origin not in allowed:
            names.append(urlsplit(origin).hostname)
    except ValueError:
        return True
    caller = scope.get("client")
    return not all(is_loopback(name or "") for name in [*names, *([caller[0]] if caller else [])])
