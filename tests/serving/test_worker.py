"""A server that is told to end answers what was begun: no request is lost, no connection reset."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import threading

from tellapart.serving.worker import ClosingMiddleware

CLIENTS = 16


def _multipart(images):
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + data + b"\r\n"
        for data in images
    )
    return parts + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


class _Caller:
    """Asks until nobody listens any more; what was lost is what began and got no whole answer."""

    def __init__(self, port, images, *, keep):
        self.port, self.images, self.keep = port, images, keep
        self.answered, self.lost = 0, []

    def run(self):
        body, headers = _multipart(self.images)
        connection = None
        while True:
            if connection is None or connection.sock is None or not self.keep:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            try:
                connection.request("POST", "/v1/models/shapes/predict", body, headers)
                answer = connection.getresponse()
                rows = json.loads(answer.read())["predictions"]
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.lost.append(repr(error))
                return
            if answer.status != 200 or len(rows) != len(self.images):
                self.lost.append(answer.status)
            self.answered += 1
            if not self.keep:
                connection.close()


def test_a_server_that_ends_answers_every_request_that_was_begun(process, tmp_path, shape_bundle, pictures):
    words = [f"shapes={shape_bundle}", "--state", tmp_path / "state", "--workers", "2"]
    with process(tmp_path, "serve", *words) as (url, server):
        port = int(url.rpartition(":")[2])
        callers = [
            _Caller(port, pictures[: 1 + number % 3] * (20 if number % 4 == 3 else 1), keep=number % 2 == 0)
            for number in range(CLIENTS)
        ]
        threads = [threading.Thread(target=each.run) for each in callers]
        for each in threads:
            each.start()
        for each in callers:
            while not each.answered:
                assert not each.lost
        log = tmp_path / "serve.log"
        server.send_signal(signal.SIGTERM)
        for each in threads:
            each.join(60)
        assert not any(each.is_alive() for each in threads)
        assert [each.lost for each in callers] == [[]] * CLIENTS
        assert server.wait(30) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert lines[-1] | {"killed": 0} == lines[-1]
    assert [each["event"] for each in lines if each["event"] != "request"] == ["ready", "stopping", "stopped"]
    assert all(each["status"] == 200 for each in lines if each["event"] == "request")


def _listens(address):
    try:
        socket.create_connection(address, timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_request_half_sent_is_answered_whole(process, tmp_path, shape_bundle, pictures):
    """Its head had come when the server was told to end; the rest comes later, and a second Ctrl-C is not needed."""
    with process(tmp_path, "serve", f"shapes={shape_bundle}", "--state", tmp_path / "state", "--workers", "1") as (
        url,
        server,
    ):
        data = pictures[0]
        head = (
            "POST /v1/models/shapes/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30) as half:
            half.sendall(head.encode() + data[:20])
            with socket.create_connection(half.getpeername(), timeout=30) as other:  # is answered after ours has come
                other.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert other.recv(100).startswith(b"HTTP/1.1 200")
            server.send_signal(signal.SIGINT)
            while _listens(half.getpeername()):
                assert server.poll() is None
            half.sendall(data[20:])
            told = b""
            while part := half.recv(65536):
                told += part
        assert told.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in told.partition(b"\r\n\r\n")[0]
        assert json.loads(told.partition(b"\r\n\r\n")[2])["predictions"][0]["label"]
        assert server.wait(30) == 0


def test_answers_end_their_connections_once_the_server_ends():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"keep-alive")]})

    sent = []

    async def send(message):
        sent.append(message["headers"])

    closing = ClosingMiddleware(app)
    asyncio.run(closing({"type": "http"}, None, send))
    closing.closing = True
    asyncio.run(closing({"type": "http"}, None, send))
    assert sent == [[(b"connection", b"keep-alive")], [(b"connection", b"close")]]
