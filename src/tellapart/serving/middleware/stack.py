"""What stands around the app, from the outside to the inside: the log, then who may ask at all."""

from __future__ import annotations

from starlette.types import ASGIApp

from tellapart.serving.middleware.request_log import RequestLogMiddleware
from tellapart.serving.middleware.security import SecurityMiddleware
from tellapart.serving.settings import Settings


def protected(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app with all that every request passes first."""
    return RequestLogMiddleware(SecurityMiddleware(app, settings))
