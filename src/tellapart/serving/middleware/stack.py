"""What stands around the app, from the outside to the inside: the log, origins of pages, who may ask."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from tellapart.serving.middleware.request_log import HEADER, RequestLogMiddleware
from tellapart.serving.middleware.security import SecurityMiddleware
from tellapart.serving.settings import Settings


def protected(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app with all that every request passes first."""
    asgi: ASGIApp = SecurityMiddleware(app, settings)
    if settings.cors:
        asgi = CORSMiddleware(
            asgi, allow_origins=settings.cors, allow_methods=("GET", "POST"), expose_headers=(HEADER, "Retry-After"),
            allow_headers=("Authorization", "Content-Type", HEADER),
        )  # fmt: skip
    return RequestLogMiddleware(asgi)
