"""A true Ray on this machine: the same files as without it, and what is lost is done again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from scale.test_engine import answers, parts, work
from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.scale.engine import run_parts
from tellapart.scale.ray_cluster import RayCluster, check_address

pytest.importorskip("ray", reason="Ray is not installed (extra scale)")


SCRIPT = """
import json, sys, ray
from scale.test_engine import parts, work
from tellapart.scale.engine import run_parts
from tellapart.scale.ray_cluster import RayCluster
ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
out, marker = sys.argv[1:]
asked = work(out, "killed_once", marker=marker)
reports = [run_parts(asked, parts(range(6)), on="ray") for _ in range(2)]
for report in reports:
    report.check()
print(json.dumps([RayCluster("ray").slots(), *([each.again, each.done_before, each.rows] for each in reports)]))
"""


def test_parts_on_ray_are_those_without_and_a_killed_worker_costs_none(tmp_path, tree):
    """In a process of its own: Ray leaves processes to its end."""
    marker = str(tmp_path / "died")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "ray"), marker]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [2, [1, 0, 6], [0, 6, 0]]
    run_parts(work(tmp_path / "here", "killed_once", marker=marker), parts(range(6)))
    assert answers(tmp_path / "ray") == list(range(6))
    assert {path: state[0] for path, state in tree(tmp_path / "ray").items()} == {
        path: state[0] for path, state in tree(tmp_path / "here").items()
    }


@pytest.mark.parametrize("on", ["dask", "ray://", "ray://host", "http://host:1", "ray://host:x"])
def test_what_is_no_address_is_refused(on, refuses):
    with refuses(ConfigError, f"on {on!r}: give ray (this machine, or what RAY_ADDRESS names) or ray://HOST:PORT"):
        check_address(on)


def test_without_ray_the_extra_is_named(monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, "ray", None)
    with refuses(ConfigError, f"on ray: Ray is not installed; {install_command('scale')}, or leave out --on"):
        check_address("ray")


def test_a_cluster_that_is_not_there_is_told_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConfigError, match=rf"^{address}: the cluster cannot be reached .*; is it up, and is its port"):
        RayCluster(address)
