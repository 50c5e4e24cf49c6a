"""The process above those of a Bento takes commands from its own user alone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tellapart.serving import bento_package

pytest.importorskip("bentoml")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")
def test_a_served_bento_listens_for_requests_alone(tmp_path, shape_bundle, copied, listening):
    """As BentoML serves it; what takes commands is a socket file in a folder of the mode 0700."""
    (tmp_path / "bento" / "models").mkdir(parents=True)
    copied(shape_bundle).rename(tmp_path / "bento" / "models" / "shapes")
    (tmp_path / "bento" / "service.py").write_text(bento_package._SERVICE, "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "t").mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TELLAPART")}
    environment |= {"TELLAPART_STATE": str(tmp_path / "state"), "BENTOML_HOME": str(tmp_path / "home"),
                    "BENTOML_DO_NOT_TRACK": "True", "TMPDIR": str(tmp_path / "t")}  # fmt: skip
    code = "import sys; from bentoml_cli.cli import cli; sys.exit(cli())"
    line = [sys.executable, "-c", code, "serve", "service:Recogniser", "--port", str(port)]
    log = tmp_path / "bento.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            line, env=environment, cwd=tmp_path / "bento", stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + 120
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            with contextlib.suppress(httpx.HTTPError):
                told = httpx.get(f"http://127.0.0.1:{port}/v1/models", trust_env=False)
                if told.status_code == 200:
                    break
            time.sleep(0.2)
        assert told.json()["models"][0]["name"] == "shapes"
        ports, paths = listening(server.pid)
        assert ports == {port}
        commands = [Path(each) for each in paths if each.endswith(("/commands", "/events"))]
        assert len(commands) == 2
        assert {stat.S_IMODE(each.parent.stat().st_mode) for each in commands} == {0o700}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            raise
