"""Parts on this machine: two a core under way."""

from __future__ import annotations

import json

from tellapart.scale.job import package_state
from tellapart.scale.local_cores import LocalCores


def test_a_part_is_done_in_another_process(tmp_path):
    cores = LocalCores(1)
    assert cores.slots() == 2
    job = {"package": package_state(), "function": "scale.functions:square", "inputs": {"n": [3]}, "options": {},
           "out": str(tmp_path), "file": "a.parquet"}  # fmt: skip
    handle, ended = cores.submit(json.dumps(job)), []
    while not ended:
        ended = cores.finished([handle])
    assert json.loads(ended[0][1])["rows"] == 1
    assert (tmp_path / "a.parquet").is_file()
    cores.close(finished=True)
