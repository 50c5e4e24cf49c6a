"""A worker answers in JSON: what it did, or why not."""

from __future__ import annotations

import json
import os

import pyarrow.parquet as pq
import pytest

from tellapart.core.parallel import cpu_count
from tellapart.scale.job import CORES, do_part, package_state


def ask(out, function, **more):
    job = {"package": package_state(), "function": f"scale.functions:{function}", "inputs": {"n": [1, 2]},
           "options": {}, "out": str(out), "file": "part.parquet"}  # fmt: skip
    return json.loads(do_part(json.dumps(job | more)))


def test_a_part_is_written_whole_and_counted(tmp_path):
    answer = ask(tmp_path, "square")
    assert (answer["rows"], answer["broken"]) == (2, 0)
    assert pq.read_table(tmp_path / "part.parquet").to_pydict() == {"n": [1, 2], "square": [1, 4]}


def test_rows_with_an_error_are_counted(tmp_path):
    assert ask(tmp_path, "broken")["broken"] == 2


@pytest.mark.parametrize(
    ("function", "key", "words"),
    [
        ("unusable", "unusable", "shard 1: cannot be read as Parquet"),
        ("failing", "failed", "OSError: the disk is on fire"),
        ("no_such", "failed", "AttributeError: "),
    ],
)
def test_what_goes_wrong_is_told_and_nothing_is_written(tmp_path, function, key, words):
    answer = ask(tmp_path, function, inputs={"n": [1]}, options={"marker": str(tmp_path / "x")})
    assert answer[key].startswith(words)
    assert not (tmp_path / "part.parquet").exists()


def test_another_package_is_refused(tmp_path):
    assert "this machine 0.0" in ask(tmp_path, "square", package="0.0")["refused"]


def test_a_part_is_one_cores_share(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("scale.functions.square", lambda *_: iter(seen.append(cpu_count()) or ()), raising=False)
    ask(tmp_path, "square")
    assert seen == [1]
    assert CORES not in os.environ


def test_the_state_of_the_package_names_its_version():
    assert package_state().startswith("0.")
    assert len(package_state().split()[1]) == 14
