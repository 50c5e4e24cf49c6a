"""A plan says what each run trains with; what does not fit is named with the file and the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tellapart.core.errors import ConfigError
from tellapart.training.experiment_plan import read_plan

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "experiments.md"
PLAN = {
    "data": "photos",
    "options": {"epochs": 3, "label_from": "folder", "mixup": 0.1},
    "runs": {"plain": None, "mixup": {"mixup": 0.2}},
}


def test_a_run_has_the_shared_options_and_its_own_over_them(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN, sort_keys=False), encoding="utf-8")
    plan = read_plan(path)
    assert (plan.name, plan.data, plan.shared.label_from) == (str(path), ("photos",), "folder")
    assert [(run.name, run.group, run.config.epochs, run.config.mixup) for run in plan.runs] == [
        ("plain", "plain", 3, 0.1),
        ("mixup", "mixup", 3, 0.2),
    ]
    assert plan.runs[1].options == {"epochs": 3, "label_from": "folder", "mixup": 0.2}
    assert read_plan(PLAN).runs == plan.runs


def test_each_run_is_trained_from_each_seed_and_the_shared_one_splits():
    plan = read_plan({**PLAN, "options": {"seed": 7}, "seeds": [0, 3], "data": ["photos", "corrections"]})
    assert [(run.name, run.group, run.config.seed) for run in plan.runs] == [
        ("plain-seed0", "plain", 0),
        ("plain-seed3", "plain", 3),
        ("mixup-seed0", "mixup", 0),
        ("mixup-seed3", "mixup", 3),
    ]
    assert (plan.shared.seed, plan.data) == (7, ("photos", "corrections"))


def test_an_option_that_needs_another_may_stand_apart_from_it():
    runs = {"slow": {"lr": 0.01}, "fast": {"lr": 0.1}}
    plan = read_plan({"data": "photos", "options": {"optimizer": "sgd"}, "runs": runs})
    assert [run.config.lr for run in plan.runs] == [0.01, 0.1]


def test_the_plan_of_the_documents_is_one():
    (text,) = re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    runs = read_plan(yaml.safe_load(text)).runs
    assert [run.name for run in runs][::3] == ["plain-seed0", "mixup-seed0", "resnet-seed0"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"run": {}}, "no key 'run' (did you mean 'runs'?); there are: data, options, seeds, runs"),
        ({"data": None}, "data: name a folder, a table, Parquet shards or a catalog, or a list of these"),
        ({"data": []}, "data: name a folder, a table, Parquet shards or a catalog, or a list of these"),
        ({"options": ["epochs"]}, "options: write one option a line, as `key: value`"),
        ({"options": {"epoch": 3}}, "options: unknown option 'epoch' (did you mean 'epochs'?)"),
        ({"options": {"epochs": 0}}, "options: epochs 0: give at least 1"),
        ({"runs": None}, "runs: write one a line, as `name: {option: value}`"),
        ({"runs": {"plain": {}}}, "one run (plain); write two or more, or several seeds"),
        ({"runs": {"plain": 3, "b": {}}}, "run plain: write one option a line, as `key: value`"),
        ({"runs": {"a": {}, "b": {"epoch": 3}}}, "run b: unknown option 'epoch' (did you mean 'epochs'?)"),
        ({"runs": {"a": {}, "b": {"epochs": "x"}}},
         "run b: option epochs: 'x' does not fit; give a whole number"),
        ({"runs": {"a": {}, "b": {"dropout": 2.0}}}, "run b: label_smoothing and dropout: give a number from 0 up to, "
         "but not including, 1"),
        ({"runs": {"a": {}, "b": {"task": "read"}}}, "run b: task: all runs share the data; write it under options"),
        ({"runs": {"a": {}, "../b": {}}}, "run '../b': its name names its folder; write letters, digits, '-', '_' and "
         "'.'"),
        ({"seeds": 3}, "seeds: give a list of different whole numbers, such as [0, 1, 2]"),
        ({"seeds": [1, 1]}, "seeds: give a list of different whole numbers, such as [0, 1, 2]"),
        ({"seeds": [0, True]}, "seeds: give a list of different whole numbers, such as [0, 1, 2]"),
        ({"seeds": [-1]}, "run plain: seed -1: give a whole number from 0 to 4294967295"),
        ({"seeds": [0, 1], "runs": {"a": {"seed": 3}}}, "run a: seed 3 beside seeds; write one of the two"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_place(changed, reason, refuses):
    with refuses(ConfigError, f"the plan: {reason}"):
        read_plan(PLAN | changed)


@pytest.mark.parametrize("text", ["", "photos", "- a"])
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, refuses):
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with refuses(ConfigError, f"{path}: write data, options, seeds and runs, as `key: value`"):
        read_plan(path)
