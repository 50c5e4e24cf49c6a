"""Connections among the processes of a server."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tellapart.serving.middleware.load_balance import LoadBalanceMiddleware


async def answers(share, requests):
    """The headers of so many answers, asked for at the same time."""
    headers = []

    async def send(message):
        headers.extend(message["headers"])

    await asyncio.gather(*(share({"type": "http"}, None, send) for _ in range(requests)))
    return headers


async def app(scope, receive, send):
    await asyncio.sleep(0)  # so that all are in hand before one is answered
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})


END = (b"connection", b"close")


def test_who_has_more_in_hand_ends_some_connections_and_nobody_else_does(tmp_path):
    busy, idle = LoadBalanceMiddleware(app, tmp_path / "shares", 2), LoadBalanceMiddleware(app, tmp_path / "shares", 2)
    few, many = asyncio.run(answers(idle, 100)), []
    for _ in range(5):
        many += asyncio.run(answers(busy, 400))
    assert 0 < many.count(END) < 300
    assert many.count((b"a", b"b")) == 2000
    before = few.count(END)  # idle was ahead at first
    assert asyncio.run(answers(idle, 100)).count(END) == 0
    assert before < 50


def test_alike_shares_and_one_process_alone_keep_all_connections(tmp_path):
    alone = LoadBalanceMiddleware(app, tmp_path / "alone", 1)
    assert END not in asyncio.run(answers(alone, 500))
    pair = [LoadBalanceMiddleware(app, tmp_path / "pair", 2) for _ in range(2)]

    async def both():
        for _ in range(300):
            for each in pair:
                assert END not in await answers(each, 1)

    asyncio.run(both())


def test_the_place_of_a_process_that_ended_is_free_again(tmp_path):
    script = (
        "import sys, pathlib\n"
        "from tellapart.serving.middleware.load_balance import LoadBalanceMiddleware\n"
        "s = LoadBalanceMiddleware(None, pathlib.Path(sys.argv[1]), 1)"
    )
    held = f"{script}; print(s._place, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "0\n"
        over = LoadBalanceMiddleware(app, tmp_path, 1)  # one more than there are places still answers
        assert END not in asyncio.run(answers(over, 50))
        other.kill()
        other.wait()
    again = subprocess.run(
        [sys.executable, "-c", f"{script}; print(s._place)", tmp_path], capture_output=True, text=True, check=True
    )
    assert again.stdout == "0\n"


def test_sharing_imports_where_fcntl_is_missing():
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "import tellapart.serving.middleware.load_balance, tellapart.serving.model_registry"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
