"""The verbs that train, and the recipes; the runs of `conftest` are finished already."""

from __future__ import annotations

import json

import pytest

import tellapart
from tellapart.cli import main
from tellapart.cli.training import _search_table
from tellapart.training.config import TrainConfig
from tellapart.training.recipes import recipe_names


def test_train(answered, said, shapes, shape_run, shape_result, options_file):
    words = ("train", shapes, "--out", shape_run, "--config", options_file)
    assert answered(*words) == shape_result
    status, prose, err = said(*words)
    assert status == 0
    assert err == (
        f"{shape_run}: finished already\n"
        "note: 60 images are under 40 px on a side: only their exact copies are kept together\n"
    )
    lines = prose.splitlines()
    assert lines[0] == f"9 images of {shape_run / 'data.parquet'} (split: test)"
    assert lines[2].startswith("accuracy             0.")
    assert lines[-3:] == [
        f"run     {shape_run} ({shape_result['seconds']} s)",
        f"bundle  {shape_run / 'bundle'}",
        f"next    tellapart predict {shape_run / 'bundle'} IMAGE ...",
    ]


def test_an_option_overrides_the_file(said, shapes, shape_run, options_file):
    status, out, err = said("train", shapes, "--out", shape_run, "--config", options_file, "--batch-size", 4, "--json")
    message = f"{shape_run}: holds another training (batch_size 16 there, 4 here); give another --out, or remove it"
    assert (status, json.loads(out), err) == (2, {"error": message}, f"tellapart: {message}\n")


def test_recipes(answered, said):
    assert list(answered("recipes")["recipes"]) == recipe_names()
    name = recipe_names()[0]
    assert answered("recipes", name)["recipes"][name] == tellapart.recipes(name)[name]
    assert said("recipes", name)[1] == tellapart.recipes(name)[name].rstrip() + "\n"
    assert all(f"\n{name}\n" in "\n" + said("recipes")[1] for name in recipe_names())


def test_demo(answered, said, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(tellapart, "demo", lambda out: asked.append(out) or {"run": "x", "summary": "it reads"})
    assert answered("demo", "--out", tmp_path) == {"run": "x", "summary": "it reads"}
    assert said("demo") == (0, "it reads\n", "")
    assert asked == [str(tmp_path), "demo"]


def test_every_training_option_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in TrainConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')} " in text
    assert "the peak learning rate" not in text  # a stage's own options are its docstring's business


def test_from_scratch_is_pretrained_false(monkeypatch, said, class_folders, tmp_path):
    monkeypatch.chdir(tmp_path)
    calls = []

    def train(data, **options):
        calls.append(options)
        raise tellapart.InputError("enough")

    monkeypatch.setattr(tellapart, "train", train)
    assert said("train", "set", "--from-scratch", "--epochs", 3)[0] == 2
    assert said("train", "set", "--pretrained", "false", "--epochs", 3)[0] == 2
    assert calls == [{"pretrained": False, "epochs": 3}] * 2


def test_further_sources_are_handed_on(monkeypatch, said, class_folders, fill, tmp_path):
    calls = []

    def train(*data, **options):
        calls.append((data, options))
        raise tellapart.InputError("enough")

    monkeypatch.setattr(tellapart, "train", train)
    more = str(fill(tmp_path / "more", ["cat/9.png"]))
    assert said("train", class_folders, more, more, "--epochs", 3)[0] == 2
    assert calls == [((str(class_folders), more, more), {"epochs": 3})]
    _, _, err = said("train", class_folders, tmp_path / "no")
    assert err == f"tellapart: {tmp_path / 'no'}: there is no such file or folder\n"


@pytest.mark.parametrize("option", ["task", "label_from", "init_from", "pretrained", "mixup", "cv_folds"])
def test_adapt_takes_no_option_that_it_decides(option, said):
    status, out, err = said("adapt", "pictures", "--out", "runs", f"--{option}", "x")
    assert (status, out) == (2, "")
    assert err.startswith(f"tellapart: no option '{option}'")


def test_a_search_as_prose():
    result = {
        "best": {}, "config": "out/best.yaml", "score": 0.75, "untuned": 0.5, "picture": "out/importances.png",
        "trials": {"complete": 4, "pruned": 1, "failed": 0}, "importances": {"lr": 0.75, "dropout": 0.25},
    }  # fmt: skip
    assert _search_table(result).splitlines() == [
        "score    0.7500 on the val part, untuned 0.5000",
        "trials   4 complete, 1 pruned, 0 failed",
        "matters  lr 75 %, dropout 25 %",
        "picture  out/importances.png",
        "next     tellapart train DATA --config out/best.yaml",
    ]
    assert "matters  too few trials to tell\n" in _search_table({**result, "importances": {}})
    assert "untuned" not in _search_table({**result, "untuned": None})
