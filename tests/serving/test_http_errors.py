"""A refusal as JSON: a code, a reason, what to do next, and the headers that go with it."""

from __future__ import annotations

import json

from tellapart.serving.http_errors import HTTPError, broken, busy


def body(error):
    return json.loads(error.response().body)["error"]


def test_a_refusal_has_a_code_a_reason_and_what_to_do():
    error = HTTPError(413, "too_large", "40 MB", "send less")
    assert error.response().status_code == 413
    assert body(error) == {"code": "too_large", "reason": "40 MB", "next": "send less"}
    assert str(error) == "too_large: 40 MB"
    assert "retry-after" not in error.response().headers
    assert "www-authenticate" not in error.response().headers


def test_who_must_wait_is_told_how_long():
    response = busy(7).response()
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert body(busy(7))["next"] == "try again in 7 s"


def test_who_lacks_a_token_is_told_its_kind():
    assert HTTPError(401, "unauthorized", "no token", "send one").response().headers["www-authenticate"] == "Bearer"


def test_a_failure_names_the_log():
    assert broken().status == 500
    assert body(broken())["code"] == "internal"
    assert "log" in body(broken())["next"]
