"""A plan's runs are trained, gone on with, and compared; one that fails is named and the others go on."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, InputError
from tellapart.training.run_folder import Run

QUICK = {"backbone": "small", "batch_size": 16, "device": "cpu", "precision": "float32", "epochs": 1}


@pytest.fixture
def write_plan(shapes, tmp_path):
    """Write a plan on the shapes; its path."""

    def write(runs, **more):
        path = tmp_path / "plan.yaml"
        plan = {"data": str(shapes), "options": QUICK, "runs": runs, **more}
        path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
        return path

    return write


def trained(capsys):
    """The runs that were begun and those that were finished before, as the command said it."""
    lines = capsys.readouterr().err.splitlines()
    done = [line.split(":")[0].rpartition("/")[2] for line in lines if line.endswith(": finished already")]
    return [line.rpartition(" ")[2] for line in lines if line.startswith("run ") and " of " in line], done


def test_runs_are_trained_once_and_compared_on_the_same_images(write_plan, tmp_path, capsys):
    plan = write_plan({"plain": None, "dropout": {"dropout": 0.5}}, seeds=[0, 1], options={**QUICK, "limit": 40})
    out = tmp_path / "out"
    result = tellapart.experiment(plan, out=out)
    names = ["plain-seed0", "plain-seed1", "dropout-seed0", "dropout-seed1"]
    assert trained(capsys) == (names, [])
    assert [(run["name"], run["state"], run["error"]) for run in result["runs"]] == [
        (name, "finished", None) for name in names
    ]
    catalogs = [Run.open(run["run"]).catalog() for run in result["runs"]]
    assert len({catalog.fingerprint for catalog in catalogs}) == 1  # another seed is no other split or sample
    comparison = result["comparison"]
    assert [model["name"] for model in comparison["models"]] == names
    assert comparison["n"] == len(catalogs[0].rows("test"))
    assert [pair["second"] for pair in comparison["pairs"]] == names[1:]
    scores = [model["accuracy"]["value"] for model in comparison["models"]]
    assert result["seeds"] == [
        {"group": group, "n": 2, "mean": pytest.approx(sum(each) / 2), "lowest": min(each), "highest": max(each)}
        for group, each in (("plain", scores[:2]), ("dropout", scores[2:]))
    ]
    assert "Models on the same images" in (out / "compare.html").read_text("utf-8")
    assert json.loads((out / "experiment.json").read_text("utf-8")) == result

    shutil.rmtree(out / "dropout-seed0")
    weights = (out / "plain-seed0" / "model.safetensors").stat().st_mtime_ns
    assert main(["experiment", str(plan), "--out", str(out)]) == 0
    printed, _ = capsys.readouterr()
    assert (out / "plain-seed0" / "model.safetensors").stat().st_mtime_ns == weights
    assert (out / "dropout-seed0" / "model.safetensors").is_file()
    lines = printed.splitlines()
    assert lines[0].startswith("plain-seed0    finished, ")
    assert lines[5].startswith(f"plain          mean accuracy {sum(scores[:2]) / 2:.4f} of 2 seeds")
    assert f"{comparison['n']} images of {comparison['data']} (split: test)" in lines
    assert lines[-1] == f"report    {out / 'compare.html'}"


def test_a_run_that_was_cut_goes_on(write_plan, tmp_path, monkeypatch, capsys):
    from tellapart.training.callbacks import history

    plan = write_plan({"one": {"epochs": 2}, "two": {"epochs": 2, "dropout": 0.5}})
    out, written = tmp_path / "out", history.EpochHistory.on_train_epoch_end
    whole = tellapart.experiment(plan, out=tmp_path / "whole")

    def stop(self, trainer, module):
        written(self, trainer, module)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(history.EpochHistory, "on_train_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            tellapart.experiment(plan, out=out)
    assert not (out / "two").exists()
    capsys.readouterr()
    result = tellapart.experiment(plan, out=out)
    assert f"{out / 'one'}: going on" in capsys.readouterr().err
    assert [model["accuracy"] for model in result["comparison"]["models"]] == [
        model["accuracy"] for model in whole["comparison"]["models"]
    ]


def test_a_run_that_fails_is_named_and_the_others_go_on(write_plan, tmp_path, capsys):
    missing = tmp_path / "weights.safetensors"
    missing.write_bytes(b"no weights")
    runs = {"broken": {"backbone": "resnet10t", "weights": str(missing)}, "plain": None, "dropout": {"dropout": 0.5}}
    assert main(["experiment", str(write_plan(runs)), "--out", str(tmp_path / "out"), "--json"]) == 1
    printed, err = capsys.readouterr()
    result = json.loads(printed)
    assert [run["state"] for run in result["runs"]] == ["failed", "finished", "finished"]
    error = result["runs"][0]["error"]
    assert str(missing) in error
    assert f"run broken failed: {error}" in err.splitlines()
    assert [model["name"] for model in result["comparison"]["models"]] == ["plain", "dropout"]


def test_one_model_under_two_names_is_compared_once(write_plan, tmp_path, capsys):
    plan = write_plan({"one": {"abstain": 0.9}, "two": {"abstain": 0.8}})
    result = tellapart.experiment(plan, out=tmp_path / "out")
    assert [run["same_as"] for run in result["runs"]] == [None, "one"]
    assert (result["comparison"], result["page"], result["seeds"]) == (None, None, [])
    assert not (tmp_path / "out" / "compare.html").exists()
    assert "fewer than two different models are finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ({"plain": None, "wide": {"weights": "gone.pth"}}, "run wide: weights 'gone.pth': there is no such file"),
        ({"plain": None, "wide": {"augment": "text"}}, "run wide: augment text: it changes"),
        ({"plain": None, "again": {"epochs": 1}}, "run again: the same options as run plain; leave one of the two out"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_first_run(write_plan, tmp_path, runs, reason):
    plan, out = write_plan(runs), tmp_path / "out"
    with pytest.raises(ConfigError) as error:
        tellapart.experiment(plan, out=out)
    assert str(error.value).startswith(f"{plan}: {reason}")
    assert not out.exists()


def test_a_folder_of_other_trainings_is_refused_before_the_first_run(write_plan, shape_run, tmp_path, copied):
    copied(shape_run, "out/plain")
    plan, out = write_plan({"new": {"dropout": 0.5}, "plain": None}), tmp_path / "out"
    with pytest.raises(ConfigError) as error:
        tellapart.experiment(plan, out=out)
    assert str(error.value).startswith(f"{plan}: run plain: {out / 'plain'}: holds another training (")
    assert not (out / "new").exists()
    with pytest.raises(ConfigError) as error:
        tellapart.experiment(plan, out=out / "plain")
    assert str(error.value) == f"{out / 'plain'}: a run; give another --out, for a folder of runs"


def test_data_that_no_comparison_is_made_on_is_refused(shapes, tagged, tmp_path, refuses):
    tellapart.split(shapes, fractions=(0.8, 0.2, 0), out=tmp_path / "split.parquet")
    plan = {"data": tmp_path / "split.parquet", "options": QUICK, "seeds": [0, 1], "runs": {"plain": None}}
    with pytest.raises(InputError) as error:
        tellapart.experiment(plan, out=tmp_path / "out")
    assert str(error.value).endswith("no test part, which the runs are compared on; split it with one")
    with refuses(
        ConfigError, "the plan: options: limit 2: give at least 9, one of each class in each part of the split"
    ):
        tellapart.experiment({**plan, "data": shapes, "options": {**QUICK, "limit": 2}}, out=tmp_path / "out")
    with pytest.raises(InputError) as error:
        tellapart.experiment({**plan, "data": tagged, "options": {**QUICK, "task": "tag"}}, out=tmp_path / "out")
    assert str(error.value).endswith("several labels an image (tag); experiment knows classify and read only")
    assert not (tmp_path / "out").exists()
