"""Which versions answer outlives a restart; a failed switch leaves no trace."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.serving.model_registry import ModelRegistry


@contextlib.contextmanager
def process_that_holds(folder):
    code = (
        "from pathlib import Path; from tellapart.serving.model_registry import ModelRegistry; "
        f"ModelRegistry(Path({str(folder)!r})).hold()"
    )
    holder = subprocess.Popen([sys.executable, "-c", f"{code}; print('held', flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.communicate(b"\n", timeout=10)


def test_a_switch_outlives_a_restart_and_a_failed_one_leaves_no_trace(tmp_path, shape_bundle, copied):
    other, state = str(copied(shape_bundle)), ModelRegistry(tmp_path / "state")
    words = [f"a={shape_bundle}"]
    state.start(words)
    with pytest.raises(ConfigError, match="no server runs"):
        state.switch("a", other, wait=1)
    before = state.read()
    with process_that_holds(state.path):
        with pytest.raises(ConfigError, match="a server runs"):
            state.hold()
        state.report({"a": str(shape_bundle)}, {"a": f"{other}: broken"})  # a worker that cannot load it
        with pytest.raises(BundleError, match="broken"):
            state.switch("a", other, wait=5)
        assert state.read() == before
        state.report({"a": other}, {})
        assert state.switch("a", other, wait=5) == other
    state.start(words)
    assert state.read()["a"]["versions"][state.read()["a"]["current"]] == other
    tellapart.serve([str(shape_bundle)], state=state.path, check=True)
    assert list(state.read()) == ["a"]  # only looked
