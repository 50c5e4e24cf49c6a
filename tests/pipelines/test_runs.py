"""Runs are listed with their data, the options that differ, their figures and their time."""

from __future__ import annotations

import json

import pytest
import yaml

from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.runs import runs
from tellapart.training.config import TrainConfig
from tellapart.training.run_folder import Run


@pytest.fixture
def folder(tmp_path, shapes):
    """Two runs and a half: a finished one, one below a folder that has not begun, and a folder that is none."""
    catalog = split(open_catalog(shapes), seed=0)
    root = tmp_path / "runs"
    first = Run.create(root / "plain", catalog, TrainConfig(task="classify", seed=1))
    figure = {"value": 0.5, "ci95": [0.25, 0.75], "n": 9}
    (first.path / "metrics.json").write_text(json.dumps({"split": "test", "accuracy": figure, "ece": 0.1}), "utf-8")
    (first.path / "environment.json").write_text(json.dumps({"seconds": 12.5}), "utf-8")
    Run.create(root / "deep" / "mixup", catalog, TrainConfig(task="classify", seed=1, mixup=0.2))
    Run.create(root / "plain" / "members" / "0", catalog, TrainConfig(task="classify", seed=2))
    (root / "other").mkdir()
    (root / "other" / "notes.txt").write_text("no run", "utf-8")
    return root


def test_runs_are_listed_with_what_differs(folder, shapes):
    listed = {run["name"]: run for run in runs(folder)["runs"]}
    assert listed.keys() == {"plain", "deep/mixup"}  # members are no runs of their own
    plain, mixup = listed["plain"], listed["deep/mixup"]
    assert (plain["options"], mixup["options"]) == ({"mixup": 0.0}, {"mixup": 0.2})
    assert plain["data"]["source"] == str(shapes)
    assert (plain["state"], mixup["state"]) == ("finished", "new")
    assert plain["figures"] == {"accuracy": {"value": 0.5, "ci95": [0.25, 0.75], "n": 9}}
    assert (plain["seconds"], mixup["seconds"], plain["split"]) == (12.5, None, "test")
    assert plain["data"]["n"] == 60
    assert plain["data"]["fingerprint"] == mixup["data"]["fingerprint"]


def test_a_run_that_was_stopped_tells_its_time_so_far(folder):
    line = {"stage": 0, "epoch": 1, "seconds": 1.25}
    (folder / "deep" / "mixup" / "history.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    (run,) = [run for run in runs(folder)["runs"] if run["name"] == "deep/mixup"]
    assert (run["state"], run["seconds"]) == ("stopped", 1.2)


def test_the_folder_may_be_a_run_itself(folder):
    (run,) = runs(folder / "plain")["runs"]
    assert (run["name"], run["options"]) == ("plain", {})


def test_a_run_that_cannot_be_read_is_named_and_left_out(folder, capsys):
    (folder / "deep" / "mixup" / "config.yaml").write_text(yaml.safe_dump({"epoch": 3}), "utf-8")
    assert [run["name"] for run in runs(folder)["runs"]] == ["plain"]
    assert "mixup: left out, as it cannot be read as a run" in capsys.readouterr().err


def test_no_folder_and_no_run_are_refused(tmp_path, refuses):
    with refuses(ConfigError, f"{tmp_path / 'gone'}: no such folder; name one that holds runs"):
        runs(tmp_path / "gone")
    with refuses(
        ConfigError, f"{tmp_path}: no run in this folder (a run is a folder with config.yaml and data.parquet)"
    ):
        runs(tmp_path)
