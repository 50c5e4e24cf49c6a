"""Nobody but its own user can tell a server anything; its processes are started again, and end with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

another_user = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can be another user for a test"
)

# What another user tries: enter the folder, read what lies in it, switch the model, speak to every socket.
SPY = """
import json, os, pathlib, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
state, sockets = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
got = []
files = map(pathlib.Path, json.loads(sys.argv[3]))
for each in (state, state / "models.json", state / "corrections", state / "workers", *files):
    try:
        got.append(str(os.listdir(each) if each.is_dir() else each.read_bytes()))
    except PermissionError:
        pass
try:
    (state / "models.json").write_text("{}")
    got.append("written")
except PermissionError:
    pass
for each in sockets:
    try:
        socket.socket(socket.AF_UNIX).connect(each)
        got.append(each)
    except PermissionError:
        pass
print(json.dumps(got))
"""


@pytest.fixture
def reachable():
    """A folder that every user can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="tellapart-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _spied(state, sockets=(), files=()):
    line = [sys.executable, "-c", SPY, str(state), json.dumps(sorted(sockets)), json.dumps(list(map(str, files)))]
    return json.loads(subprocess.run(line, cwd="/", capture_output=True, text=True, check=True).stdout)


@another_user
def test_another_user_is_refused(process, listening, reachable, shape_bundle, pictures):
    """The server listens for requests alone, and what it keeps is its own user's."""
    state = reachable / "state"
    words = [f"shapes={shape_bundle}", "--state", state, "--workers", "2", "--sample", "1"]
    mask = os.umask(0)  # whoever starts it may have been generous
    try:
        with process(reachable, "serve", *words) as (url, server):
            ports, paths = listening(server.pid)
            assert ports == {int(url.rpartition(":")[2])}
            assert not paths
            address = f"{url}/v1/models/shapes"
            files = {"image": ("a.png", pictures[0])}
            assert httpx.post(f"{address}/predict", files=files).status_code == 200
            assert httpx.post(f"{address}/correct", files=files, data={"right": "ring"}).status_code == 201
            assert _spied(state, paths) == []
    finally:
        os.umask(mask)
    kept = [state, *state.rglob("*")]
    assert {each.name for each in kept} >= {"state", "corrections", "samples", "models.json"}
    assert {each.stat().st_mode & 0o777 for each in kept if each.is_dir()} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in kept if each.is_file()} == {0o600}
    assert _spied(state, (), [each for each in kept if each.suffix == ".parquet"]) == []


def test_a_process_that_dies_is_started_again_and_all_end_with_the_one_above(process, tmp_path, shape_bundle):
    words = [f"shapes={shape_bundle}", "--state", tmp_path / "state", "--workers", "1"]
    with process(tmp_path, "serve", *words) as (url, server):
        reports = tmp_path / "state" / "workers"
        (first,) = (int(each.stem) for each in reports.glob("*.json"))
        os.kill(first, signal.SIGKILL)
        end = time.monotonic() + 120
        while (found := [int(each.stem) for each in reports.glob("*.json")]) in ([], [first]):
            assert time.monotonic() < end
            time.sleep(0.05)
        (second,) = found
        assert httpx.get(f"{url}/v1/models", trust_env=False).json()["models"][0]["name"] == "shapes"
        server.kill()  # who is killed can tell nobody; its processes end all the same
        server.wait()
        while Path(f"/proc/{second}").exists() and "Z" not in Path(f"/proc/{second}/stat").read_text().split()[2]:
            assert time.monotonic() < end
            time.sleep(0.05)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)
    events = [json.loads(line) for line in (tmp_path / "serve.log").read_text().splitlines() if line.startswith("{")]
    (restarted,) = (each for each in events if each["event"] == "restarted")
    assert (restarted["process"], restarted["status"]) == (first, -9)


def test_a_server_whose_models_cannot_be_loaded_ends_and_says_why(tmp_path, shape_bundle, copied):
    """The bundle went between the check and the start."""
    from tellapart.serving.listening import open_listener
    from tellapart.serving.model_registry import ModelRegistry
    from tellapart.serving.settings import Settings

    bundle = copied(shape_bundle)
    registry = ModelRegistry(tmp_path / "state")
    with registry.held() as lock, open_listener("127.0.0.1", _free_port()) as listener:
        registry.start([f"shapes={bundle}"])
        shutil.rmtree(bundle)
        settings = Settings(str(registry.path), workers=2)
        Path(settings.to_environment()["PROMETHEUS_MULTIPROC_DIR"]).mkdir()
        ended = subprocess.run(
            [sys.executable, "-m", "tellapart.serving", "supervisor", str(listener.fileno()), str(lock)],
            pass_fds=(listener.fileno(), lock), env={**os.environ, **settings.to_environment()}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert str(bundle) in next(each["reason"] for each in lines if each["event"] == "failed")
    assert "Traceback" not in ended.stderr


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
