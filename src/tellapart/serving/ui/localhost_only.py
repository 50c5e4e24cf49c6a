"""The page is for this machine, and fetches nothing from any other."""

from __future__ import annotations

from typing import NoReturn

from gradio import processing_utils
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tellapart.serving.middleware.security import is_foreign


class LocalhostOnly:
    """ASGI middleware: without a password, nobody but this machine, and no page of another site through a browser."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] in ("http", "websocket") and is_foreign(scope):
            await PlainTextResponse("only this machine may ask\n", 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def disable_external_assets() -> None:
    """Gradio downloads a picture whose path is an address, whoever names it; here nobody may."""

    async def refused(*_: str) -> NoReturn:
        raise ValueError("a picture is uploaded, never fetched")

    processing_utils.async_ssrf_protected_download = refused  # type: ignore[assignment]
