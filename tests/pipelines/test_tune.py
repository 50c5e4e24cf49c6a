"""The search keeps its promises: what it leaves, how it goes on, what it prunes and never sees, what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.data.catalog import Catalog
from tellapart.pipelines.train import fit_only
from tellapart.training.config import make_config
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule

QUICK = {"backbone": "small", "epochs": 2, "batch_size": 16, "device": "cpu", "precision": "float32"}
SPACE = {"lr": {"low": 0.001, "high": 0.01, "log": True}, "dropout": [0.0, 0.2]}


@pytest.fixture
def tune_module():
    assert tellapart.tune  # loads the module, whose name the function has
    return sys.modules["tellapart.pipelines.tune"]


@pytest.fixture
def instant(monkeypatch, tune_module):
    """Trials without training: what a function of configuration and number says of each epoch."""

    class Trainer:
        max_epochs = 4

        def __init__(self, epoch, score):
            self.current_epoch, self.callback_metrics = epoch, {"val_score": score}

    def scored(score):
        calls = []

        def trained(folder, config, catalog, watch):
            calls.append(config)
            value = score(len(calls) - 1, config)
            if isinstance(value, BaseException):
                raise value
            for epoch in range(4):
                watch.on_train_epoch_end(Trainer(epoch, value * (epoch + 1) / 4), None)
            return value

        monkeypatch.setattr(tune_module, "run_trial", trained)
        return calls

    return scored


# --- what it leaves behind ---------------------------------------------------------------------------


def test_the_contract_the_folder_and_a_yaml_that_trains(shapes, tmp_path, capsys):
    out = tmp_path / "an odd #name? 100%"
    result = tellapart.tune(shapes, out=out, trials=2, space=SPACE, **QUICK)
    assert list(result) == ["best", "config", "score", "untuned", "trials", "importances", "picture"]
    assert result["trials"] == {"complete": 2, "pruned": 0, "failed": 0}
    assert result["score"] >= result["untuned"]
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    names = ("config.yaml", "history.jsonl", "log.txt", "mistakes.json")
    kept = {f"trials/{n:03d}/{name}" for n in (0, 1) for name in names}
    assert left - {f"trials/{n:03d}/time.json" for n in (0, 1)} == kept | {
        "best.yaml", "space.yaml", "importances.png", "study.db"
    }  # fmt: skip
    with Image.open(result["picture"]) as picture:
        assert picture.format == "PNG"
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("read as: ")]
    assert [line.partition(":")[0] for line in said] == [str(out), "trial 0", "trial 1"]
    assert said[1].endswith("lr 0.003, dropout 0.2")  # the untuned configuration comes first
    config = make_config(config=result["config"])
    assert config.to_dict() == result["best"]
    trained = fit_only(shapes, config=result["config"], out=tmp_path / "run")
    assert Run.open(trained["run"]).config == config


def test_json_is_one_object_and_the_same_command_answers_at_once(shapes, tmp_path, instant, capsys):
    space = tmp_path / "space.yaml"
    space.write_text(yaml.safe_dump(SPACE), encoding="utf-8")
    words = ["tune", str(shapes), "--out", str(tmp_path / "out"), "--trials", "6", "--space", str(space)]
    calls = instant(lambda number, config: 0.9 - abs(config.stages[0].lr - 0.004))
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert printed.out.count("\n") == 1
    assert len(calls) == 6
    assert sum(result["importances"].values()) == pytest.approx(1)
    assert result["best"]["stages"][0]["lr"] == min((c.stages[0].lr for c in calls), key=lambda lr: abs(lr - 0.004))
    assert main(words) == 0
    assert len(calls) == 6
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"score    {result['score']:.4f} on the val part, untuned {result['untuned']:.4f}"
    assert lines[-1] == f"next     tellapart train DATA --config {tmp_path / 'out' / 'best.yaml'}"


# --- the test part -----------------------------------------------------------------------------------


def test_the_test_part_is_never_read(draw_shapes, tmp_path, monkeypatch):
    data = draw_shapes(tmp_path / "shapes")
    catalog = tellapart.split(data, seed=7)
    hidden = [catalog.column("file")[row] for row in catalog.rows("test")]
    assert len(hidden) == 9
    for file in hidden:
        (data / file).unlink()
    kept, write = [], Catalog.write
    monkeypatch.setattr(Catalog, "write", lambda self, path: (write(self, path), kept.append(pq.read_table(path)))[0])
    result = tellapart.tune(catalog, out=tmp_path / "out", trials=1, seed=7, **QUICK)
    assert result["trials"]["complete"] == 1
    assert len(kept) == 1
    assert set(kept[0].column("split").to_pylist()) == {"train", "val"}
    assert set(kept[0].column("file").to_pylist()).isdisjoint(hidden)
    assert kept[0].num_rows == 60 - 9


# --- how it goes on ----------------------------------------------------------------------------------


def test_more_trials_go_on_and_draw_anew(shapes, tmp_path, instant):
    calls = instant(lambda number, config: 0.5 + config.dropout / 10)
    tellapart.tune(shapes, out=tmp_path / "out", trials=2, space=SPACE, **QUICK)
    result = tellapart.tune(shapes, out=tmp_path / "out", trials=5, space=SPACE, **QUICK)
    assert len(calls) == 5
    assert result["trials"]["complete"] + result["trials"]["pruned"] == 5
    assert len({config.stages[0].lr for config in calls}) == 5


def test_what_falls_behind_is_pruned_and_counts(shapes, tmp_path, instant, capsys):
    instant(lambda number, config: 0.9 if number < 5 else 0.1)
    result = tellapart.tune(shapes, out=tmp_path / "out", trials=7, space=SPACE, **QUICK | {"epochs": 4})
    assert result["trials"] == {"complete": 5, "pruned": 2, "failed": 0}
    assert "trial 5: pruned after epoch 2; " in capsys.readouterr().err
    assert result["score"] == 0.9


def test_a_training_that_falls_behind_ends_early(shapes, tmp_path, tune_module, monkeypatch):
    monkeypatch.setattr(tune_module, "UNPRUNED", 1)
    space = {"lr": [0.003, 1e-9]}
    out = tmp_path / "out"
    result = tellapart.tune(shapes, out=out, trials=4, space=space, **QUICK | {"epochs": 4, "augment": "none"})
    assert result["trials"]["pruned"] > 0
    lengths = [len(path.read_text("utf-8").splitlines()) for path in sorted(out.glob("trials/*/history.jsonl"))]
    assert max(lengths) == 4
    assert min(lengths) < 4
    assert result["best"]["stages"][0]["lr"] == 0.003


KILLED = """
import os, signal, sys, json
import tellapart
from tellapart.training.tasks.classification import ClassificationModule

