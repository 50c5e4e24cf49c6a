"""A new project: whole or not at all, its commands are real, and DVC runs what is out of date and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

import tellapart
from tellapart.cli import VERBS, main
from tellapart.core.errors import ConfigError
from tellapart.training.config import make_config

STEPS = ["audit", "clean", "train", "evaluate"]


@pytest.fixture
def project(tmp_path):
    tellapart.init(tmp_path / "photos")
    return tmp_path / "photos"


def test_what_is_written_can_be_read(project):
    left = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    assert left == [
        ".github/workflows/data.yml", ".github/workflows/model.yml", ".gitignore", "Makefile", "README.md", "dvc.yaml",
        "params.yaml",
    ]  # fmt: skip
    assert (project / "data").is_dir()
    assert make_config(config=project / "params.yaml").task == "classify"
    for file in project.rglob("*.y*ml"):
        assert yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (project / "README.md").read_text(encoding="utf-8").startswith("# photos\n")


def test_its_commands_name_real_verbs_and_options(project, capsys):
    text = "\n".join(path.read_text(encoding="utf-8") for path in project.rglob("*") if path.is_file())
    commands = re.findall(r"cmd: tellapart (\w+)(.*)", text)
    assert [verb for verb, _ in commands] == STEPS
    for verb, words in commands:
        assert verb in VERBS
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        shown = capsys.readouterr().out
        for option in re.findall(r"--[a-z-]+", words):
            assert f"{option} " in shown, (verb, option)
    for step in re.findall(r"--single-item (\w+)", text):
        assert step in STEPS


def test_a_reader_too_and_the_verb_says_what_there_is(tmp_path, capsys):
    assert main(["init", str(tmp_path / "texts"), "--task", "read", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["folder"] == str(tmp_path / "texts")
    assert all((tmp_path / "texts" / name).exists() for name in written["files"])
    assert make_config(config=tmp_path / "texts" / "params.yaml").task == "read"


def test_a_folder_of_something_else_is_left_alone(tmp_path, tree, refuses):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    before = tree(tmp_path)
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with refuses(ConfigError, f"{folder}: there is something already; name a new folder, or an empty one"):
            tellapart.init(folder)
    with refuses(ConfigError, "task 'guess': known are classify, read"):
        tellapart.init(tmp_path / "new", task="guess")
    assert tree(tmp_path) == before


@pytest.fixture
def run(project):
    """A command in the project, whose output is returned."""
    if shutil.which("dvc") is None or shutil.which("git") is None:
        pytest.skip("no dvc or no git on this machine")
    here = Path(sys.executable).parent
    environment = {
        **os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(project.parent / "config"), "DVC_SITE_CACHE_DIR": str(project.parent / "site"),
    }  # fmt: skip

    def command(*words):
        ran = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{words}: {ran.stdout}\n{ran.stderr}"
        return ran.stdout

    return command


def stages(text):
    return re.findall(r"Running stage '(\w+)'", text)


def test_with_dvc_and_a_local_remote(project, run, draw_shapes, shape):
    draw_shapes(project / "data" / "shapes", each=14, grouped=False)
    options = {"task": "classify", "backbone": "small", "epochs": 1, "device": "cpu", "precision": "float32"}
    (project / "params.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")
    steps = (project / "dvc.yaml").read_text(encoding="utf-8")
    steps = steps.replace("fail_above: 10", "fail_above: 99").replace("fail_below: 0.80", "fail_below: 0.01")
    (project / "dvc.yaml").write_text(steps, encoding="utf-8")
    run("make", "setup", f"REMOTE={project.parent / 'storage'}")
    run("make", "data")
    assert stages(run("dvc", "repro")) == STEPS
    assert json.loads((project / "scores.json").read_text(encoding="utf-8"))["split"] == "test"
    assert stages(run("dvc", "repro")) == []
    run("dvc", "push")

    shutil.rmtree(project / "run")  # another machine: what git and the remote hold is enough
    shutil.rmtree(project / ".dvc" / "cache")
    run("dvc", "pull")
    assert (project / "run" / "bundle" / "model.onnx").is_file()
    assert stages(run("dvc", "repro")) == []

    picture = next((project / "data" / "shapes").rglob("00.png"))
    picture.unlink()  # DVC's files may be links into its store
    Image.fromarray(shape("bar", 9999)).save(picture)
    run("make", "data")
    assert stages(run("dvc", "repro", "--dry")) == STEPS
