"""A path that is not there is said before torch is loaded or anything is begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from tellapart.cli.input_paths import check_input_paths
from tellapart.core.errors import CatalogError, ConfigError, TellapartError

NO_FILE = "no: there is no such file or folder"
COMMANDS = [
    (["summary", "no"], NO_FILE),
    (["catalog", "no", "--out", "c.parquet"], NO_FILE),
    (["audit", "no", "--out", "out"], NO_FILE),
    (["clean", "no", "--out", "c.parquet"], NO_FILE),
    (["prepare", "no", "--out", "out"], NO_FILE),
    (["balance", "no", "--out", "c.parquet"], NO_FILE),
    (["split", "no", "--out", "c.parquet"], NO_FILE),
    (["tidy", "no", "--out", "out"], NO_FILE),
    (["train", "no", "--out", "out"], NO_FILE),
    (["adapt", "no", "--out", "out"], NO_FILE),
    (["tune", "no", "--out", "out"], NO_FILE),
    (["map", "tf_efficientnet_lite0", "no", "--out", "map.html"], NO_FILE),
    (["evaluate", "base", "no"], NO_FILE),
    (["strength", "no", "--out", "out"], NO_FILE),
    (["strength", "digit", "--out", "out"], f"{NO_FILE.replace('no:', 'digit:')} (did you mean the scheme 'digits'?)"),
    (["strength", "no.yaml", "--out", "out"], "no.yaml: the scheme cannot be read: No such file or directory"),
    (["train", "no*.parquet"], "no*.parquet: no file matches this pattern"),
    (["train", "note.md"], "note.md: not a data set; give a folder of images, a table"),
    (["train", "set", "--config", "no"], "no: cannot be read: No such file or directory"),
    (["tune", "set", "--space", "no"], "no: cannot be read: No such file or directory"),
    (["experiment", "no"], "no: the plan cannot be read: No such file or directory"),
    (["train", "set", "--coarse-labels", "no"], "no: the groups file cannot be read: No such file or directory"),
    (["train", "set", "--config", "."], ".: cannot be read: Is a directory"),
    (["train", "set", "--config", "/dev/zero"], "/dev/zero: cannot be read: a device, not a file"),
    (["clean", "set", "--out", "c.parquet", "--policy", "no"], "no: the policy cannot be read: No such file or direct"),
    (["prepare", "set", "--out", "out", "--corrections", "no"], "no: cannot be read: No such file or directory"),
    (["train", "set", "--init-from", "no"], "init_from 'no': there is no such run, checkpoint or bundle"),
    (["adapt", "set", "--out", "out", "--model", "no"], "model 'no': there is no such run, checkpoint or bundle"),
    (["evaluate", "set", "base"], "set: no run or bundle, and base is one; MODEL comes first: tellapart evaluate base"),
    (["predict", "note.txt", "base"], "note.txt: no run or bundle, and base is one; MODEL comes first: tellapart pred"),
    (["compare", "base", "small", "set"], "set: no run or bundle; did you mean --data set?"),
    (["generate", "digits", "--n", "5", "--out", "g"], "unrecognized arguments: digits; did you mean --scheme digits?"),
    (["explain", "base", "a.png", "b.png"], "unrecognized arguments: b.png; one image at a time"),
    (["export", "no"], "no: not a run folder (there is no config.yaml in it)"),
]
WITHOUT_TORCH = """
import contextlib, io, json, sys
sys.modules["torch"] = None
from tellapart.cli import main
answers = []
for words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        answers.append([main(words), said.getvalue()])
print(json.dumps(answers))
"""


@pytest.fixture
def here(class_folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("a note", encoding="utf-8")
    (tmp_path / "note.md").write_text("a note", encoding="utf-8")
    return tmp_path


def test_every_verb_says_what_is_missing_without_torch_and_writes_nothing(here, tree):
    before = tree(here)
    line = [sys.executable, "-c", WITHOUT_TORCH, json.dumps([words for words, _ in COMMANDS])]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, cwd=here, env=dict(os.environ), check=True)
    for (words, text), (status, said) in zip(COMMANDS, json.loads(done.stdout), strict=True):
        assert (status, said.count("\n"), said.startswith(f"tellapart: {text}")) == (2, 1, True), (words, said)
    assert tree(here) == before


def test_what_a_finished_run_began_with_may_be_gone(here, shape_run):
    options = {"data": "set", "init_from": "gone"}
    with pytest.raises(ConfigError, match="there is no such run"):
        check_input_paths("train", {**options, "out": "new"})
    check_input_paths("train", {**options, "out": str(shape_run)})


def test_what_is_there_and_what_is_no_path_is_passed_over(here):
    (here / "policy.yaml").write_text(yaml.safe_dump({}), encoding="utf-8")
    check_input_paths("clean", {"data": "set", "policy": "policy.yaml", "corrections": None})
    check_input_paths("audit", {"data": "set/cat/0.png", "known": "audit"})  # one image is looked up
    check_input_paths("train", {"data": None, "init_from": "small"})
    check_input_paths("map", {"data": "s3://bucket/photos", "model": "resnet18"})
    check_input_paths("strength", {"target": "digits"})


@pytest.mark.parametrize(
    ("name", "kind"), [("coarse_labels", CatalogError), ("corrections", CatalogError), ("policy", ConfigError)]
)
def test_the_error_is_that_of_reading_the_file(name, kind, here):
    with pytest.raises(TellapartError) as caught:
        check_input_paths("clean", {"data": "set", name: "no"})
    assert type(caught.value) is kind
