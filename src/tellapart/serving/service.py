"""The server of a Bento, as BentoML runs it. `tellapart serve` runs its own processes, see `supervisor`."""

from __future__ import annotations

import bentoml
from bentoml._internal.server.http import traffic
from starlette.types import ASGIApp, Receive, Scope, Send

from tellapart.serving.app import App
from tellapart.serving.bento_arbiter import close_arbiter
from tellapart.serving.middleware.load_balance import LoadBalanceMiddleware
from tellapart.serving.middleware.security import SecurityMiddleware
from tellapart.serving.model_manager import ModelManager
from tellapart.serving.prometheus import PrometheusMetrics
from tellapart.serving.settings import Settings

SETTINGS = Settings.from_environment()


class _Late:
    """The app, once its process has loaded the models: BentoML wants it named before."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


_late = _Late()


def _untimed(app: ASGIApp, timeout: float) -> ASGIApp:
    """Instead of BentoML's time limit, whose timers stay in memory until they end; `SecurityMiddleware` has its own."""
    del timeout
    return app


close_arbiter()
traffic.TimeoutMiddleware = _untimed  # type: ignore[assignment, misc]


@bentoml.service(
    name="tellapart",
    workers=SETTINGS.workers,
    traffic={"timeout": 120},
    # Its own figures and traces of every request cost a tenth of the answers; `PrometheusMetrics` has what is worth
    # watching.
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
)
class Recogniser:
    """Loads the models of the state folder and answers."""

    def __init__(self) -> None:
        meter = PrometheusMetrics()
        live = ModelManager(
            SETTINGS,
            seen=lambda name, size: meter.batch.labels(name).observe(size),
            switched=lambda name: meter.switches.labels(name).inc(),
        )
        self.app = App(SETTINGS, live, meter)
        _late.app = LoadBalanceMiddleware(self.app.asgi, live.state.shares, SETTINGS.workers)

    def __is_ready__(self) -> bool:
        return bool(self.app.live.models)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def shut(self) -> None:
        """Write what waits."""
        self.app.close()


Recogniser.add_asgi_middleware(SecurityMiddleware, settings=SETTINGS, inside=_late)  # type: ignore[attr-defined]
