"""A run folder: what is written, what is read, and what it says before, amid and after a training."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import yaml

from tellapart.core.errors import ConfigError
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.run_folder import CONFIG, DATA, Run, read_history


@pytest.fixture
def young(shape_run, tmp_path):
    """A run folder as it is before its first epoch."""
    folder = tmp_path / "young"
    folder.mkdir()
    for name in (CONFIG, DATA):
        shutil.copy(shape_run / name, folder / name)
    return folder


def test_a_folder_that_is_no_run(tmp_path, refuses):
    with refuses(ConfigError, f"{tmp_path}: not a run folder (there is no config.yaml in it)"):
        Run.open(tmp_path)


def test_a_run_that_has_not_begun_says_so(young):
    run = Run.open(young)
    assert not run.finished
    assert not run.started
    assert run.metrics() is None
    assert run.calibration() == run.environment() == run.histories() == {}
    assert run.scores() == []


def test_a_new_run_is_opened_as_it_was_written(shape_run, tmp_path):
    catalog = Run.open(shape_run).catalog()
    config = TrainConfig(task="classify", stages=[Stage("head", 2)], coarse_labels="größe.yaml")
    run = Run.create(tmp_path / "a" / "run", catalog, config)
    assert run == Run.open(tmp_path / "a" / "run")
    assert run.config == config
    assert run.catalog().fingerprint == catalog.fingerprint
    text = (run.path / CONFIG).read_text(encoding="utf-8")
    assert "größe.yaml" in text
    assert list(yaml.safe_load(text)) == list(config.to_dict())
    other = TrainConfig(task="classify", stages=[Stage("all", 1)])
    assert Run.create(run.path, catalog, other).config == other


def test_a_finished_run_holds_all_of_it(shape_run):
    run = Run.open(shape_run)
    assert run.finished
    assert run.started
    assert run.labels == ["bar", "disc", "ring"]
    assert run.count == 1
    done = [json.loads((run.stage(n) / "done.json").read_text(encoding="utf-8"))["score"] for n in (0, 1)]
    assert run.scores() == done
    assert run.environment()["seconds"] > 0
    assert run.histories() == {"": read_history(shape_run / "history.jsonl")}
    assert len(run.histories()[""]) == 4


def test_a_reader_knows_the_characters_of_every_part(text_run):
    assert "".join(Run.open(text_run).charset.characters) == "0147"


def test_the_histories_of_members_go_by_their_numbers(young):
    run = Run.open(young)
    for number in (1, 0):
        run.member(number).mkdir(parents=True)
        (run.member(number) / "history.jsonl").write_text(f'{{"stage": 0, "epoch": {number + 1}}}\n', encoding="utf-8")
    assert run.started
    assert list(run.histories().items()) == [("0", [{"stage": 0, "epoch": 1}]), ("1", [{"stage": 0, "epoch": 2}])]
    assert read_history(young / "nothing.jsonl") == []


def test_best_and_last_are_of_the_stage_it_has_come_to(shape_run, copied, refuses):
    run = Run.open(copied(shape_run))
    assert run.checkpoint("best") == run.stage(1) / "best.ckpt"
    assert run.checkpoint("last") == run.stage(1) / "last.ckpt"
    shutil.rmtree(run.stage(1))
    assert run.checkpoint("last") == run.stage(0) / "last.ckpt"
    (run.stage(0) / "last.ckpt").unlink()  # as of a head in closed form
    assert run.checkpoint("last") == run.stage(0) / "best.ckpt"
    shutil.rmtree(run.stage(0))
    file = run.stage(1) / "best.ckpt"
    with refuses(ConfigError, f"{file}: no such checkpoint; one is written after each epoch of a training"):
        run.checkpoint("best")
    with refuses(ConfigError, "no.ckpt: no such checkpoint; one is written after each epoch of a training"):
        run.checkpoint("no.ckpt")


def test_of_several_networks_one_must_be_named(tmp_path, refuses):
    run = Run(tmp_path, TrainConfig(ensemble=2, stages=[Stage()]))
    text = f"{tmp_path}: several networks, a run each; name one of them, such as {tmp_path / 'members' / '0'}"
    with refuses(ConfigError, text):
        run.checkpoint("best")


def test_reading_a_run_needs_no_torch(shape_run):
    code = (
        "import sys; from tellapart.training.run_folder import Run; run = Run.open(sys.argv[1]); "
        "run.catalog(), run.metrics(), run.histories(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(shape_run)], check=False).returncode == 0
