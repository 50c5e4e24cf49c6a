"""What a caller is told when it gets no answer: a code for programs, a reason and what to do next for people."""

from __future__ import annotations

import time

from starlette.responses import JSONResponse


class HTTPError(Exception):
    """A request that is not answered.

    >>> HTTPError(413, "too_large", "the request has 40 MB", "send at most 32 MB").response().status_code
    413
    """

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        remedy: str,
        retry_after: int | None = None,
        challenge: str = "Bearer",
    ) -> None:
        super().__init__(f"{code}: {reason}")
        self.status, self.code, self.reason, self.remedy, self.retry_after = status, code, reason, remedy, retry_after
        self.challenge = challenge

    def response(self) -> JSONResponse:
        """As JSON; nothing of what happened inside is in it."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:
            headers["WWW-Authenticate"] = self.challenge
        body = {"error": {"code": self.code, "reason": self.reason, "next": self.remedy}}
        return JSONResponse(body, self.status, headers)


def busy(seconds: int) -> HTTPError:
    """More is asked than can be answered."""
    return HTTPError(503, "busy", "too many requests are being answered", f"try again in {seconds} s", seconds)


def broken() -> HTTPError:
    """Our fault, and nothing of how."""
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    return HTTPError(500, "internal", "the server failed", f"whoever runs it finds the reason in its log, at {at}")