step, steps = ClassificationModule.training_step, iter(range(10**6))

def killing(self, batch, index):
    if next(steps) == 8:  # in the second trial: one has 2 epochs of 3 steps
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

ClassificationModule.training_step = killing
if __name__ == "__main__":
    tellapart.tune(sys.argv[1], out=sys.argv[2], trials=2, **json.loads(sys.argv[3]))
"""


def test_a_killed_trial_has_failed_and_does_not_count(shapes, tmp_path):
    out, options = tmp_path / "out", {"space": SPACE, **QUICK}
    command = [sys.executable, "-c", KILLED, str(shapes), str(out), json.dumps(options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert make_config(config=out / "best.yaml").backbone == "small"  # the best so far is there
    result = tellapart.tune(shapes, out=out, trials=2, **options)
    assert result["trials"] == {"complete": 2, "pruned": 0, "failed": 1}


def test_ctrl_c_stops_cleanly_and_leaves_the_best_so_far(shapes, tmp_path, monkeypatch, capsys, request):
    space, out = tmp_path / "space.yaml", tmp_path / "out"
    space.write_text(yaml.safe_dump(SPACE), encoding="utf-8")
    words = ["tune", str(shapes), "--out", str(out), "--trials", "2", "--space", str(space), "--json"]
    words += [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
    step, steps = ClassificationModule.training_step, iter(range(10**6))

    def interrupted(self, batch, index):
        if next(steps) == 8:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, index)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(ClassificationModule, "training_step", interrupted)
    assert main(words) == 130
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": "stopped; the same command goes on from here"}
    assert "trial 1: stopped; " in printed.err
    assert printed.err.endswith("\nstopped; the same command goes on from here\n")
    assert (out / "best.yaml").is_file()
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == {"complete": 2, "pruned": 0, "failed": 1}


def test_the_budget_ends_a_trial_but_never_the_first(shapes, tmp_path, instant, tune_module, monkeypatch, capsys):
    instant(lambda number, config: 0.5)
    result = tellapart.tune(shapes, out=tmp_path / "out", minutes=1e-9, space=SPACE, **QUICK)
    assert result["trials"] == {"complete": 1, "pruned": 0, "failed": 0}
    left = iter([1e-9, 0.0])  # seconds
    monkeypatch.setattr(tune_module.Budget, "seconds_left", lambda *_: next(left))
    result = tellapart.tune(shapes, out=tmp_path / "out", minutes=1, space=SPACE, **QUICK)
    assert result["trials"] == {"complete": 1, "pruned": 0, "failed": 1}
    assert "trial 1: stopped after epoch 1, the time is up; " in capsys.readouterr().err


# --- what it searches --------------------------------------------------------------------------------


def test_a_head_in_closed_form_has_no_rate(tmp_path, shapes, instant, capsys):
    calls = instant(lambda number, config: 0.5)
    space = {"stages": [[{"train": "solve"}]], "lr": SPACE["lr"], "height": [32, 64]}
    tellapart.tune(shapes, out=tmp_path / "out", trials=2, space=space, backbone="resnet18", pretrained=False)
    assert [stage.train for stage in calls[0].stages] == ["solve"]
    assert {(config.height, config.width) for config in calls} <= {(32, 32), (64, 64)}
    assert "lr" not in capsys.readouterr().err.splitlines()[-1]


def test_what_is_said_is_not_searched(shapes, tmp_path, instant):
    calls = instant(lambda number, config: 0.5)
    tellapart.tune(shapes, out=tmp_path / "out", trials=3, mixup=0.0, augment="none", **QUICK)
    space = yaml.safe_load((tmp_path / "out" / "space.yaml").read_text(encoding="utf-8"))
    assert list(space) == ["lr", "label_smoothing", "ema", "dropout"]
    assert {(config.mixup, config.augment, config.batch_size) for config in calls} == {(0.0, "none", 16)}


def test_a_reader_is_tuned(texts, text_options, tmp_path):
    options = text_options | {"stages": [{"train": "all", "epochs": 1, "lr": 5e-3}]}
    result = tellapart.tune(texts, out=tmp_path / "out", trials=1, space={"dropout": [0.1]}, **options)
    assert result["best"]["dropout"] == 0.1


# --- what it refuses ---------------------------------------------------------------------------------


def test_bad_budgets_and_folders_are_refused(shapes, tmp_path, refuses, instant):
    with refuses(ConfigError, "minutes 0: give a number above 0"):
        tellapart.tune(shapes, minutes=0)
    with refuses(ConfigError, "trials 0: give at least 1"):
        tellapart.tune(shapes, trials=0)
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine", encoding="utf-8")
    with refuses(ConfigError, f"{full}: not empty and not a search; give another --out"):
        tellapart.tune(shapes, out=full, **QUICK)
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]
    instant(lambda number, config: 0.5)
    out = tmp_path / "out"
    tellapart.tune(shapes, out=out, trials=1, space=SPACE, **QUICK)
    said = "dropout [0.0, 0.2] there, None here"
    with refuses(ConfigError, f"{out}: holds another search ({said}); give another --out, or remove it"):
        tellapart.tune(shapes, out=out, trials=1, space={"lr": SPACE["lr"]}, **QUICK)


def test_trials_that_fail_in_a_row_end_the_search(shapes, tmp_path, instant, refuses, capsys):
    instant(lambda number, config: ConfigError("no such thing"))
    out = tmp_path / "out"
    with refuses(ConfigError, f"{out}: 3 trials in a row failed; mend what the last one says: no such thing"):
        tellapart.tune(shapes, out=out, trials=1, space=SPACE, **QUICK)
    assert "trial 0: failed: no such thing; " in capsys.readouterr().err
    instant(lambda number, config: ConfigError("once") if number == 0 else 0.5)
    result = tellapart.tune(shapes, out=out, trials=1, space=SPACE, **QUICK)
    assert result["trials"] == {"complete": 1, "pruned": 0, "failed": 4}


def test_without_optuna_the_extra_is_named(shapes):
    code = "import sys; sys.modules['optuna'] = None; from tellapart.cli import main; sys.exit(main(sys.argv[1:]))"
    ended = subprocess.run(
        [sys.executable, "-c", code, "tune", str(shapes)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"tellapart: optuna is not installed; this verb needs: {install_command('tune')}\n"


def test_importing_the_package_loads_no_optuna():
    code = "import sys, tellapart; tellapart.load; print('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
