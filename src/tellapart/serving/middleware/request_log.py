"""One line a request on stderr, and an id that stands in it and in the answer."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tellapart.serving.json_log import log_event

HEADER = "X-Request-ID"
NOTES = "tellapart.notes"  # in the request's scope: what else is to stand in its line
_NUMBER = "tellapart.request_id"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = ("/livez", "/readyz", "/metrics")  # asked every few seconds by whatever watches; no news unless they fail


def request_id(scope: Scope) -> str | None:
    """The id of a request, which its answer has too."""
    number: str | None = scope.get(_NUMBER)
    return number


def note(scope: Scope, **fields: Any) -> None:
    """Add to the line of this request.

    >>> scope = {NOTES: {}}
    >>> note(scope, model="cats", images=2)
    >>> scope[NOTES]
    {'model': 'cats', 'images': 2}
    """
    scope.setdefault(NOTES, {}).update(fields)


class RequestLogMiddleware:
    """ASGI middleware: gives each request an id, the caller's own ``X-Request-ID`` if it has a plain one, and logs it.

    The line says who asked what, the status, the milliseconds, and what the app has noted of it. It holds no query, no
    header, no file name, no picture.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER.lower().encode(), b"")
        number = given.decode() if _ID.fullmatch(given) else uuid.uuid4().hex[:16]
        notes: dict[str, Any] = {}
        scope[NOTES], scope[_NUMBER] = notes, number
        status, start = 0, time.perf_counter()

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER.lower().encode(), number.encode())]
            await send(message)

        try:
            await self._app(scope, receive, numbered)
        finally:
            if status != 200 or scope["path"] not in _QUIET:
                client = scope.get("client")
                log_event(
                    "request", level="error" if status >= 500 or not status else "warning" if status >= 400 else "info",
                    id=number, client=client[0] if client else None, method=scope["method"], path=scope["path"][:200],
                    status=status or None, ms=round(1000 * (time.perf_counter() - start), 1), **notes,
                )  # fmt: skip
